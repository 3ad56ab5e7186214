/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the service worker manager keeps of a registration and its workers.
//!
//! <https://w3c.github.io/ServiceWorker/#service-worker-registration-concept>

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use background_sync_traits::{NavigationPreloadState, UpdateTerms, WallTime};
use crossbeam_channel::Sender;
use servo_base::id::{ServiceWorkerId, ServiceWorkerRegistrationId};
use servo_config::pref;
use servo_constellation_traits::{
    ScopeThings, ServiceWorkerInfo, ServiceWorkerRegistrationInfo, ServiceWorkerScript,
};
use servo_url::ServoUrl;

use crate::dom::backgroundsync::functionalevent::FunctionalEvent;
use crate::dom::serviceworkerglobalscope::ServiceWorkerScriptMsg;
#[cfg(feature = "offline")]
use crate::dom::serviceworkers::manager::fetches::WaitingForActive;
use crate::dom::serviceworkers::manager::idle::{Idleness, Liveness};
use crate::dom::serviceworkers::manager::restored::Restoring;
use crate::dom::serviceworkers::workerscope::FromManager;
use crate::dom::serviceworkers::workerthread::WorkerThread;

/// <https://w3c.github.io/ServiceWorker/#dfn-service-worker>
pub(crate) struct ServiceWorker {
    pub(crate) id: ServiceWorkerId,
    /// <https://w3c.github.io/ServiceWorker/#dfn-script-url>
    pub(crate) script_url: ServoUrl,
    pub(super) sender: Sender<ServiceWorkerScriptMsg>,
    /// Whether its script, when it was run first, has added a listener for `fetch` events.
    ///
    /// <https://w3c.github.io/ServiceWorker/#dfn-set-of-event-types-to-handle>
    pub(super) handles_fetch: bool,
}

impl ServiceWorker {
    /// A worker whose thread has ended does not get it.
    pub(crate) fn send_message(&self, message: FromManager) {
        let _ = self
            .sender
            .send(ServiceWorkerScriptMsg::FromManager(message));
    }
}

/// <https://w3c.github.io/ServiceWorker/#service-worker-registration-concept>
pub(crate) struct ServiceWorkerRegistration {
    pub(crate) id: ServiceWorkerRegistrationId,
    /// <https://w3c.github.io/ServiceWorker/#dfn-active-worker>
    pub(crate) active_worker: Option<ServiceWorker>,
    /// <https://w3c.github.io/ServiceWorker/#dfn-waiting-worker>
    pub(crate) waiting_worker: Option<ServiceWorker>,
    /// <https://w3c.github.io/ServiceWorker/#dfn-installing-worker>
    pub(crate) installing_worker: Option<ServiceWorker>,
    /// How far the workers have come.
    pub(crate) life_cycle: RegistrationLifeCycle,
}

/// What is kept of a worker, in whichever slot of its registration it is.
#[derive(Default)]
pub(super) struct WorkerRecord {
    /// `None` once the worker was ended; the next event starts it again.
    pub(super) thread: Option<WorkerThread>,
    pub(super) script: Option<ServiceWorkerScript>,
    /// <https://w3c.github.io/ServiceWorker/#dfn-skip-waiting-flag>
    pub(super) skip_waiting: bool,
    /// When what it does to become active has lasted too long.
    pub(super) limit: Option<Instant>,
    pub(super) liveness: Liveness,
}

/// What the manager keeps of a registration, besides its workers.
#[derive(Default)]
pub(crate) struct RegistrationLifeCycle {
    pub(super) records: HashMap<ServiceWorkerId, WorkerRecord>,
    /// Until the scripts of an earlier run are read.
    pub(super) restoring: Option<Restoring>,
    /// The worker whose script has not run yet: it is in none of the registration's slots.
    pub(super) starting: Option<ServiceWorker>,
    /// What it takes to start a worker.
    pub(crate) scope_things: Option<ScopeThings>,
    /// Functional events that wait for the end of the `activate` event.
    pub(crate) queued_events: Vec<FunctionalEvent>,
    #[cfg(feature = "offline")]
    pub(crate) waiting: WaitingForActive,
    /// How many functional events and messages the active worker was given.
    pub(crate) events_given: u64,
    /// When the active worker was given something last, and whether it is to be stopped for having nothing to do.
    pub(crate) idleness: Idleness,
    /// Whether the active worker's `activate` event is over.
    pub(crate) activated: bool,
    pub(super) updates: UpdateTerms,
    pub(super) navigation_preload: NavigationPreloadState,
}

impl RegistrationLifeCycle {
    /// Ends a worker's thread, without waiting for it.
    pub(super) fn terminate(&mut self, worker_id: ServiceWorkerId) {
        if let Some(record) = self.records.get_mut(&worker_id) {
            record.thread = None;
        }
    }

