/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The service worker manager's side of the life cycle: from a script that runs to an active worker, and the clients
//! that are told.
//!
//! <https://w3c.github.io/ServiceWorker/#algorithms>

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use background_sync_traits::{ScopeKey, SyncManagerMessage};
use crossbeam_channel::Sender;
use log::{debug, warn};
use servo_base::generic_channel::GenericCallback;
use servo_base::id::{PipelineId, ServiceWorkerId, ServiceWorkerRegistrationId};
use servo_constellation_traits::{
    Job, JobError, JobResult, JobResultValue, ScopeThings, ServiceWorkerAlgorithm,
    ServiceWorkerAlgorithmResult, ServiceWorkerMsg, ServiceWorkerRegistrationInfo,
    ServiceWorkerScript, WorkerProgress,
};
use servo_url::ServoUrl;

use crate::dom::backgroundsync::functionalevent::{FunctionalEvent, tell_sync_manager};
use crate::dom::serviceworker_manager::{
    ServiceWorker, ServiceWorkerManager, ServiceWorkerRegistration, update_serviceworker,
};
use crate::dom::serviceworkerglobalscope::{ServiceWorkerControlMsg, ServiceWorkerScriptMsg};
use crate::runtime::script_runtime::ThreadSafeJSContext;

/// The thread that a service worker runs in. Dropping it terminates the worker and waits for the thread's end.
pub(crate) struct WorkerThread {
    control_sender: Sender<ServiceWorkerControlMsg>,
    join_handle: Option<JoinHandle<()>>,
    context: ThreadSafeJSContext,
    closing: Arc<AtomicBool>,
}

impl WorkerThread {
    pub(crate) fn new(
        join_handle: JoinHandle<()>,
        control_sender: Sender<ServiceWorkerControlMsg>,
        context: ThreadSafeJSContext,
        closing: Arc<AtomicBool>,
    ) -> Self {
        Self {
            control_sender,
            join_handle: Some(join_handle),
            context,
            closing,
        }
    }

    /// Ends the worker whatever its script does, without waiting for it.
    ///
    /// <https://w3c.github.io/ServiceWorker/#terminate-service-worker>
    pub(crate) fn terminate(&self) {
        self.closing.store(true, Ordering::SeqCst);
        // Fails if the thread has ended by itself: then there is nothing to end.
        let _ = self.control_sender.send(ServiceWorkerControlMsg::Exit);
        self.context.request_interrupt_callback();
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.join_handle
            .as_ref()
            .is_none_or(|handle| handle.is_finished())
    }
}

impl Drop for WorkerThread {
    fn drop(&mut self) {
        self.terminate();
        if self
            .join_handle
            .take()
            .is_some_and(|handle| handle.join().is_err())
        {
            warn!("A service worker thread ended in a panic.");
        }
    }
}

/// How a worker is started.
pub(crate) struct WorkerStart {
    pub(crate) registration_id: ServiceWorkerRegistrationId,
    pub(crate) worker_id: ServiceWorkerId,
    /// The script of a worker that is started again; `None` for one that is yet to be fetched and installed.
    pub(crate) script: Option<ServiceWorkerScript>,
}

impl WorkerStart {
    /// A worker that is new.
    pub(crate) fn first(registration_id: ServiceWorkerRegistrationId) -> Self {
        Self {
            registration_id,
            worker_id: ServiceWorkerId::new(),
            script: None,
        }
    }
}

/// What the manager keeps of a registration, besides its workers.
#[derive(Default)]
pub(crate) struct RegistrationLifeCycle {
    /// The thread of the registration's worker.
    pub(crate) thread: Option<WorkerThread>,
    /// The worker whose script has not run yet: it is in none of the registration's slots.
    pub(crate) starting: Option<ServiceWorker>,
    /// What it takes to start the worker again.
    scope_things: Option<ScopeThings>,
    script: Option<ServiceWorkerScript>,
    /// Threads that were told to end, but may not have yet.
    ending_threads: Vec<WorkerThread>,
    /// Functional events that wait for the end of the `activate` event.
    pub(crate) queued_events: Vec<FunctionalEvent>,
    /// Jobs that are answered once that script has run.
    jobs: Vec<Job>,
    /// Whether the active worker's `activate` event is over.
    pub(crate) activated: bool,
}

impl RegistrationLifeCycle {
    /// A worker was started for `job`.
    pub(crate) fn note_start(&mut self, job: Job, worker: ServiceWorker, thread: WorkerThread) {
        self.scope_things = job.scope_things.clone();
        self.jobs.push(job);
        self.starting = Some(worker);
        self.thread = Some(thread);
    }

    /// Takes a job that is to be answered together with the one that is running, or gives it back if none is.
    pub(crate) fn join_running_job(&mut self, job: Job) -> Option<Job> {
        if self.jobs.is_empty() {
            return Some(job);
        }
        self.jobs.push(job);
        None
    }

