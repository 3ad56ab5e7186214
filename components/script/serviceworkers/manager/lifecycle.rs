/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The service worker manager's side of the life cycle: from a script that has run to an active worker, and to the one
//! that replaces it.
//!
//! <https://w3c.github.io/ServiceWorker/#algorithms>

use background_sync_traits::SyncManagerMessage;
use servo_base::id::ServiceWorkerId;
use servo_constellation_traits::{JobError, WorkerProgress};
use servo_url::ServoUrl;

use crate::dom::backgroundsync::workerreports::tell_sync_manager;
use crate::dom::serviceworkers::manager::ServiceWorkerManager;
use crate::dom::serviceworkers::manager::registration::{RegistrationLifeCycle, ServiceWorker};
use crate::dom::serviceworkers::workerscope::FromManager;

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
            WorkerProgress::ScriptRun { handles_fetch } => {
                self.script_has_run(scope_url, worker_id, handles_fetch);
            }
            WorkerProgress::ScriptFailed => {
                self.script_has_failed(scope_url, worker_id, "threw an exception, or is none");
            }
            WorkerProgress::Installed => self.install_has_finished(scope_url, worker_id),
            WorkerProgress::InstallFailed => self.install_has_failed(scope_url, worker_id),
            WorkerProgress::Activated => self.activate_has_finished(scope_url, worker_id),
            WorkerProgress::SkipWaiting => self.skip_waiting(scope_url, worker_id),
            WorkerProgress::Alive => self.worker_is_alive(scope_url, worker_id),
            WorkerProgress::Idle { events_given } => {
                self.active_is_idle(scope_url, worker_id, events_given);
            }
        }
    }

    /// The worker of the scope's first job, if it is this one and its script has not run yet.
    fn take_starting(
        &mut self,
        scope_url: &ServoUrl,
        worker_id: ServiceWorkerId,
    ) -> Option<ServiceWorker> {
        let registration = self.registrations.get_mut(scope_url)?;
        let starting = &mut registration.life_cycle.starting;
        starting.take_if(|worker| worker.id == worker_id)
    }

    /// The start of <https://w3c.github.io/ServiceWorker/#install>.
    fn script_has_run(
        &mut self,
        scope_url: &ServoUrl,
        worker_id: ServiceWorkerId,
        handles_fetch: bool,
    ) {
        let Some(mut worker) = self.take_starting(scope_url, worker_id) else {
            return;
        };
        worker.handles_fetch = handles_fetch;
        let via_cache = self.current_job(scope_url).map(|job| job.update_via_cache);
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        let life_cycle = &mut registration.life_cycle;
        life_cycle.step_begins(worker_id);
        // Step 3.
        if let Some(via_cache) = via_cache {
            life_cycle.updates.via_cache = via_cache;
        }
        // Steps 4 and 5: the worker becomes the installing worker.
        registration.installing_worker = Some(worker);
        // Step 7.
        self.resolve_job(scope_url);
        // Steps 8 and 9. The worker fires its own install event: it needs no word from here.
        self.tell_of_change(scope_url);
        self.tell_of_update(scope_url);
    }

    /// <https://w3c.github.io/ServiceWorker/#update>, step 16.
    pub(super) fn script_has_failed(
        &mut self,
        scope_url: &ServoUrl,
        worker_id: ServiceWorkerId,
        why: &str,
    ) {
        let Some(worker) = self.take_starting(scope_url, worker_id) else {
            return;
        };
        let error = format!("the script {} {why}", worker.script_url);
        if let Some(registration) = self.registrations.get_mut(scope_url) {
            registration.life_cycle.discard(Some(worker));
        }
        self.reject_and_finish_job(scope_url, JobError::TypeError(error));
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
        // Steps 15 to 18: the worker is installed, and waits. One that waited is given up.
        let replaced = registration.waiting_worker.replace(worker);
        registration.life_cycle.discard(replaced);
        registration.life_cycle.step_is_over(worker_id);
        self.tell_of_change(scope_url);
        // Steps 19 to 21.
        self.installation_is_over(scope_url);
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
        self.tell_of_change(scope_url);
        self.remove_if_unused(scope_url);
        self.installation_is_over(scope_url);
    }

    /// Forgets a registration that has no worker and gets none.
    pub(super) fn remove_if_unused(&mut self, scope_url: &ServoUrl) {
        let is_unused = self
            .registrations
            .get(scope_url)
            .is_some_and(|registration| {
                registration.newest_worker().is_none() && registration.life_cycle.starting.is_none()
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
            active.send_message(FromManager::ReportIdle { events_given });
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
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        if !registration.is_active(worker_id) {
            return;
        }
        registration.life_cycle.close_direct_way(worker_id);
        let Some(registration) = self.registrations.get(scope_url) else {
            return;
        };
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
        // Before a page can see that it is active, and register a sync for it.
        registration.have_worker_stored(scope_url);
        let info = registration.info(scope_url);
        // Steps 5 to 9: pages and the worker see it, and pages that used the old one use the new one.
        self.tell_of_change(scope_url);
        self.clients.tell_controlled(&info);
        self.answer_waiting_clients();
        // Step 11: the worker fires its activate event. One that has crashed meanwhile runs again.
        let runs = self.ensure_running(scope_url).is_ok();
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        let Some(worker) = &registration.active_worker else {
            return;
        };
        if runs {
            registration.life_cycle.step_begins(worker.id);
            worker.send_message(FromManager::Activate);
        } else {
            let worker_id = worker.id;
            self.activate_has_finished(scope_url, worker_id);
        }
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
        if !registration.is_active(worker_id) || registration.life_cycle.activated {
            return;
        }
        // Step 13: the worker is activated, however its event ended.
        registration.life_cycle.activated = true;
        registration.life_cycle.step_is_over(worker_id);
        registration.life_cycle.idleness.begin();
        self.tell_of_change(scope_url);
        let Some(registration) = self.registrations.get(scope_url) else {
            return;
        };
        if let Some(scope_things) = &registration.life_cycle.scope_things {
            tell_sync_manager(scope_things, scope_url, |authority, scope| {
                SyncManagerMessage::WorkerActivated { authority, scope }
            });
        }
        self.send_queued_functional_events(scope_url);
        #[cfg(feature = "offline")]
        self.send_waiting(scope_url);
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
