/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The service worker manager's side of the life cycle: from a script that is fetched to an active worker, and to the
//! one that replaces it.
//!
//! <https://w3c.github.io/ServiceWorker/#algorithms>

use std::collections::{HashMap, VecDeque};
use std::mem;

use background_sync_traits::{ScopeKey, ScriptUrl, StoredWorker, SyncManagerMessage, WorkerSource};
use log::{debug, warn};
use servo_base::id::ServiceWorkerId;
use servo_constellation_traits::{
    Job, JobError, JobResult, JobResultValue, JobType, ScopeThings, ServiceWorkerAlgorithmResult,
    ServiceWorkerRegistrationInfo, ServiceWorkerScript, WorkerProgress,
};
use servo_url::ServoUrl;

use crate::dom::backgroundsync::functionalevent::{FunctionalEvent, tell_sync_manager};
use crate::dom::backgroundsync::serviceworkerclients::forget_active;
use crate::dom::backgroundsync::workerthread::{WorkerStart, WorkerThread};
use crate::dom::serviceworker_manager::{
    ServiceWorker, ServiceWorkerManager, ServiceWorkerRegistration, update_serviceworker,
};
use crate::dom::serviceworkerglobalscope::ServiceWorkerScriptMsg;

/// What is kept of a worker, in whichever slot of its registration it is.
#[derive(Default)]
struct WorkerRecord {
    /// `None` once the worker was ended; the next event starts it again.
    thread: Option<WorkerThread>,
    /// Known once it has run.
    script: Option<ServiceWorkerScript>,
    /// <https://w3c.github.io/ServiceWorker/#dfn-skip-waiting-flag>
    skip_waiting: bool,
}

/// What the manager keeps of a registration, besides its workers.
#[derive(Default)]
pub(crate) struct RegistrationLifeCycle {
    records: HashMap<ServiceWorkerId, WorkerRecord>,
    /// The worker whose script has not run yet: it is in none of the registration's slots.
    starting: Option<ServiceWorker>,
    /// Jobs that are answered once that script has run.
    jobs: Vec<Job>,
    /// Jobs that are run once those are answered.
    queued_jobs: VecDeque<Job>,
    /// What it takes to start a worker.
    scope_things: Option<ScopeThings>,
    /// Threads that were told to end, but may not have yet.
    ending_threads: Vec<WorkerThread>,
    /// Functional events that wait for the end of the `activate` event.
    pub(crate) queued_events: Vec<FunctionalEvent>,
    /// How many functional events the active worker was given.
    pub(crate) events_given: u64,
    /// Whether the active worker's `activate` event is over.
    pub(crate) activated: bool,
}

impl RegistrationLifeCycle {
    /// Ends a worker's thread, without waiting for it.
    fn terminate(&mut self, worker_id: ServiceWorkerId) {
        self.ending_threads.retain(|thread| !thread.is_finished());
        let record = self.records.get_mut(&worker_id);
        if let Some(thread) = record.and_then(|record| record.thread.take()) {
            thread.terminate();
            self.ending_threads.push(thread);
        }
    }

    /// A worker has become redundant.
    fn discard(&mut self, worker: Option<ServiceWorker>) {
        if let Some(worker) = worker {
            self.terminate(worker.id);
            self.records.remove(&worker.id);
        }
    }

