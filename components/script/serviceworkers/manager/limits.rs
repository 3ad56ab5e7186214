/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! How long service workers may take, and what becomes of those that take longer.
//!
//! <https://w3c.github.io/ServiceWorker/#service-worker-lifetime>

use std::time::{Duration, Instant};

use background_sync_traits::{EventToken, ScopeKey};
use crossbeam_channel::{Receiver, at, never};
use embedder_traits::{ConsoleLogLevel, EmbedderMsg};
use log::debug;
use servo_base::id::ServiceWorkerId;
use servo_config::pref;
use servo_constellation_traits::JobError;
use servo_url::ServoUrl;

use crate::dom::serviceworkers::manager::ServiceWorkerManager;
use crate::dom::serviceworkers::manager::idle::after;
use crate::dom::serviceworkers::manager::registration::{RegistrationLifeCycle, ServiceWorker};

/// How long a worker may take for each step until it is active: to be fetched, to be run, `install`, and `activate`; and
/// for what it has begun when it is unregistered.
pub(crate) fn step_limit() -> Duration {
    let seconds = u64::try_from(pref!(dom_serviceworker_timeout_seconds)).unwrap_or(0);
    Duration::from_secs(seconds.max(1))
}

impl RegistrationLifeCycle {
    /// A worker begins one of the steps until it is active.
    pub(super) fn step_begins(&mut self, worker_id: ServiceWorkerId) {
        if let Some(record) = self.records.get_mut(&worker_id) {
            record.limit = after(step_limit());
        }
    }

    pub(super) fn step_is_over(&mut self, worker_id: ServiceWorkerId) {
        if let Some(record) = self.records.get_mut(&worker_id) {
            record.limit = None;
        }
    }

    /// The worker that was given a functional event which is not over.
    pub(super) fn worker_with(&self, event: EventToken) -> Option<ServiceWorkerId> {
        self.records
            .iter()
            .find(|(_, record)| {
                record
                    .thread
                    .as_ref()
                    .is_some_and(|thread| thread.has_event(event))
            })
            .map(|(worker_id, _)| *worker_id)
    }

    pub(super) fn report_error(&self, message: String) {
        let Some(scope_things) = &self.scope_things else {
            return;
        };
        let message = EmbedderMsg::ShowConsoleApiMessage(None, ConsoleLogLevel::Error, message);
        if scope_things
            .init
            .script_to_embedder_chan
            .send(message)
            .is_err()
        {
            debug!("The embedder is gone.");
        }
    }
}

impl ServiceWorkerManager {
    /// Has a message when it is time for [`Self::handle_passed_limits`].
    pub(super) fn next_limit(&self) -> Receiver<Instant> {
        let life_cycles = || {
            self.registrations
                .values()
                .map(|registration| &registration.life_cycle)
        };
        let steps = life_cycles()
            .flat_map(|life_cycle| life_cycle.records.values())
            .flat_map(|record| [record.limit, record.liveness.limit()])
            .flatten();
        let fetches = life_cycles()
            .flat_map(|life_cycle| life_cycle.records.values())
            .filter_map(|record| record.thread.as_ref()?.events().limit());
        let questions = life_cycles().filter_map(RegistrationLifeCycle::look_at_idleness_at);
        let checks = self
            .job_queues
            .values()
            .filter_map(|queue| queue.check()?.limit);
        let restoring = life_cycles().filter_map(|life_cycle| life_cycle.restoring.as_ref()?.limit);
        let limits = steps
            .chain(restoring)
            .chain(fetches)
            .chain(questions)
            .chain(checks)
            .chain(self.leaving.next_limit())
            .chain(self.clients.next_limit());
        #[cfg(feature = "offline")]
        let limits = limits.chain(self.openings.next_limit());
        limits.min().map_or_else(never, at)
    }

