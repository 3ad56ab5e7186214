/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The registrations of this process that have an active worker. A page must know its controller before its first script
//! runs, and can't wait for the manager's answer then.

use std::collections::HashMap;
use std::sync::LazyLock;

use parking_lot::RwLock;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_constellation_traits::ServiceWorkerRegistrationInfo;
use servo_url::ServoUrl;

/// By scope.
static ACTIVE_REGISTRATIONS: LazyLock<RwLock<HashMap<ServoUrl, ActiveRegistration>>> =
    LazyLock::new(Default::default);

struct ActiveRegistration {
    info: ServiceWorkerRegistrationInfo,
    /// When it began to have an active worker: pages that were there before are not controlled. `None` once its worker
    /// has claimed them.
    since: Option<CrossProcessInstant>,
}

/// The registration that controls a page which began to be loaded from `client_url` at `navigation_start`.
pub(crate) fn controlling_registration(
    client_url: &ServoUrl,
    navigation_start: CrossProcessInstant,
) -> Option<ServiceWorkerRegistrationInfo> {
    ACTIVE_REGISTRATIONS
        .read()
        .iter()
        .filter(|(scope, _)| client_url.as_str().starts_with(scope.as_str()))
        .filter(|(_, active)| active.since.is_none_or(|since| since <= navigation_start))
        .max_by_key(|(scope, _)| scope.as_str().len())
        .map(|(_, active)| active.info.clone())
}

/// A registration of an earlier run controls pages from the first one on.
pub(super) fn note_restored(info: &ServiceWorkerRegistrationInfo) {
    let active = ActiveRegistration {
        info: info.clone(),
        since: None,
    };
    let mut registrations = ACTIVE_REGISTRATIONS.write();
    registrations.insert(info.scope_url.clone(), active);
}

/// A registration has an active worker now, or none any more, or something else of it is new.
pub(super) fn note_change(info: &ServiceWorkerRegistrationInfo) {
    let mut registrations = ACTIVE_REGISTRATIONS.write();
    if info.active_worker.is_some() {
        let since = match registrations.get(&info.scope_url) {
            Some(active) => active.since,
            None => Some(CrossProcessInstant::now()),
        };
        let info = info.clone();
        registrations.insert(info.scope_url.clone(), ActiveRegistration { info, since });
    } else {
        registrations.remove(&info.scope_url);
    }
}

/// The worker has claimed its pages, also those that were there before it was active.
pub(super) fn note_claim(scope_url: &ServoUrl) {
    if let Some(active) = ACTIVE_REGISTRATIONS.write().get_mut(scope_url) {
        active.since = None;
    }
}
