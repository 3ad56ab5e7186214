/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The service worker manager's side of the life cycle: from a script that is fetched to an active worker, and to the
//! one that replaces it.
//!
//! <https://w3c.github.io/ServiceWorker/#algorithms>

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use background_sync_traits::SyncManagerMessage;
use servo_base::id::ServiceWorkerId;
use servo_constellation_traits::{
    ImportedScript, Job, ScopeThings, ServiceWorkerRegistrationInfo, ServiceWorkerScript,
    WorkerProgress,
};
use servo_url::ServoUrl;

use crate::dom::backgroundsync::functionalevent::FunctionalEvent;
use crate::dom::backgroundsync::serviceworkeridle::Idleness;
use crate::dom::backgroundsync::serviceworkerrun::stored_worker;
use crate::dom::backgroundsync::workerreports::tell_sync_manager;
use crate::dom::backgroundsync::workerthread::WorkerThread;
use crate::dom::serviceworker_manager::{
    ServiceWorker, ServiceWorkerManager, ServiceWorkerRegistration,
};
use crate::dom::serviceworkerglobalscope::ServiceWorkerScriptMsg;

/// What is kept of a worker, in whichever slot of its registration it is.
#[derive(Default)]
pub(super) struct WorkerRecord {
    /// `None` once the worker was ended; the next event starts it again.
    pub(super) thread: Option<WorkerThread>,
    /// Known once it has run.
    pub(super) script: Option<ServiceWorkerScript>,
    /// What it has imported before its script was over.
    pub(super) imports: Vec<ImportedScript>,
    /// <https://w3c.github.io/ServiceWorker/#dfn-skip-waiting-flag>
    pub(super) skip_waiting: bool,
    /// When what it does to become active has lasted too long.
    pub(super) limit: Option<Instant>,
}

/// What the manager keeps of a registration, besides its workers.
#[derive(Default)]
pub(crate) struct RegistrationLifeCycle {
    pub(super) records: HashMap<ServiceWorkerId, WorkerRecord>,
    /// The worker whose script has not run yet: it is in none of the registration's slots.
    pub(super) starting: Option<ServiceWorker>,
    /// Jobs that are answered once that script has run.
    pub(super) jobs: Vec<Job>,
    /// Jobs that are run once those are answered.
    pub(super) queued_jobs: VecDeque<Job>,
    /// What it takes to start a worker.
    pub(super) scope_things: Option<ScopeThings>,
    /// Functional events that wait for the end of the `activate` event.
    pub(crate) queued_events: Vec<FunctionalEvent>,
    /// How many functional events and messages the active worker was given.
    pub(crate) events_given: u64,
    /// When the active worker was given something last, and whether it is to be stopped for having nothing to do.
    pub(super) idleness: Idleness,
    /// Whether the active worker's `activate` event is over.
    pub(crate) activated: bool,
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

    pub(super) fn thread_of(&self, worker_id: ServiceWorkerId) -> Option<&WorkerThread> {
        self.records.get(&worker_id)?.thread.as_ref()
    }

    pub(super) fn is_running(&self, worker_id: ServiceWorkerId) -> bool {
        let thread = self.thread_of(worker_id);
        thread.is_some_and(|thread| !thread.is_finished())
    }

    pub(super) fn script_of(&self, worker: &ServiceWorker) -> Option<&ServiceWorkerScript> {
        self.records.get(&worker.id)?.script.as_ref()
    }
}

impl ServiceWorkerRegistration {
    /// What pages are told of this registration.
    pub(crate) fn info(&self, scope_url: &ServoUrl) -> ServiceWorkerRegistrationInfo {
        let id_of = |worker: &Option<ServiceWorker>| worker.as_ref().map(|worker| worker.id);
        let script_url = self
            .newest_worker()
            .map_or_else(|| scope_url.clone(), |worker| worker.script_url.clone());
        ServiceWorkerRegistrationInfo {
            id: self.id,
            installing_worker: id_of(&self.installing_worker),
            waiting_worker: id_of(&self.waiting_worker),
            active_worker: id_of(&self.active_worker),
            activated: self.life_cycle.activated,
            storage_key: scope_url.origin(),
            scope_url: scope_url.clone(),
            script_url,
        }
    }

