/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The service worker manager's jobs: what `register()`, `update()`, `unregister()` and a soft update ask for, one after the
//! other in each scope.
//!
//! <https://w3c.github.io/ServiceWorker/#dfn-job>

use std::collections::VecDeque;
use std::mem;

use background_sync_traits::UpdateViaCache;
use log::debug;
use servo_base::generic_channel::GenericCallback;
use servo_constellation_traits::{
    Job, JobError, JobResult, JobResultValue, JobType, ScopeThings, ServiceWorkerAlgorithmResult,
};
use servo_url::ServoUrl;

use crate::dom::serviceworkers::manager::ServiceWorkerManager;
use crate::dom::serviceworkers::manager::registration::{ServiceWorker, ServiceWorkerRegistration};
use crate::dom::serviceworkers::manager::update::UpdateCheck;

/// So many jobs of a scope may wait for each other; one more is refused.
const MAX_QUEUED_JOBS: usize = 64;

/// So many callers share the answer of one job; one more is refused.
const MAX_EQUIVALENT_JOBS: usize = 1_024;

/// An origin may have so many registrations; one more is refused.
const MAX_REGISTRATIONS: usize = 256;

/// A job, with all those that are [equivalent](https://w3c.github.io/ServiceWorker/#dfn-job-equivalent) to it.
pub(super) struct PendingJob {
    kind: JobType,
    pub(super) scope_url: ServoUrl,
    pub(super) script_url: ServoUrl,
    pub(super) update_via_cache: UpdateViaCache,
    /// What it takes to start a worker; `None`: what is known of the registration.
    pub(super) scope_things: Option<ScopeThings>,
    /// Who waits for the answer: nobody, if this is a soft update.
    clients: Vec<GenericCallback<ServiceWorkerAlgorithmResult>>,
    has_settled: bool,
    pub(super) stage: Stage,
}

/// How far a job has come.
pub(super) enum Stage {
    Waiting,
    /// The scripts are fetched and compared.
    Checking(UpdateCheck),
    /// The new worker runs its script, and is installed.
    Installing,
}

impl From<Job> for PendingJob {
    /// <https://w3c.github.io/ServiceWorker/#start-register>, steps 2 and 7: URLs have no fragment here.
    fn from(mut job: Job) -> Self {
        job.scope_url.set_fragment(None);
        job.script_url.set_fragment(None);
        Self {
            kind: job.job_type,
            scope_url: job.scope_url,
            script_url: job.script_url,
            update_via_cache: job.update_via_cache,
            scope_things: job.scope_things,
            clients: vec![job.client],
            has_settled: false,
            stage: Stage::Waiting,
        }
    }
}

impl PendingJob {
    /// <https://w3c.github.io/ServiceWorker/#dfn-job-equivalent>
    fn is_equivalent_to(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.scope_url == other.scope_url
            && (self.kind == JobType::Unregister
                || (self.script_url == other.script_url
                    && self.update_via_cache == other.update_via_cache))
    }

    /// Answers everybody who waits, once.
    fn settle(&mut self, result: &JobResult) {
        self.has_settled = true;
        for client in mem::take(&mut self.clients) {
            if client
                .send(ServiceWorkerAlgorithmResult::Job(result.clone()))
                .is_err()
            {
                debug!("The client of a service worker job is gone.");
            }
        }
    }
}

/// <https://w3c.github.io/ServiceWorker/#dfn-job-queue>. The first one is being run.
#[derive(Default)]
pub(super) struct JobQueue(VecDeque<PendingJob>);

impl JobQueue {
    pub(super) fn check(&self) -> Option<&UpdateCheck> {
        match &self.0.front()?.stage {
            Stage::Checking(check) => Some(check),
            Stage::Waiting | Stage::Installing => None,
        }
    }

    pub(super) fn check_mut(&mut self) -> Option<&mut UpdateCheck> {
        match &mut self.0.front_mut()?.stage {
            Stage::Checking(check) => Some(check),
            Stage::Waiting | Stage::Installing => None,
        }
    }
}

