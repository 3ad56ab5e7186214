/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Whether there is a network, as the embedder has reported it last. Changes are numbered: news of one reach a worker by two
//! ways, with its sync events and through the constellation, and what comes late must not undo what came before.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use background_sync::{Connectivity, SyncManagerControl};
use servo_constellation_traits::{EmbedderToConstellationMessage, OnlineState};

use crate::proxies::ConstellationProxy;

/// Tells Servo whether there is a network, from any thread: whoever notices a change need not wait until the embedder's
/// thread has time. From [`Servo::online_reporter`](crate::Servo::online_reporter).
#[derive(Clone)]
pub struct OnlineReporter(Arc<Mutex<Listeners>>);

struct Listeners {
    sync_manager: Option<SyncManagerControl>,
    constellation: ConstellationProxy,
}

impl OnlineReporter {
    pub(crate) fn new(
        sync_manager: Option<SyncManagerControl>,
        constellation: ConstellationProxy,
    ) -> Self {
        Self(Arc::new(Mutex::new(Listeners {
            sync_manager,
            constellation,
        })))
    }

    /// Does what [`Servo::report_online_changed`](crate::Servo::report_online_changed) does. Does nothing once Servo has
    /// ended.
    pub fn report(&self, online: bool) {
        // Held until all have been told: they hear of changes in the same order.
        let listeners = lock(&self.0);
        let state = change(online);
        // First: it takes longest until its events are in their workers.
        if let Some(sync_manager) = &listeners.sync_manager {
            sync_manager.report_connectivity(connectivity(online));
        }
        listeners
            .constellation
            .send(EmbedderToConstellationMessage::OnlineChanged(state));
    }
}

pub(super) fn connectivity(online: bool) -> Connectivity {
    match online {
        true => Connectivity::Online,
        false => Connectivity::Offline,
    }
}

static LAST: Mutex<OnlineState> = Mutex::new(OnlineState {
    online: true,
    change: 0,
});

/// What was reported last; at first, that there is a network.
pub(crate) fn last() -> OnlineState {
    *lock(&LAST)
}

/// The embedder has reported it again. Returns what holds now.
pub(crate) fn change(online: bool) -> OnlineState {
    let mut last = lock(&LAST);
    if last.online != online {
        last.online = online;
        last.change += 1;
    }
    *last
}

/// Nobody panics while they hold it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