    fn script_of(&self, worker: &ServiceWorker) -> Option<&ServiceWorkerScript> {
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

    /// <https://w3c.github.io/ServiceWorker/#get-newest-worker>
    pub(crate) fn newest_worker(&self) -> Option<&ServiceWorker> {
        self.installing_worker
            .as_ref()
            .or(self.waiting_worker.as_ref())
            .or(self.active_worker.as_ref())
    }
}

/// What is kept of a registration for the next run of the browser. `None` if it is too long.
fn stored_worker(registration: &ServiceWorkerRegistration) -> Option<StoredWorker> {
    let active = registration.active_worker.as_ref()?;
    let script = registration.life_cycle.script_of(active)?;
    Some(StoredWorker {
        script_url: ScriptUrl::try_from(active.script_url.as_str()).ok()?,
        source: WorkerSource::try_from(script.source.clone()).ok()?,
    })
}

/// Sends `result` to the page that scheduled `job`.
fn finish_job(job: &Job, result: JobResult) {
    let result = ServiceWorkerAlgorithmResult::Job(result);
    if job.client.send(result).is_err() {
        debug!("The client of a service worker job is gone.");
    }
}

impl ServiceWorkerManager {
    /// <https://w3c.github.io/ServiceWorker/#register-algorithm>, from step 4 on.
    pub(crate) fn run_register_job(&mut self, job: Job) {
        // Steps 4 and 6: the registration exists, or is made.
        let scope_url = job.scope_url.clone();
        let registration = self
            .registrations
            .entry(scope_url.clone())
            .or_insert_with(ServiceWorkerRegistration::new);
        // Jobs of one scope run one after the other; equivalent ones share their answer.
        if let Some(starting) = &registration.life_cycle.starting
            && !registration.life_cycle.jobs.is_empty()
        {
            if starting.script_url == job.script_url {
                registration.life_cycle.jobs.push(job);
            } else {
                registration.life_cycle.queued_jobs.push_back(job);
            }
            return;
        }
        // Step 5: a registration with this script is what was asked for.
        let same_script = registration
            .newest_worker()
            .is_some_and(|newest| newest.script_url == job.script_url);
        if same_script && job.job_type != JobType::Update {
            let value = JobResultValue::Register(registration.info(&scope_url));
            finish_job(&job, JobResult::ResolvePromise(value));
            // As in other browsers, it is also a good moment to look for a new version.
            if registration.life_cycle.starting.is_none() {
                self.start_new_worker(&job, Vec::new());
            }
            return;
        }
        if registration.life_cycle.starting.is_some() {
            registration.life_cycle.queued_jobs.push_back(job);
            return;
        }
        // Step 7: the script is fetched and run.
        self.start_new_worker(&job, vec![job.clone()]);
    }

    /// <https://w3c.github.io/ServiceWorker/#update>: starts a worker that goes on by itself. `jobs` are answered when
    /// its script has run.
    fn start_new_worker(&mut self, job: &Job, jobs: Vec<Job>) {
        let Some(registration) = self.registrations.get_mut(&job.scope_url) else {
            return;
        };
        let life_cycle = &registration.life_cycle;
        let Some(scope_things) = job
            .scope_things
            .clone()
            .or_else(|| life_cycle.scope_things.clone())
        else {
            for job in jobs {
                finish_job(&job, JobResult::RejectPromise(JobError::TypeError));
            }
            return;
        };
        let start = WorkerStart {
            registration_id: registration.id,
            worker_id: ServiceWorkerId::new(),
            script: None,
            known_source: registration
                .newest_worker()
                .filter(|newest| newest.script_url == job.script_url)
                .and_then(|newest| life_cycle.script_of(newest))
                .map(|script| script.source.clone()),
        };
        let (worker, join_handle, control_sender, context, closing) = update_serviceworker(
            self.own_sender.clone(),
            job.scope_url.clone(),
            ScopeThings {
                script_url: job.script_url.clone(),
                ..scope_things.clone()
            },
            self.font_context.clone(),
            start,
        );
        let record = WorkerRecord {
            thread: Some(WorkerThread::new(
                join_handle,
                control_sender,
                context,
                closing,
            )),
            ..WorkerRecord::default()
        };
        let life_cycle = &mut registration.life_cycle;
        life_cycle.records.insert(worker.id, record);
        life_cycle.starting = Some(worker);
        life_cycle.scope_things = Some(scope_things);
        life_cycle.jobs = jobs;
    }