    /// Ends the worker's thread, without waiting for it. The next event starts another one.
    fn terminate(&mut self) {
        self.ending_threads.retain(|thread| !thread.is_finished());
        if let Some(thread) = self.thread.take() {
            thread.terminate();
            self.ending_threads.push(thread);
        }
    }
}

/// The pages that have asked about this origin's registrations.
#[derive(Default)]
pub(crate) struct Clients {
    callbacks: HashMap<PipelineId, GenericCallback<ServiceWorkerAlgorithmResult>>,
    /// Those that wait for an active worker, and their URLs.
    waiting_for_active: HashMap<PipelineId, ServoUrl>,
}

impl Clients {
    /// Notes where the client that sent `message` wants its answers.
    pub(crate) fn note(&mut self, message: &ServiceWorkerMsg) {
        let ServiceWorkerMsg::HandleAlgorithm(pipeline_id, algorithm) = message else {
            return;
        };
        let callback = match algorithm {
            ServiceWorkerAlgorithm::StartRegister(job) |
            ServiceWorkerAlgorithm::Unregister(job) => &job.client,
            ServiceWorkerAlgorithm::MatchServiceWorkerRegistration { result_handler, .. } |
            ServiceWorkerAlgorithm::WhenActive { result_handler, .. } => result_handler,
        };
        self.callbacks
            .entry(*pipeline_id)
            .or_insert_with(|| callback.clone());
    }

    pub(crate) fn forget(&mut self, pipeline_id: PipelineId) {
        self.callbacks.remove(&pipeline_id);
        self.waiting_for_active.remove(&pipeline_id);
    }

    pub(crate) fn wait_for_active(&mut self, pipeline_id: PipelineId, client_url: ServoUrl) {
        self.waiting_for_active.insert(pipeline_id, client_url);
    }

    pub(crate) fn take_waiting(&mut self) -> HashMap<PipelineId, ServoUrl> {
        std::mem::take(&mut self.waiting_for_active)
    }

    pub(crate) fn tell(&self, pipeline_id: PipelineId, result: ServiceWorkerAlgorithmResult) {
        if let Some(callback) = self.callbacks.get(&pipeline_id) &&
            callback.send(result).is_err()
        {
            debug!("A service worker client is gone.");
        }
    }

    fn tell_all(&self, info: &ServiceWorkerRegistrationInfo) {
        for pipeline_id in self.callbacks.keys() {
            let result = ServiceWorkerAlgorithmResult::RegistrationChanged(info.clone());
            self.tell(*pipeline_id, result);
        }
    }
}

impl ServiceWorkerRegistration {
    /// What pages are told of this registration.
    pub(crate) fn info(
        &self,
        scope_url: &ServoUrl,
        script_url: &ServoUrl,
    ) -> ServiceWorkerRegistrationInfo {
        let id_of = |worker: &Option<ServiceWorker>| worker.as_ref().map(|worker| worker.id);
        ServiceWorkerRegistrationInfo {
            id: self.id,
            installing_worker: id_of(&self.installing_worker),
            waiting_worker: id_of(&self.waiting_worker),
            active_worker: id_of(&self.active_worker),
            activated: self.life_cycle.activated,
            storage_key: scope_url.origin(),
            scope_url: scope_url.clone(),
            script_url: script_url.clone(),
        }
    }

    fn has_worker(&self) -> bool {
        self.installing_worker.is_some() ||
            self.waiting_worker.is_some() ||
            self.active_worker.is_some()
    }
}

/// Sends `result` to the page that scheduled `job`.
pub(crate) fn finish_job(job: &Job, result: JobResult) {
    if job
        .client
        .send(ServiceWorkerAlgorithmResult::Job(result))
        .is_err()
    {
        debug!("The client of a service worker job is gone.");
    }
}

impl ServiceWorkerManager {
    /// The worker of `scope_url` has come one step further.
    pub(crate) fn handle_worker_progress(
        &mut self,
        scope_url: ServoUrl,
        worker_id: ServiceWorkerId,
        progress: WorkerProgress,
    ) {
        match progress {
            WorkerProgress::ScriptRun(script) => {
                self.script_has_run(&scope_url, worker_id, script);
            },
            WorkerProgress::ScriptFailed => self.script_has_failed(&scope_url, worker_id),
            WorkerProgress::Installed => self.activate(&scope_url, worker_id),
            WorkerProgress::InstallFailed => self.install_has_failed(&scope_url, worker_id),
            WorkerProgress::Activated => self.activate_has_finished(&scope_url, worker_id),
        }
    }