impl ServiceWorkerManager {
    /// <https://w3c.github.io/ServiceWorker/#schedule-job>
    pub(super) fn schedule_job(&mut self, mut job: PendingJob) {
        if let Err(error) = self.check_urls(&job) {
            return job.settle(&JobResult::RejectPromise(error));
        }
        let scope_url = job.scope_url.clone();
        let queue = self.job_queues.entry(scope_url.clone()).or_default();
        let queued = queue.0.len();
        match queue.0.back_mut() {
            // Step 5.2: equivalent jobs share their answer.
            Some(last) if !last.has_settled && last.is_equivalent_to(&job) => {
                if last.clients.len() < MAX_EQUIVALENT_JOBS {
                    return last.clients.append(&mut job.clients);
                }
                job.settle(&too_many("calls wait for the same answer"));
            }
            Some(_) if queued >= MAX_QUEUED_JOBS => {
                job.settle(&too_many("jobs of this scope wait for each other"));
            }
            _ => queue.0.push_back(job),
        }
        if queued == 0 {
            self.run_jobs(&scope_url);
        }
    }

    /// What the page has checked, too: it is not believed.
    ///
    /// <https://w3c.github.io/ServiceWorker/#start-register>, steps 3, 4, 8 and 9;
    /// <https://w3c.github.io/ServiceWorker/#register-algorithm>, steps 1 to 3
    fn check_urls(&self, job: &PendingJob) -> Result<(), JobError> {
        for (what, url) in [("script", &job.script_url), ("scope", &job.scope_url)] {
            if !matches!(url.scheme(), "http" | "https") {
                return Err(JobError::TypeError(format!(
                    "the {what} URL {url} is not http: or https:"
                )));
            }
            let path = url.path().to_ascii_lowercase();
            if path.contains("%2f") || path.contains("%5c") {
                return Err(JobError::TypeError(format!(
                    "the path of the {what} URL {url} has an escaped slash or backslash"
                )));
            }
            let origin = url.origin();
            if origin != self.origin || !origin.is_potentially_trustworthy() {
                return Err(JobError::SecurityError(format!(
                    "the {what} URL {url} is not of the page's origin, or not secure"
                )));
            }
        }
        Ok(())
    }

    /// <https://w3c.github.io/ServiceWorker/#run-job>, up to a job that takes its time.
    fn run_jobs(&mut self, scope_url: &ServoUrl) {
        while let Some(job) = self.current_job(scope_url)
            && matches!(job.stage, Stage::Waiting)
        {
            match job.kind {
                JobType::Register => self.run_register_job(scope_url),
                JobType::Update => self.run_update_job(scope_url),
                JobType::Unregister => self.run_unregister_job(scope_url),
            }
        }
        if self.current_job(scope_url).is_none() {
            self.job_queues.remove(scope_url);
        }
    }

    pub(super) fn current_job(&mut self, scope_url: &ServoUrl) -> Option<&mut PendingJob> {
        self.job_queues.get_mut(scope_url)?.0.front_mut()
    }

    /// <https://w3c.github.io/ServiceWorker/#resolve-job-promise>,
    /// <https://w3c.github.io/ServiceWorker/#reject-job-promise>
    pub(super) fn settle_job(&mut self, scope_url: &ServoUrl, result: &JobResult) {
        if let Some(job) = self.current_job(scope_url) {
            job.settle(result);
        }
    }

    pub(super) fn resolve_job(&mut self, scope_url: &ServoUrl) {
        if let Some(registration) = self.registrations.get(scope_url) {
            let value = JobResultValue::Register(registration.info(scope_url));
            self.settle_job(scope_url, &JobResult::ResolvePromise(value));
        }
    }

    /// <https://w3c.github.io/ServiceWorker/#finish-job>, without its last step.
    pub(super) fn take_finished_job(&mut self, scope_url: &ServoUrl) {
        if let Some(queue) = self.job_queues.get_mut(scope_url) {
            queue.0.pop_front();
        }
    }

    /// <https://w3c.github.io/ServiceWorker/#finish-job>
    pub(super) fn finish_job(&mut self, scope_url: &ServoUrl) {
        self.take_finished_job(scope_url);
        self.run_jobs(scope_url);
    }

    /// A registration without a worker is forgotten.
    ///
    /// <https://w3c.github.io/ServiceWorker/#update>, where a job fails
    pub(super) fn reject_and_finish_job(&mut self, scope_url: &ServoUrl, error: JobError) {
        self.settle_job(scope_url, &JobResult::RejectPromise(error));
        self.remove_if_unused(scope_url);
        self.finish_job(scope_url);
    }