    /// A worker has become redundant.
    pub(super) fn discard(&mut self, worker: Option<ServiceWorker>) {
        if let Some(worker) = worker {
            self.terminate(worker.id);
            self.records.remove(&worker.id);
        }
    }

    /// The worker is given its next event by the manager, which counts here those that it did not give.
    pub(super) fn close_direct_way(&mut self, worker_id: ServiceWorkerId) {
        let thread = self.thread_of(worker_id);
        let given = thread.map_or(0, |thread| thread.events().close_direct_way());
        if given > 0 {
            self.events_given += given;
            self.idleness.begin();
        }
    }

    pub(crate) fn thread_of(&self, worker_id: ServiceWorkerId) -> Option<&WorkerThread> {
        self.records.get(&worker_id)?.thread.as_ref()
    }

    pub(super) fn is_running(&self, worker_id: ServiceWorkerId) -> bool {
        let thread = self.thread_of(worker_id);
        thread.is_some_and(|thread| !thread.is_finished())
    }

    /// Threads of workers.
    pub(super) fn running(&self) -> usize {
        let threads = self.records.values().filter_map(|it| it.thread.as_ref());
        threads.filter(|thread| !thread.is_finished()).count()
    }

    pub(super) fn script_of(&self, worker: &ServiceWorker) -> Option<&ServiceWorkerScript> {
        self.records.get(&worker.id)?.script.as_ref()
    }

    pub(crate) fn script_of_mut(
        &mut self,
        worker_id: ServiceWorkerId,
    ) -> Option<&mut ServiceWorkerScript> {
        self.records.get_mut(&worker_id)?.script.as_mut()
    }

    pub(super) fn note_update_check(&mut self) {
        self.updates.last_check = Some(now());
    }

    /// <https://w3c.github.io/ServiceWorker/#dfn-stale>. So is one of which the last check is not known, or in the future,
    /// because a clock was set.
    pub(crate) fn is_stale(&self) -> bool {
        is_stale(&self.updates)
    }
}

pub(super) fn is_stale(updates: &UpdateTerms) -> bool {
    let seconds = u64::try_from(pref!(dom_serviceworker_update_interval_seconds)).unwrap_or(0);
    let interval = Duration::from_secs(seconds);
    updates.last_check.is_none_or(|WallTime(last)| {
        let age = now().0.checked_sub(last);
        age.is_none_or(|milliseconds| Duration::from_millis(milliseconds) > interval)
    })
}

impl ServiceWorkerRegistration {
    pub(super) fn new() -> Self {
        Self {
            id: ServiceWorkerRegistrationId::new(),
            active_worker: None,
            waiting_worker: None,
            installing_worker: None,
            life_cycle: RegistrationLifeCycle::default(),
        }
    }

    /// What pages and workers are told of this registration.
    pub(crate) fn info(&self, scope_url: &ServoUrl) -> ServiceWorkerRegistrationInfo {
        let info_of = |worker: &Option<ServiceWorker>| {
            worker.as_ref().map(|worker| ServiceWorkerInfo {
                id: worker.id,
                script_url: worker.script_url.clone(),
            })
        };
        ServiceWorkerRegistrationInfo {
            id: self.id,
            installing_worker: info_of(&self.installing_worker),
            waiting_worker: info_of(&self.waiting_worker),
            active_worker: info_of(&self.active_worker),
            activated: self.life_cycle.activated,
            handles_fetch: self
                .active_worker
                .as_ref()
                .is_some_and(|it| it.handles_fetch),
            update_via_cache: self.life_cycle.updates.via_cache,
            storage_key: scope_url.origin(),
            scope_url: scope_url.clone(),
        }
    }

    /// The workers that have a slot, the newest first.
    pub(crate) fn in_slots(&self) -> impl Iterator<Item = &ServiceWorker> {
        [
            &self.installing_worker,
            &self.waiting_worker,
            &self.active_worker,
        ]
        .into_iter()
        .flatten()
    }

    /// <https://w3c.github.io/ServiceWorker/#get-newest-worker>
    pub(crate) fn newest_worker(&self) -> Option<&ServiceWorker> {
        self.in_slots().next()
    }

    pub(super) fn is_active(&self, worker_id: ServiceWorkerId) -> bool {
        let active = self.active_worker.as_ref();
        active.is_some_and(|active| active.id == worker_id)
    }

    pub(super) fn newest_script(&self) -> Option<&ServiceWorkerScript> {
        self.life_cycle.script_of(self.newest_worker()?)
    }
}

fn now() -> WallTime {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    WallTime(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}