    /// Has what it takes to start the active worker without its page kept.
    pub(super) fn have_worker_stored(&self, scope_url: &ServoUrl) {
        if let Some(scope_things) = &self.life_cycle.scope_things
            && let Some(worker) = stored_worker(self)
        {
            tell_sync_manager(scope_things, scope_url, |authority, scope| {
                SyncManagerMessage::StoreWorker {
                    authority,
                    scope,
                    worker,
                }
            });
        }
    }

    /// <https://w3c.github.io/ServiceWorker/#get-newest-worker>
    pub(crate) fn newest_worker(&self) -> Option<&ServiceWorker> {
        self.installing_worker
            .as_ref()
            .or(self.waiting_worker.as_ref())
            .or(self.active_worker.as_ref())
    }
}

impl ServiceWorkerManager {
    /// A worker of `scope_url` has come one step further.
    pub(crate) fn handle_worker_progress(
        &mut self,
        scope_url: &ServoUrl,
        worker_id: ServiceWorkerId,
        progress: WorkerProgress,
    ) {
        if self.leaving.is_done_with(worker_id, &progress) {
            return;
        }
        match progress {
            WorkerProgress::ScriptImported(script) => {
                self.script_was_imported(scope_url, worker_id, script);
            }
            WorkerProgress::ScriptRun(script) => self.script_has_run(scope_url, worker_id, script),
            WorkerProgress::ScriptUnchanged => self.script_is_unchanged(scope_url, worker_id),
            WorkerProgress::ScriptFailed => self.script_has_failed(scope_url, worker_id),
            WorkerProgress::Installed => self.install_has_finished(scope_url, worker_id),
            WorkerProgress::InstallFailed => self.install_has_failed(scope_url, worker_id),
            WorkerProgress::Activated => self.activate_has_finished(scope_url, worker_id),
            WorkerProgress::SkipWaiting => self.skip_waiting(scope_url, worker_id),
            WorkerProgress::Idle { events_given } => {
                self.active_is_idle(scope_url, worker_id, events_given);
            }
        }
    }