    /// <https://w3c.github.io/ServiceWorker/#register-algorithm>, from step 4 on.
    fn run_register_job(&mut self, scope_url: &ServoUrl) {
        let Some(job) = self.current_job(scope_url) else {
            return;
        };
        let (script_url, via_cache) = (job.script_url.clone(), job.update_via_cache);
        if let Some(registration) = self.registrations.get(scope_url) {
            // Step 5: a registration with this script is what was asked for.
            let is_same = |newest: &ServiceWorker| newest.script_url == script_url;
            if registration.newest_worker().is_some_and(is_same)
                && registration.life_cycle.updates.via_cache == via_cache
            {
                self.resolve_job(scope_url);
                self.take_finished_job(scope_url);
                // As in other browsers, it is also a good moment to look for a new version.
                return self.schedule_soft_update(scope_url);
            }
        } else if self.registrations.len() >= MAX_REGISTRATIONS {
            self.settle_job(scope_url, &too_many("registrations of this origin exist"));
            return self.take_finished_job(scope_url);
        } else {
            // Step 6.
            let mut registration = ServiceWorkerRegistration::new();
            registration.life_cycle.updates.via_cache = via_cache;
            self.registrations.insert(scope_url.clone(), registration);
        }
        // Step 7.
        self.begin_update(scope_url);
    }

    /// <https://w3c.github.io/ServiceWorker/#update>, steps 1 to 4.
    fn run_update_job(&mut self, scope_url: &ServoUrl) {
        let Some(job) = self.current_job(scope_url) else {
            return;
        };
        let script_url = job.script_url.clone();
        let registration = self.registrations.get(scope_url);
        let is_same = registration
            .and_then(ServiceWorkerRegistration::newest_worker)
            .is_some_and(|newest| newest.script_url == script_url);
        match registration.map(|it| it.life_cycle.updates.via_cache) {
            Some(via_cache) if is_same => {
                if let Some(job) = self.current_job(scope_url) {
                    job.update_via_cache = via_cache;
                }
                self.begin_update(scope_url);
            }
            _ => {
                let error = "the registration is gone, or has another script by now".to_owned();
                let result = JobResult::RejectPromise(JobError::TypeError(error));
                self.settle_job(scope_url, &result);
                self.take_finished_job(scope_url);
            }
        }
    }

    /// <https://w3c.github.io/ServiceWorker/#unregister>
    fn run_unregister_job(&mut self, scope_url: &ServoUrl) {
        let found = self.clear_registration(scope_url);
        let value = JobResultValue::Unregister(found);
        self.settle_job(scope_url, &JobResult::ResolvePromise(value));
        self.take_finished_job(scope_url);
    }

    /// <https://w3c.github.io/ServiceWorker/#soft-update>
    pub(crate) fn schedule_soft_update(&mut self, scope_url: &ServoUrl) {
        let Some(registration) = self.registrations.get(scope_url) else {
            return;
        };
        // Step 2: without a worker there is nothing to be updated.
        let Some(newest) = registration.newest_worker() else {
            return;
        };
        let job = PendingJob {
            kind: JobType::Update,
            scope_url: scope_url.clone(),
            script_url: newest.script_url.clone(),
            update_via_cache: registration.life_cycle.updates.via_cache,
            scope_things: None,
            clients: Vec::new(),
            has_settled: false,
            stage: Stage::Waiting,
        };
        // Whatever waits looks for a new version itself, or ends the registration.
        let queue = self.job_queues.entry(scope_url.clone()).or_default();
        if queue.0.is_empty() {
            queue.0.push_back(job);
            self.run_jobs(scope_url);
        }
    }

    pub(super) fn set_stage(&mut self, scope_url: &ServoUrl, stage: Stage) {
        if let Some(job) = self.current_job(scope_url) {
            job.stage = stage;
        }
    }

    /// A worker's installation is over, in whichever way. Its job is.
    pub(super) fn installation_is_over(&mut self, scope_url: &ServoUrl) {
        if self
            .current_job(scope_url)
            .is_some_and(|job| matches!(job.stage, Stage::Installing))
        {
            self.finish_job(scope_url);
        }
    }
}

fn too_many(what: &str) -> JobResult {
    JobResult::RejectPromise(JobError::TypeError(format!("too many {what}")))
}
