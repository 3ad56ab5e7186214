/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the constellation has said and still holds, so that it need not be asked for each call and each event.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use background_sync::{Origin, ScopeKey};
use background_sync_traits::DispatchedEvent;
use servo_base::generic_channel::GenericSender;
use servo_config::opts;
use servo_constellation::window_changes;
use servo_constellation_traits::direct_events::DirectEvents;
use servo_constellation_traits::{OnlineState, ServiceWorkerMsg};
use storage_traits::background_sync::BackgroundSyncMessage;

/// So many origins are known. With one more, all are forgotten, which costs each one more question.
const MAX_KNOWN_ORIGINS: usize = 256;

/// Something that is known of origins.
struct Known<T>(Arc<Mutex<HashMap<Origin, T>>>);

impl<T> Known<T> {
    /// Nobody panics while they hold it.
    fn lock(&self) -> MutexGuard<'_, HashMap<Origin, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, origin: Origin, what: T) {
        let mut known = self.lock();
        if known.len() >= MAX_KNOWN_ORIGINS {
            known.clear();
        }
        known.insert(origin, what);
    }
}

impl<T> Clone for Known<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// Origins that have an open window, until windows change. Of an origin that has none nothing is known: one may be opening,
/// and only the constellation hears of that in the right order.
#[derive(Clone, Default)]
pub(super) struct OpenWindows {
    /// With the state of [`window_changes`] for which it is true.
    as_of: Known<u64>,
}

impl OpenWindows {
    pub(super) fn has(&self, origin: &Origin) -> bool {
        self.as_of.lock().get(origin) == Some(&window_changes())
    }

    /// To be called by the constellation with its answer.
    pub(super) fn remember(
        &self,
        origin: Origin,
        answer: impl FnOnce(bool) + Send + 'static,
    ) -> impl FnOnce(bool) + Send + 'static {
        let as_of = self.as_of.clone();
        move |open_window| {
            if open_window {
                as_of.insert(origin, window_changes());
            }
            answer(open_window);
        }
    }
}

/// The service worker managers of origins.
#[derive(Clone, Default)]
pub(super) struct WorkerManagers {
    senders: Known<GenericSender<ServiceWorkerMsg>>,
}

impl WorkerManagers {
    /// Gives the events back if the manager of their scope is not known, or has gone.
    pub(super) fn send(
        &self,
        scope: &ScopeKey,
        events: Vec<DispatchedEvent>,
        reports: &GenericSender<BackgroundSyncMessage>,
        online: OnlineState,
        direct: DirectEvents,
    ) -> Option<Vec<DispatchedEvent>> {
        let Some(manager) = self.senders.lock().get(&scope.origin).cloned() else {
            return Some(events);
        };
        let message = ServiceWorkerMsg::DispatchFunctionalEvents {
            events: events.clone(),
            report_to: reports.clone(),
            online,
            direct: Some(direct),
        };
        if manager.send(message).is_ok() {
            return None;
        }
        // The constellation finds out, too, or has a new one.
        self.senders.lock().remove(&scope.origin);
        Some(events)
    }

    /// For the constellation, which is asked once. A manager in a process of its own is not remembered: it may not read, and a
    /// channel between processes then holds up whoever sends.
    pub(super) fn remember(
        &self,
        scope: &ScopeKey,
    ) -> Box<dyn FnOnce(GenericSender<ServiceWorkerMsg>) + Send> {
        if opts::get().multiprocess {
            return Box::new(|_| {});
        }
        let (senders, origin) = (self.senders.clone(), scope.origin.clone());
        Box::new(move |manager| senders.insert(origin, manager))
    }
}