    /// A worker of `scope_url` has come one step further.
    pub(crate) fn handle_worker_progress(
        &mut self,
        scope_url: &ServoUrl,
        worker_id: ServiceWorkerId,
        progress: WorkerProgress,
    ) {
        match progress {
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

    /// Takes the worker whose script has not run yet, if it is this one, and the jobs that wait for it.
    fn take_starting(
        &mut self,
        scope_url: &ServoUrl,
        worker_id: ServiceWorkerId,
    ) -> Option<(ServiceWorker, Vec<Job>)> {
        let life_cycle = &mut self.registrations.get_mut(scope_url)?.life_cycle;
        let worker = life_cycle
            .starting
            .take_if(|worker| worker.id == worker_id)?;
        Some((worker, mem::take(&mut life_cycle.jobs)))
    }

    /// The end of <https://w3c.github.io/ServiceWorker/#update> and the start of
    /// <https://w3c.github.io/ServiceWorker/#install>.
    fn script_has_run(
        &mut self,
        scope_url: &ServoUrl,
        worker_id: ServiceWorkerId,
        script: ServiceWorkerScript,
    ) {
        let Some((worker, jobs)) = self.take_starting(scope_url, worker_id) else {
            return;
        };
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        if let Some(record) = registration.life_cycle.records.get_mut(&worker_id) {
            record.script = Some(script);
        }
        // Install, step 4: the worker becomes the installing worker. One that was is given up.
        let replaced = registration.installing_worker.replace(worker);
        registration.life_cycle.discard(replaced);
        // Install, step 7: the jobs' promises are resolved with the registration.
        let info = registration.info(scope_url);
        for job in jobs {
            let value = JobResultValue::Register(info.clone());
            finish_job(&job, JobResult::ResolvePromise(value));
        }
        // Install, step 8. The worker fires its own install event: it needs no word from here.
        self.clients.tell_all_of_change(&info);
        self.clients.tell_all_of_update(&info);
        self.run_next_job(scope_url);
    }

    fn script_is_unchanged(&mut self, scope_url: &ServoUrl, worker_id: ServiceWorkerId) {
        let Some((worker, jobs)) = self.take_starting(scope_url, worker_id) else {
            return;
        };
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        registration.life_cycle.discard(Some(worker));
        for job in jobs {
            let value = JobResultValue::Register(registration.info(scope_url));
            finish_job(&job, JobResult::ResolvePromise(value));
        }
        self.run_next_job(scope_url);
    }

    /// <https://w3c.github.io/ServiceWorker/#update>, when the script can't be fetched or run.
    fn script_has_failed(&mut self, scope_url: &ServoUrl, worker_id: ServiceWorkerId) {
        let Some((worker, jobs)) = self.take_starting(scope_url, worker_id) else {
            return;
        };
        for job in jobs {
            finish_job(&job, JobResult::RejectPromise(JobError::TypeError));
        }
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        registration.life_cycle.discard(Some(worker));
        let is_empty = registration.newest_worker().is_none()
            && registration.life_cycle.queued_jobs.is_empty();
        if is_empty {
            self.registrations.remove(scope_url);
        }
        self.run_next_job(scope_url);
    }

    fn run_next_job(&mut self, scope_url: &ServoUrl) {
        let next = self
            .registrations
            .get_mut(scope_url)
            .and_then(|registration| registration.life_cycle.queued_jobs.pop_front());
        if let Some(job) = next {
            self.run_register_job(job);
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
        let info = registration.info(scope_url);
        self.clients.tell_all_of_change(&info);
        // Step 22.
        self.try_activate(scope_url);
    }

    fn install_has_failed(&mut self, scope_url: &ServoUrl, worker_id: ServiceWorkerId) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        let Some(worker) = registration
            .installing_worker
            .take_if(|worker| worker.id == worker_id)
        else {
            return;
        };
        warn!(
            "The service worker {} failed to install.",
            worker.script_url
        );
        registration.life_cycle.discard(Some(worker));
        let info = registration.info(scope_url);
        if registration.newest_worker().is_none() {
            self.registrations.remove(scope_url);
        }
        self.clients.tell_all_of_change(&info);
    }

    /// <https://w3c.github.io/ServiceWorker/#try-activate>
    pub(crate) fn try_activate(&mut self, scope_url: &ServoUrl) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
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
        // Step 3: no page uses the active worker, or the waiting one does not care.
        let skip_waiting = life_cycle
            .records
            .get(&waiting.id)
            .is_some_and(|record| record.skip_waiting);
        if !skip_waiting && self.clients.uses(scope_url) {
            return;
        }
        // And it has no event to finish: it says so itself.
        let is_running = life_cycle
            .records
            .get(&active.id)
            .and_then(|record| record.thread.as_ref())
            .is_some_and(|thread| !thread.is_finished());
        if is_running {
            let events_given = life_cycle.events_given;
            active.send_message(ServiceWorkerScriptMsg::ReportIdle { events_given });
        } else {
            self.activate(scope_url);
        }
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
        if !is_active || registration.waiting_worker.is_none() {
            return;
        }
        if registration.life_cycle.events_given == events_given {
            self.activate(scope_url);
        } else {
            // It has been given another event meanwhile.
            self.try_activate(scope_url);
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
            worker.send_message(ServiceWorkerScriptMsg::Activate);
        }
        // Steps 7 and 9: pages see it, and those that used the old one use the new one.
        self.clients.tell_all_of_change(&info);
        self.clients.tell_controlled(&info);
        self.answer_waiting_clients();
    }

    /// The end of <https://w3c.github.io/ServiceWorker/#activate>.
    fn activate_has_finished(&mut self, scope_url: &ServoUrl, worker_id: ServiceWorkerId) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        if registration
            .active_worker
            .as_ref()
            .is_none_or(|worker| worker.id != worker_id)
        {
            return;
        }
        // Step 13: the worker is activated, however its event ended.
        registration.life_cycle.activated = true;
        let info = registration.info(scope_url);
        self.clients.tell_all_of_change(&info);
        if let Some(scope_things) = &registration.life_cycle.scope_things {
            tell_sync_manager(scope_things, scope_url, |scope| {
                SyncManagerMessage::WorkerActivated { scope }
            });
            if let Some(worker) = stored_worker(registration) {
                tell_sync_manager(scope_things, scope_url, |scope| {
                    SyncManagerMessage::StoreWorker { scope, worker }
                });
            }
        }
        self.send_queued_functional_events(scope_url);
        self.try_activate(scope_url);
    }

