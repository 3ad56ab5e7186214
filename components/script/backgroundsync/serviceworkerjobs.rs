/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The service worker manager's jobs: from `register()` and `update()` to a worker whose script has run.
//!
//! <https://w3c.github.io/ServiceWorker/#dfn-job>

use std::mem;

use log::debug;
use servo_base::id::ServiceWorkerId;
use servo_constellation_traits::{
    Job, JobError, JobResult, JobResultValue, JobType, ScopeThings, ServiceWorkerAlgorithmResult,
    ServiceWorkerScript,
};
use servo_url::ServoUrl;

use crate::dom::backgroundsync::serviceworkerlifecycle::{RegistrationLifeCycle, WorkerRecord};
use crate::dom::backgroundsync::workerreports::prepare_reports;
use crate::dom::backgroundsync::workerthread::{ThreadEnd, WorkerStart, WorkerThread};
use crate::dom::serviceworker_manager::{
    ServiceWorker, ServiceWorkerManager, ServiceWorkerRegistration, update_serviceworker,
};

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
        // Before its worker is active it must be possible to say so.
        prepare_reports(&scope_things, &job.scope_url);
        let worker_id = ServiceWorkerId::new();
        let thread_end = ThreadEnd::new(self.own_sender.clone(), job.scope_url.clone(), worker_id);
        let events = thread_end.events();
        let start = WorkerStart {
            registration_id: registration.id,
            worker_id,
            script: None,
            known_source: registration
                .newest_worker()
                .filter(|newest| newest.script_url == job.script_url)
                .and_then(|newest| life_cycle.script_of(newest))
                .map(|script| script.source.clone()),
            thread_end,
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
                events,
            )),
            ..WorkerRecord::default()
        };
        let life_cycle = &mut registration.life_cycle;
        life_cycle.records.insert(worker.id, record);
        life_cycle.step_begins(worker.id);
        life_cycle.starting = Some(worker);
        life_cycle.scope_things = Some(scope_things);
        life_cycle.jobs = jobs;
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
    pub(super) fn script_has_run(
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
            let imports = mem::take(&mut record.imports);
            record.script = Some(ServiceWorkerScript { imports, ..script });
        }
        registration.life_cycle.step_begins(worker_id);
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

    pub(super) fn script_is_unchanged(&mut self, scope_url: &ServoUrl, worker_id: ServiceWorkerId) {
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
    pub(super) fn script_has_failed(&mut self, scope_url: &ServoUrl, worker_id: ServiceWorkerId) {
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
        self.run_next_job(scope_url);
        self.remove_if_unused(scope_url);
    }

    /// Runs the jobs that wait, up to one that takes its time.
    fn run_next_job(&mut self, scope_url: &ServoUrl) {
        while let Some(registration) = self.registrations.get_mut(scope_url)
            && registration.life_cycle.starting.is_none()
            && let Some(job) = registration.life_cycle.queued_jobs.pop_front()
        {
            self.run_register_job(job);
        }
    }
}

impl RegistrationLifeCycle {
    /// The registration is gone: so are the jobs that wait for it.
    pub(super) fn reject_jobs(&mut self) {
        for job in mem::take(&mut self.jobs)
            .into_iter()
            .chain(mem::take(&mut self.queued_jobs))
        {
            finish_job(&job, JobResult::RejectPromise(JobError::TypeError));
        }
    }
}
