/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Requests of clients on their way to the worker that controls them. A request that is dropped on the way goes to the
//! network.
//!
//! <https://w3c.github.io/ServiceWorker/#handle-fetch>

use std::mem;
use std::time::Instant;

use embedder_traits::service_workers::NotificationEventToFire;
use net_traits::request::{RequestId, RequestMode};
use net_traits::service_workers::{FetchToHandle, FromNetwork};
use servo_base::generic_channel::GenericSend;
use servo_url::ServoUrl;

use crate::dom::serviceworkers::fetchanswer::OwedAnswer;
use crate::dom::serviceworkers::fetchdispatch::FetchToFire;
use crate::dom::serviceworkers::manager::ServiceWorkerManager;
use crate::dom::serviceworkers::manager::limits::step_limit;
use crate::dom::serviceworkers::navigationpreload::NavigationPreload;
use crate::dom::serviceworkers::offlineevents::OfflineEvent;
use crate::dom::serviceworkers::workerscope::FromManager;

/// So many requests may wait until a worker is activated, or was read from disk. One more goes to the network.
const MAX_WAITING_FETCHES: usize = 4_096;

/// What a registration's active worker is given as soon as it is activated, and was read from disk.
#[derive(Default)]
pub(crate) struct WaitingForActive {
    fetches: Vec<Box<FetchToHandle>>,
    /// What people have done with its notifications.
    pub(crate) notification_events: Vec<Box<NotificationEventToFire>>,
}

impl ServiceWorkerManager {
    /// The worker of `scope_url` is activated, or was read from disk.
    pub(super) fn send_waiting(&mut self, scope_url: &ServoUrl) {
        self.send_waiting_fetches(scope_url);
        self.send_waiting_notification_events(scope_url);
    }

    pub(super) fn handle_network(&mut self, message: FromNetwork) {
        match message {
            FromNetwork::Fetch(fetch) => self.handle_fetch(fetch),
            FromNetwork::Cancelled(fetch) => self.cancel_fetch(fetch),
        }
    }

    /// <https://w3c.github.io/ServiceWorker/#handle-fetch>, from step 18 on.
    fn handle_fetch(&mut self, fetch: Box<FetchToHandle>) {
        let Some(registration) = self.registrations.get_mut(&fetch.scope_url) else {
            return;
        };
        if registration.active_worker.is_none() {
            return;
        }
        let life_cycle = &mut registration.life_cycle;
        // Until it is read from disk and activated. That ends, so this does.
        if life_cycle.restoring.is_some() || !life_cycle.activated {
            if life_cycle.waiting.fetches.len() < MAX_WAITING_FETCHES {
                life_cycle.waiting.fetches.push(fetch);
            }
            return;
        }
        self.send_fetch(*fetch);
    }

    /// Nobody waits for the answer any more. What the worker does about it is its own affair.
    fn cancel_fetch(&mut self, fetch: RequestId) {
        for registration in self.registrations.values_mut() {
            let life_cycle = &mut registration.life_cycle;
            life_cycle
                .waiting
                .fetches
                .retain(|it| it.request.id != fetch);
            let Some(active) = &registration.active_worker else {
                continue;
            };
            let thread = life_cycle.thread_of(active.id);
            if thread.is_some_and(|thread| thread.events().cancel_fetch(fetch)) {
                return active.send_message(FromManager::OfflineEvent(
                    OfflineEvent::FetchCancelled(fetch),
                ));
            }
        }
    }

    /// The worker of `scope_url` is there, or is given up.
    fn send_waiting_fetches(&mut self, scope_url: &ServoUrl) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        for fetch in mem::take(&mut registration.life_cycle.waiting.fetches) {
            self.handle_fetch(fetch);
        }
    }

    fn send_fetch(&mut self, fetch: FetchToHandle) {
        let FetchToHandle {
            scope_url,
            mut request,
            answer,
        } = fetch;
        let Some(registration) = self.registrations.get(&scope_url) else {
            return;
        };
        // The set of event types to handle.
        let active = registration.active_worker.as_ref();
        if !active.is_some_and(|active| active.handles_fetch) {
            return;
        }
        let is_navigation = request.mode == RequestMode::Navigate;
        // The network is asked beside the worker, which may have to be started first.
        let life_cycle = &registration.life_cycle;
        let preload = life_cycle.scope_things.as_ref().and_then(|scope_things| {
            let core_thread = scope_things.init.resource_threads.sender();
            NavigationPreload::begin(&request, &life_cycle.navigation_preload, core_thread)
        });
        // That is the preload's alone.
        request.client = None;
        if self.ensure_running(&scope_url).is_err() {
            return;
        }
        let Some(registration) = self.registrations.get_mut(&scope_url) else {
            return;
        };
        if let Some(worker) = &registration.active_worker
            && let Some(thread) = registration.life_cycle.thread_of(worker.id)
            && let Some(answer) = OwedAnswer::new(request.id, answer, thread.events())
        {
            registration.life_cycle.events_given += 1;
            registration.life_cycle.idleness.begin();
            let fetch = OfflineEvent::Fetch(Box::new(FetchToFire {
                request,
                answer,
                preload,
            }));
            worker.send_message(FromManager::OfflineEvent(fetch));
        }
        // A page that is opened has its worker looked at; of others, only those of which that is due.
        match is_navigation {
            true => self.schedule_soft_update(&scope_url),
            false => self.update_if_stale(&scope_url),
        }
    }

    /// Ends the workers that have not got on with a request in time.
    pub(super) fn end_overlong_fetches(&mut self, now: Instant) {
        let mut ended = Vec::new();
        for (scope_url, registration) in &mut self.registrations {
            for (worker_id, record) in &mut registration.life_cycle.records {
                let limit = record.thread.as_ref().and_then(|it| it.events().limit());
                if limit.is_some_and(|limit| limit <= now) {
                    ended.push((scope_url.clone(), *worker_id));
                }
            }
        }
        for (scope_url, worker_id) in ended {
            if let Some(registration) = self.registrations.get_mut(&scope_url) {
                let life_cycle = &mut registration.life_cycle;
                life_cycle.report_error(format!(
                    "A fetch event of the service worker of {scope_url} was not over after {:?}: the worker was ended.",
                    step_limit()
                ));
                if let Some(thread) = life_cycle.thread_of(worker_id) {
                    thread.events().give_up_fetches();
                }
                life_cycle.terminate(worker_id);
            }
            self.try_activate(&scope_url);
        }
    }
}