    /// A worker that was installed and activated in an earlier run of the browser is there again. Its thread is started
    /// by the first event.
    pub(crate) fn start_stored_worker(
        &mut self,
        scope_url: ServoUrl,
        scope_things: ScopeThings,
        script: ServiceWorkerScript,
    ) {
        // A page was faster.
        if self.registrations.contains_key(&scope_url) {
            return;
        }
        let mut registration = ServiceWorkerRegistration::new();
        // Nobody listens at the other end until the worker runs.
        let (sender, _) = crossbeam_channel::unbounded();
        let worker = ServiceWorker::new(
            scope_things.script_url.clone(),
            sender,
            ServiceWorkerId::new(),
        );
        let record = WorkerRecord {
            script: Some(script),
            ..WorkerRecord::default()
        };
        registration.life_cycle.records.insert(worker.id, record);
        registration.life_cycle.activated = true;
        registration.active_worker = Some(worker);
        self.clients
            .tell_all_of_change(&registration.info(&scope_url));
        tell_sync_manager(&scope_things, &scope_url, |scope| {
            SyncManagerMessage::WorkerActivated { scope }
        });
        registration.life_cycle.scope_things = Some(scope_things);
        self.registrations.insert(scope_url, registration);
        self.answer_waiting_clients();
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

    /// Removes a registration for good, and its sync registrations with it. Returns whether there was one.
    ///
    /// <https://w3c.github.io/ServiceWorker/#clear-registration>
    pub(crate) fn clear_registration(&mut self, scope_url: &ServoUrl) -> bool {
        let Some(registration) = self.registrations.remove(scope_url) else {
            return false;
        };
        forget_active(scope_url);
        if let Some(scope_things) = &registration.life_cycle.scope_things {
            tell_sync_manager(scope_things, scope_url, |scope| {
                SyncManagerMessage::WorkerUnregistered { scope }
            });
        }
        true
    }

    /// <https://w3c.github.io/ServiceWorker/#terminate-service-worker>
    pub(crate) fn terminate_worker(&mut self, scope: &ScopeKey) {
        let registration = ServoUrl::parse(scope.scope.as_str())
            .ok()
            .and_then(|scope_url| self.registrations.get_mut(&scope_url));
        let Some(registration) = registration else {
            return;
        };
        if let Some(active) = &registration.active_worker {
            warn!("The service worker of {scope} has passed its execution cap.");
            registration.life_cycle.terminate(active.id);
        }
    }

    /// Starts the active worker again if its thread has ended. Returns whether it runs.
    ///
    /// <https://w3c.github.io/ServiceWorker/#run-service-worker>
    pub(crate) fn ensure_running(&mut self, scope_url: &ServoUrl) -> bool {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return false;
        };
        let Some(active) = &mut registration.active_worker else {
            return false;
        };
        let life_cycle = &mut registration.life_cycle;
        let (Some(record), Some(scope_things)) = (
            life_cycle.records.get_mut(&active.id),
            &life_cycle.scope_things,
        ) else {
            return false;
        };
        if record
            .thread
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
        {
            return true;
        }
        let Some(script) = record.script.clone() else {
            return false;
        };
        let start = WorkerStart {
            registration_id: registration.id,
            worker_id: active.id,
            script: Some(script),
            known_source: None,
        };
        let (worker, join_handle, control_sender, context, closing) = update_serviceworker(
            self.own_sender.clone(),
            scope_url.clone(),
            ScopeThings {
                script_url: active.script_url.clone(),
                ..scope_things.clone()
            },
            self.font_context.clone(),
            start,
        );
        *active = worker;
        record.thread = Some(WorkerThread::new(
            join_handle,
            control_sender,
            context,
            closing,
        ));
        true
    }
}