    /// The end of <https://w3c.github.io/ServiceWorker/#update> and the start of
    /// <https://w3c.github.io/ServiceWorker/#install>.
    fn script_has_run(
        &mut self,
        scope_url: &ServoUrl,
        worker_id: ServiceWorkerId,
        script: ServiceWorkerScript,
    ) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        let Some(worker) = registration
            .life_cycle
            .starting
            .take_if(|worker| worker.id == worker_id)
        else {
            return;
        };
        // Install, step 4: the worker becomes the installing worker.
        let script_url = worker.script_url.clone();
        registration.installing_worker = Some(worker);
        registration.life_cycle.script = Some(script);
        // Install, step 7: the jobs' promises are resolved with the registration.
        let info = registration.info(scope_url, &script_url);
        for job in registration.life_cycle.jobs.drain(..) {
            let value = JobResultValue::Register(info.clone());
            finish_job(&job, JobResult::ResolvePromise(value));
        }
        // The worker fires its own install event: it needs no word from here.
        self.clients.tell_all(&info);
    }

    /// <https://w3c.github.io/ServiceWorker/#update>, when the script can't be fetched or run.
    fn script_has_failed(&mut self, scope_url: &ServoUrl, worker_id: ServiceWorkerId) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        if registration
            .life_cycle
            .starting
            .take_if(|worker| worker.id == worker_id)
            .is_none()
        {
            return;
        }
        for job in registration.life_cycle.jobs.drain(..) {
            finish_job(&job, JobResult::RejectPromise(JobError::TypeError));
        }
        if !registration.has_worker() {
            self.registrations.remove(scope_url);
        }
    }

    /// The end of <https://w3c.github.io/ServiceWorker/#install>, and
    /// <https://w3c.github.io/ServiceWorker/#activate>.
    fn activate(&mut self, scope_url: &ServoUrl, worker_id: ServiceWorkerId) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        let Some(worker) = registration
            .installing_worker
            .take_if(|worker| worker.id == worker_id)
        else {
            return;
        };
        // Install, steps 17 and 18: the worker is installed, and waits.
        let script_url = worker.script_url.clone();
        registration.waiting_worker = Some(worker);
        let installed = registration.info(scope_url, &script_url);
        // Activate, steps 5 to 8: nothing is in its way, so it becomes the active worker. A registration has one
        // worker at a time, so there is no other one to replace.
        registration.active_worker = registration.waiting_worker.take();
        registration.life_cycle.activated = false;
        let activating = registration.info(scope_url, &script_url);
        // Activate, step 11: the worker fires its activate event.
        if let Some(worker) = &registration.active_worker {
            worker.send_message(ServiceWorkerScriptMsg::Activate);
        }
        self.clients.tell_all(&installed);
        self.clients.tell_all(&activating);
        self.answer_waiting_clients();
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
        warn!("The service worker {} failed to install.", worker.script_url);
        let info = registration.info(scope_url, &worker.script_url);
        if !registration.has_worker() {
            self.registrations.remove(scope_url);
        }
        self.clients.tell_all(&info);
    }

    /// The end of <https://w3c.github.io/ServiceWorker/#activate>.
    fn activate_has_finished(&mut self, scope_url: &ServoUrl, worker_id: ServiceWorkerId) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        let Some(script_url) = registration
            .active_worker
            .as_ref()
            .filter(|worker| worker.id == worker_id)
            .map(|worker| worker.script_url.clone())
        else {
            return;
        };
        // Step 13: the worker is activated, however its event ended.
        registration.life_cycle.activated = true;
        let info = registration.info(scope_url, &script_url);
        self.clients.tell_all(&info);
        if let Some(scope_things) = &registration.life_cycle.scope_things {
            tell_sync_manager(scope_things, scope_url, |scope| {
                SyncManagerMessage::WorkerActivated { scope }
            });
        }
        self.send_queued_functional_events(scope_url);
    }

    /// Removes a registration for good, and its sync registrations with it. Returns whether there was one.
    ///
    /// <https://w3c.github.io/ServiceWorker/#clear-registration>
    pub(crate) fn clear_registration(&mut self, scope_url: &ServoUrl) -> bool {
        let Some(registration) = self.registrations.remove(scope_url) else {
            return false;
        };
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
        if let Some(registration) = registration {
            warn!("The service worker of {scope} has passed its execution cap.");
            registration.life_cycle.terminate();
        }
    }

    /// Starts the active worker again if its thread has ended. Returns whether it runs.
    ///
    /// <https://w3c.github.io/ServiceWorker/#run-service-worker>
    pub(crate) fn ensure_running(&mut self, scope_url: &ServoUrl) -> bool {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return false;
        };
        let life_cycle = &mut registration.life_cycle;
        if life_cycle
            .thread
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
        {
            return true;
        }
        let (Some(active), Some(scope_things), Some(script)) = (
            &mut registration.active_worker,
            &life_cycle.scope_things,
            &life_cycle.script,
        ) else {
            return false;
        };
        let start = WorkerStart {
            registration_id: registration.id,
            worker_id: active.id,
            script: Some(script.clone()),
        };
        let (worker, join_handle, control_sender, context, closing) = update_serviceworker(
            self.own_sender.clone(),
            scope_url.clone(),
            scope_things.clone(),
            self.font_context.clone(),
            start,
        );
        *active = worker;
        life_cycle.thread = Some(WorkerThread::new(
            join_handle,
            control_sender,
            context,
            closing,
        ));
        true
    }
}