    /// The end of <https://w3c.github.io/ServiceWorker/#install>.
    fn install_has_finished(&mut self, scope_url: &ServoUrl, worker_id: ServiceWorkerId) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        let Some(worker) = registration
            .installing_worker
            .take_if(|worker| worker.id == worker_id)
        else {
            return;
        };
        // Steps 16 to 18: the worker is installed, and waits. One that waited is given up.
        let replaced = registration.waiting_worker.replace(worker);
        registration.life_cycle.discard(replaced);
        registration.life_cycle.step_is_over(worker_id);
        let info = registration.info(scope_url);
        self.clients.tell_all_of_change(&info);
        // Step 22.
        self.try_activate(scope_url);
    }

    pub(super) fn install_has_failed(&mut self, scope_url: &ServoUrl, worker_id: ServiceWorkerId) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        let Some(worker) = registration
            .installing_worker
            .take_if(|worker| worker.id == worker_id)
        else {
            return;
        };
        registration.life_cycle.discard(Some(worker));
        let info = registration.info(scope_url);
        self.remove_if_unused(scope_url);
        self.clients.tell_all_of_change(&info);
    }

    /// Forgets a registration that has no worker and gets none.
    pub(super) fn remove_if_unused(&mut self, scope_url: &ServoUrl) {
        let is_unused = self
            .registrations
            .get(scope_url)
            .is_some_and(|registration| {
                registration.newest_worker().is_none()
                    && registration.life_cycle.starting.is_none()
                    && registration.life_cycle.queued_jobs.is_empty()
            });
        if is_unused {
            self.registrations.remove(scope_url);
        }
    }

    /// <https://w3c.github.io/ServiceWorker/#try-activate>
    pub(crate) fn try_activate(&mut self, scope_url: &ServoUrl) {
        let Some(registration) = self.registrations.get(scope_url) else {
            return;
        };
        // Step 1: nothing waits.
        let Some(waiting) = &registration.waiting_worker else {
            return;
        };
        let life_cycle = &registration.life_cycle;
        let Some(active) = &registration.active_worker else {
            return self.activate(scope_url);
        };
        // Step 2: the active worker is still activating: this is tried again when it is done.
        if !life_cycle.activated {
            return;
        }
        // Step 3.
        if !self.may_replace_active(scope_url, life_cycle, waiting) {
            return;
        }
        // And it has no event to finish: it says so itself.
        if life_cycle.is_running(active.id) {
            let events_given = life_cycle.events_given;
            active.send_message(ServiceWorkerScriptMsg::ReportIdle { events_given });
        } else {
            self.activate(scope_url);
        }
    }

    /// Whether no page uses the active worker, or the waiting one does not care.
    fn may_replace_active(
        &self,
        scope_url: &ServoUrl,
        life_cycle: &RegistrationLifeCycle,
        waiting: &ServiceWorker,
    ) -> bool {
        let record = life_cycle.records.get(&waiting.id);
        record.is_some_and(|record| record.skip_waiting) || !self.clients.uses(scope_url)
    }

    fn active_is_idle(
        &mut self,
        scope_url: &ServoUrl,
        worker_id: ServiceWorkerId,
        events_given: u64,
    ) {
        let Some(registration) = self.registrations.get(scope_url) else {
            return;
        };
        let is_active = registration
            .active_worker
            .as_ref()
            .is_some_and(|active| active.id == worker_id);
        if !is_active {
            return;
        }
        let life_cycle = &registration.life_cycle;
        let is_current = life_cycle.events_given == events_given;
        match &registration.waiting_worker {
            Some(waiting) if self.may_replace_active(scope_url, life_cycle, waiting) => {
                match is_current {
                    true => self.activate(scope_url),
                    // It has been given another event meanwhile.
                    false => self.try_activate(scope_url),
                }
            }
            Some(_) | None if is_current => self.stop_if_idle(scope_url, worker_id),
            Some(_) | None => {}
        }
    }

    /// <https://w3c.github.io/ServiceWorker/#activate>
    fn activate(&mut self, scope_url: &ServoUrl) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        // Steps 3 to 6: the waiting worker takes the place of the active one, which becomes redundant.
        let replaced = registration.active_worker.take();
        registration.life_cycle.discard(replaced);
        registration.active_worker = registration.waiting_worker.take();
        registration.life_cycle.activated = false;
        registration.life_cycle.events_given = 0;
        let info = registration.info(scope_url);
        // Step 11: the worker fires its activate event.
        if let Some(worker) = &registration.active_worker {
            registration.life_cycle.step_begins(worker.id);
            worker.send_message(ServiceWorkerScriptMsg::Activate);
        }
        // Before a page can see that it is active, and register a sync for it.
        registration.have_worker_stored(scope_url);
        // Steps 7 and 9: pages see it, and those that used the old one use the new one.
        self.clients.tell_all_of_change(&info);
        self.clients.tell_controlled(&info);
        self.answer_waiting_clients();
    }

    /// The end of <https://w3c.github.io/ServiceWorker/#activate>.
    pub(super) fn activate_has_finished(
        &mut self,
        scope_url: &ServoUrl,
        worker_id: ServiceWorkerId,
    ) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        let is_active = registration
            .active_worker
            .as_ref()
            .is_some_and(|worker| worker.id == worker_id);
        if !is_active || registration.life_cycle.activated {
            return;
        }
        // Step 13: the worker is activated, however its event ended.
        registration.life_cycle.activated = true;
        registration.life_cycle.step_is_over(worker_id);
        registration.life_cycle.idleness.begin();
        let info = registration.info(scope_url);
        self.clients.tell_all_of_change(&info);
        if let Some(scope_things) = &registration.life_cycle.scope_things {
            tell_sync_manager(scope_things, scope_url, |authority, scope| {
                SyncManagerMessage::WorkerActivated { authority, scope }
            });
        }
        self.send_queued_functional_events(scope_url);
        self.try_activate(scope_url);
    }

    /// <https://w3c.github.io/ServiceWorker/#service-worker-global-scope-skipwaiting>
    fn skip_waiting(&mut self, scope_url: &ServoUrl, worker_id: ServiceWorkerId) {
        if let Some(record) = self
            .registrations
            .get_mut(scope_url)
            .and_then(|registration| registration.life_cycle.records.get_mut(&worker_id))
        {
            record.skip_waiting = true;
        }
        self.try_activate(scope_url);
    }
}
