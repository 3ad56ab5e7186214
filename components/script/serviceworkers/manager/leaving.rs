/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Registrations that are gone for everybody but their own worker, which may finish what it has begun.
//!
//! <https://w3c.github.io/ServiceWorker/#try-clear-registration>

use std::collections::VecDeque;
use std::time::Instant;

use background_sync_traits::{EventToken, SyncManagerMessage};
use servo_base::id::ServiceWorkerId;
use servo_constellation_traits::{ServiceWorkerRegistrationInfo, WorkerProgress};
use servo_url::ServoUrl;

use crate::dom::backgroundsync::workerreports::tell_sync_manager;
use crate::dom::serviceworkers::manager::ServiceWorkerManager;
use crate::dom::serviceworkers::manager::idle::after;
use crate::dom::serviceworkers::manager::limits::step_limit;
use crate::dom::serviceworkers::manager::registration::ServiceWorkerRegistration;
#[cfg(feature = "offline")]
use crate::dom::serviceworkers::notifications::forget_notifications;
use crate::dom::serviceworkers::workerscope::FromManager;

/// Unregistered registrations whose worker has something to finish. More end the oldest one at once.
const MAX_LEAVING_REGISTRATIONS: usize = 8;

struct LeavingRegistration {
    registration: ServiceWorkerRegistration,
    /// When its worker is ended, unless it has functional events: these have a limit of their own.
    limit: Option<Instant>,
}

impl LeavingRegistration {
    fn has_events(&self) -> bool {
        let active = self.registration.active_worker.as_ref();
        active
            .and_then(|active| self.registration.life_cycle.thread_of(active.id))
            .is_some_and(|thread| {
                let limit = thread.events().limit();
                let is_overlong = limit.is_some_and(|limit| limit <= Instant::now());
                !thread.is_finished() && !thread.events().is_empty() && !is_overlong
            })
    }
}

/// Dropped, each ends its worker.
#[derive(Default)]
pub(super) struct LeavingRegistrations(VecDeque<LeavingRegistration>);

impl LeavingRegistrations {
    fn add(&mut self, mut registration: ServiceWorkerRegistration) {
        let Some(active) = &registration.active_worker else {
            return;
        };
        if !registration.life_cycle.is_running(active.id) {
            return;
        }
        registration.life_cycle.close_direct_way(active.id);
        let events_given = registration.life_cycle.events_given;
        active.send_message(FromManager::ReportIdle { events_given });
        active.send_message(FromManager::Unregistered);
        self.0.push_back(LeavingRegistration {
            registration,
            limit: after(step_limit()),
        });
        if self.0.len() > MAX_LEAVING_REGISTRATIONS {
            self.0.pop_front();
        }
    }

    /// Ends the worker that was given `event`, if it is one of these. Returns whether it was.
    pub(super) fn terminate(&mut self, event: EventToken) -> bool {
        let before = self.0.len();
        self.0
            .retain(|leaving| leaving.registration.life_cycle.worker_with(event).is_none());
        self.0.len() < before
    }

    /// Whether a worker has nothing to do with a registration any more. One that has finished its events is ended.
    pub(super) fn is_done_with(
        &mut self,
        worker_id: ServiceWorkerId,
        progress: &WorkerProgress,
    ) -> bool {
        let position = self.0.iter().position(|leaving| {
            let active = leaving.registration.active_worker.as_ref();
            active.is_some_and(|active| active.id == worker_id)
        });
        // An answer to an earlier question may not know of its last event.
        if let (Some(position), WorkerProgress::Idle { events_given }) = (position, progress)
            && self.0[position].registration.life_cycle.events_given == *events_given
        {
            self.0.remove(position);
        }
        position.is_some()
    }

    pub(super) fn next_limit(&self) -> Option<Instant> {
        self.0.iter().filter_map(|leaving| leaving.limit).min()
    }

    /// Ends those that take too long.
    pub(super) fn end_overlong(&mut self, now: Instant) {
        self.0.retain_mut(|leaving| {
            if leaving.limit.is_none_or(|limit| limit > now) {
                return true;
            }
            leaving.limit = after(step_limit());
            leaving.has_events()
        });
    }

    pub(super) fn running(&self) -> usize {
        self.0
            .iter()
            .map(|leaving| leaving.registration.life_cycle.running())
            .sum()
    }
}

impl ServiceWorkerManager {
    /// Removes a registration for good, and its sync registrations with it. Returns whether there was one.
    ///
    /// <https://w3c.github.io/ServiceWorker/#clear-registration>
    pub(super) fn clear_registration(&mut self, scope_url: &ServoUrl) -> bool {
        let Some(mut registration) = self.registrations.remove(scope_url) else {
            return false;
        };
        let is_known = registration.newest_worker().is_some();
        // Its workers are redundant now; pages see it before unregister() resolves.
        self.clients
            .tell_all_of_change(&ServiceWorkerRegistrationInfo {
                installing_worker: None,
                waiting_worker: None,
                active_worker: None,
                ..registration.info(scope_url)
            });
        self.clients.release(scope_url);
        if let Some(scope_things) = &registration.life_cycle.scope_things {
            tell_sync_manager(scope_things, scope_url, |authority, scope| {
                SyncManagerMessage::WorkerUnregistered { authority, scope }
            });
            #[cfg(feature = "offline")]
            forget_notifications(scope_things, scope_url);
        }
        // What its active worker has begun, it may finish.
        for worker in [
            registration.installing_worker.take(),
            registration.waiting_worker.take(),
            registration.life_cycle.starting.take(),
        ] {
            registration.life_cycle.discard(worker);
        }
        self.leaving.add(registration);
        is_known
    }
}
