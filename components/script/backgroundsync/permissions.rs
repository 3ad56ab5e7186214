/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `background-sync` and `periodic-background-sync` in `navigator.permissions`. The embedder decides on them for an
//! origin, so the SyncManager thread is asked, not a web view.
//!
//! <https://wicg.github.io/background-sync/spec/#permissions-integration>

use std::collections::VecDeque;

use background_sync_traits::{Permission, PermissionName as SyncPermissionName, SyncRequest};
use js::context::JSContext;
use log::debug;
use script_bindings::cell::DomRefCell;
use servo_config::pref;
use servo_url::ImmutableOrigin;
use stylo_atoms::Atom;

use crate::dom::RootedPromise;
use crate::dom::backgroundsync::syncconnection::query_permission;
#[cfg(feature = "offline")]
use crate::dom::bindings::codegen::Bindings::NotificationBinding::NotificationPermission;
use crate::dom::bindings::codegen::Bindings::PermissionStatusBinding::{
    PermissionName, PermissionState, PermissionStatusMethods,
};
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::{Dom, DomRoot};
use crate::dom::eventtarget::EventTarget;
use crate::dom::globalscope::GlobalScope;
#[cfg(feature = "offline")]
use crate::dom::notification::permission_state;
use crate::dom::permissionstatus::PermissionStatus;

/// Resolves `promise` with `status` once the state of the permission is known. Returns whether `status` is about a
/// permission of Background Sync, and Background Sync is on: if not, nothing is done.
pub(crate) fn query(
    cx: &mut JSContext,
    global: &GlobalScope,
    status: &PermissionStatus,
    promise: &RootedPromise,
) -> bool {
    if !pref!(dom_background_sync_enabled) {
        return false;
    }
    let name = match status.get_query() {
        PermissionName::Background_sync => SyncPermissionName::BackgroundSync,
        PermissionName::Periodic_background_sync => SyncPermissionName::PeriodicBackgroundSync,
        #[cfg(feature = "offline")]
        PermissionName::Notifications => {
            settle(cx, promise, status, state_of_notifications(global));
            return true;
        }
        _ => return false,
    };
    // https://w3c.github.io/permissions/#dfn-permission-state, step 2: nothing is granted to a non-secure context.
    let asked = if global.is_secure_context() {
        let request = SyncRequest::QueryPermission { name };
        query_permission(global, request, status, promise).map_err(|why| why.to_string())
    } else {
        Err("this is no secure context".to_owned())
    };
    if let Err(reason) = asked {
        debug!("{name:?} is denied: {reason}");
        settle_query(cx, promise, status, Permission::Denied);
    }
    true
}

/// The answer has come.
pub(crate) fn settle_query(
    cx: &mut JSContext,
    promise: &RootedPromise,
    status: &PermissionStatus,
    permission: Permission,
) {
    settle(cx, promise, status, state_of(permission));
}

fn settle(
    cx: &mut JSContext,
    promise: &RootedPromise,
    status: &PermissionStatus,
    state: PermissionState,
) {
    status.set_state(state);
    status.global().sync_permissions().keep(status);
    promise.resolve_native(cx, status);
}

/// So many `PermissionStatus` objects of a global hear of changes; one more takes the place of the oldest.
const MAX_STATUSES: usize = 64;

/// The `PermissionStatus` objects that a global's script was given: they are kept, as they may have listeners.
#[derive(Default, JSTraceable, MallocSizeOf)]
#[cfg_attr(crown, crown::unrooted_must_root_lint::must_root)]
pub(crate) struct PermissionStatuses(DomRefCell<VecDeque<Dom<PermissionStatus>>>);

impl PermissionStatuses {
    fn keep(&self, status: &PermissionStatus) {
        let mut statuses = self.0.borrow_mut();
        if statuses.len() >= MAX_STATUSES {
            statuses.pop_front();
        }
        statuses.push_back(Dom::from_ref(status));
    }

    fn of(&self, name: PermissionName) -> Vec<DomRoot<PermissionStatus>> {
        let statuses = self.0.borrow();
        let matching = statuses.iter().filter(|it| it.get_query() == name);
        matching.map(|it| DomRoot::from_ref(&**it)).collect()
    }
}

/// The embedder has decided anew about `origin`.
///
/// <https://w3c.github.io/permissions/#permissionstatus-update>
pub(crate) fn permission_changed(
    cx: &mut JSContext,
    global: &GlobalScope,
    origin: &ImmutableOrigin,
    name: SyncPermissionName,
    permission: Permission,
) {
    if !global.is_secure_context() || global.origin().immutable() != origin {
        return;
    }
    let name = match name {
        SyncPermissionName::BackgroundSync => PermissionName::Background_sync,
        SyncPermissionName::PeriodicBackgroundSync => PermissionName::Periodic_background_sync,
        SyncPermissionName::Notifications => PermissionName::Notifications,
    };
    let state = state_of(permission);
    for status in global.sync_permissions().of(name) {
        if status.State() != state {
            status.set_state(state);
            status
                .upcast::<EventTarget>()
                .fire_event(cx, Atom::from("change"));
        }
    }
}

#[cfg(feature = "offline")]
fn state_of_notifications(global: &GlobalScope) -> PermissionState {
    match permission_state(global) {
        NotificationPermission::Granted => PermissionState::Granted,
        NotificationPermission::Denied => PermissionState::Denied,
        NotificationPermission::Default => PermissionState::Prompt,
    }
}

fn state_of(permission: Permission) -> PermissionState {
    match permission {
        Permission::Granted => PermissionState::Granted,
        Permission::Denied => PermissionState::Denied,
    }
}