    /// Ends what has taken too long, and sees to the workers that have nothing to do.
    pub(super) fn handle_passed_limits(&mut self) {
        self.ask_the_idle();
        let now = Instant::now();
        self.leaving.end_overlong(now);
        self.give_up_expected_clients(now);
        self.end_overlong_checks(now);
        self.end_overlong_steps(now);
        #[cfg(feature = "offline")]
        {
            self.openings.give_up(now);
            self.end_overlong_fetches(now);
        }
        self.give_up_restoring(now);
        self.end_unresponsive(now);
    }

    fn end_overlong_checks(&mut self, now: Instant) {
        let mut overlong = Vec::new();
        for (scope_url, queue) in &self.job_queues {
            let limit = queue.check().and_then(|check| check.limit);
            if limit.is_some_and(|limit| limit <= now) {
                overlong.push(scope_url.clone());
            }
        }
        for scope_url in overlong {
            let error = format!(
                "its server has not answered in full after {:?}",
                step_limit()
            );
            self.reject_and_finish_job(&scope_url, JobError::TypeError(error));
        }
    }

    fn end_overlong_steps(&mut self, now: Instant) {
        let mut overlong = Vec::new();
        for (scope_url, registration) in &self.registrations {
            for (worker_id, record) in &registration.life_cycle.records {
                if record.limit.is_some_and(|limit| limit <= now) {
                    overlong.push((scope_url.clone(), *worker_id));
                }
            }
        }
        for (scope_url, worker_id) in overlong {
            self.end_overlong_step(&scope_url, worker_id);
        }
    }

    fn end_overlong_step(&mut self, scope_url: &ServoUrl, worker_id: ServiceWorkerId) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        let life_cycle = &mut registration.life_cycle;
        life_cycle.step_is_over(worker_id);
        let limit = step_limit();
        let is = |worker: &&ServiceWorker| worker.id == worker_id;
        if let Some(worker) = life_cycle.starting.as_ref().filter(is) {
            life_cycle.report_error(format!(
                "The service worker {} was not installed: its script was not over after {limit:?}.",
                worker.script_url
            ));
            self.script_has_failed(scope_url, worker_id, "was not over in time");
        } else if let Some(worker) = registration.installing_worker.as_ref().filter(is) {
            life_cycle.report_error(format!(
                "The service worker {} was not installed: its install event was not over after {limit:?}.",
                worker.script_url
            ));
            self.install_has_failed(scope_url, worker_id);
        } else {
            self.end_activation(scope_url, worker_id);
        }
    }

    /// An active worker whose `activate` event does not end is ended itself. The next event starts it again, activated.
    fn end_activation(&mut self, scope_url: &ServoUrl, worker_id: ServiceWorkerId) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        registration.life_cycle.report_error(format!(
            "The activate event of the service worker of {scope_url} took too long: the worker was ended."
        ));
        registration.life_cycle.terminate(worker_id);
        self.activate_has_finished(scope_url, worker_id);
    }

    /// A functional event has passed its execution cap: ends the worker that has it.
    ///
    /// <https://w3c.github.io/ServiceWorker/#terminate-service-worker>
    pub(crate) fn terminate_worker(&mut self, event: EventToken, scope: &ScopeKey) {
        if self.leaving.terminate(event) {
            return;
        }
        let Ok(scope_url) = ServoUrl::parse(scope.scope.as_str()) else {
            return;
        };
        let Some(registration) = self.registrations.get_mut(&scope_url) else {
            return;
        };
        let life_cycle = &mut registration.life_cycle;
        if let Some(worker_id) = life_cycle.worker_with(event) {
            life_cycle.report_error(format!(
                "An event of the service worker of {scope_url} has passed its execution cap: the worker was ended."
            ));
            life_cycle.terminate(worker_id);
            // It can't say any more that a waiting worker may take its place.
            return self.try_activate(&scope_url);
        }
        // It waits for an activation that takes longer than an event may.
        let waiting = life_cycle.queued_events.len();
        life_cycle
            .queued_events
            .retain(|queued_event| !queued_event.is(event));
        if life_cycle.queued_events.len() < waiting
            && let Some(active) = &registration.active_worker
        {
            let worker_id = active.id;
            self.end_activation(&scope_url, worker_id);
        }
    }
}
