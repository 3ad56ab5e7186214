/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What service worker managers tell the SyncManager thread of their workers. It listens only to who has the authority
//! for the origin, and gives that by way of the constellation, which knows who runs an origin's workers.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::LazyLock;

use background_sync_traits::{Origin, ScopeKey, SyncManagerMessage, WorkerAuthority};
use log::{debug, warn};
use parking_lot::Mutex;
use servo_base::generic_channel::GenericSender;
use servo_constellation_traits::ScopeThings;
use servo_url::ServoUrl;
use storage_traits::background_sync::BackgroundSyncMessage;

use crate::dom::backgroundsync::functionalevent::scope_key;

type Report = Box<dyn FnOnce(WorkerAuthority) -> BackgroundSyncMessage + Send>;

/// Of one origin.
enum Reports {
    /// Until the authority is there.
    Waiting(Vec<Report>),
    Authorized(WorkerAuthority),
}

/// The origins whose workers run in this process. Each is dealt with by the thread of its service worker manager alone.
static REPORTS: LazyLock<Mutex<HashMap<Origin, Reports>>> = LazyLock::new(Default::default);

/// Asks for the authority, so that it is there when there is something to tell.
pub(crate) fn prepare_reports(scope_things: &ScopeThings, scope_url: &ServoUrl) {
    let (Some(sender), Some(scope)) = (
        scope_things.init.storage_threads.background_sync(),
        scope_key(scope_url),
    ) else {
        return;
    };
    if let Entry::Vacant(unknown) = REPORTS.lock().entry(scope.origin.clone()) {
        unknown.insert(Reports::Waiting(Vec::new()));
        send(&sender, SyncManagerMessage::RequestAuthority { scope });
    }
}

/// Tells the SyncManager thread what has become of a registration's worker.
pub(crate) fn tell_sync_manager(
    scope_things: &ScopeThings,
    scope_url: &ServoUrl,
    message: impl FnOnce(WorkerAuthority, ScopeKey) -> BackgroundSyncMessage + Send + 'static,
) {
    let Some(sender) = scope_things.init.storage_threads.background_sync() else {
        return;
    };
    let Some(scope) = scope_key(scope_url) else {
        return warn!("A service worker's scope URL is too long for Background Sync.");
    };
    let message = match REPORTS
        .lock()
        .entry(scope.origin.clone())
        .or_insert_with(|| Reports::Waiting(Vec::new()))
    {
        Reports::Authorized(authority) => message(*authority, scope),
        Reports::Waiting(waiting) => {
            let request = SyncManagerMessage::RequestAuthority {
                scope: scope.clone(),
            };
            waiting.push(Box::new(move |authority| message(authority, scope)));
            request
        }
    };
    send(&sender, message);
}

/// The authority is there: what waited for it is told.
pub(crate) fn handle_authority(
    origin: Origin,
    authority: WorkerAuthority,
    report_to: &GenericSender<BackgroundSyncMessage>,
) {
    let before = REPORTS
        .lock()
        .insert(origin, Reports::Authorized(authority));
    if let Some(Reports::Waiting(waiting)) = before {
        for report in waiting {
            send(report_to, report(authority));
        }
    }
}

fn send(sender: &GenericSender<BackgroundSyncMessage>, message: BackgroundSyncMessage) {
    if sender.send(message).is_err() {
        debug!("The SyncManager thread is gone.");
    }
}
