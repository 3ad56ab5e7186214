/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Stops service workers that have nothing to do: the next event or message starts them again.
//!
//! <https://w3c.github.io/ServiceWorker/#service-worker-lifetime>

use std::time::{Duration, Instant};

use servo_base::id::ServiceWorkerId;
use servo_config::pref;
use servo_url::ServoUrl;

use crate::dom::serviceworkers::manager::ServiceWorkerManager;
use crate::dom::serviceworkers::manager::limits::step_limit;
use crate::dom::serviceworkers::manager::registration::{
    RegistrationLifeCycle, ServiceWorkerRegistration,
};
use crate::dom::serviceworkers::workerscope::FromManager;

/// A worker that goes on for ever is asked once it was given nothing for so long: its messages have a limit all the same.
const QUIET: Duration = Duration::from_secs(1);

/// An answer that takes longer means that something was not over when the question came: the time begins anew.
const SOON: Duration = Duration::from_secs(1);

/// How long a worker goes on without anything to do. `None`: for ever.
fn idle_limit() -> Option<Duration> {
    let seconds = u64::try_from(pref!(dom_serviceworker_idle_timeout_seconds)).unwrap_or(0);
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// From now on; `None` if that is never.
pub(super) fn after(limit: Duration) -> Option<Instant> {
    Instant::now().checked_add(limit)
}

/// What is known of when the active worker has had nothing to do for long enough.
#[derive(Default)]
pub(crate) enum Idleness {
    /// It does not run, as far as this goes.
    #[default]
    Unwatched,
    /// It is asked then whether it has something to do.
    AskAt(Instant),
    AskedAt(Instant),
}

impl Idleness {
    /// The worker is given something to do.
    pub(crate) fn begin(&mut self) {
        *self = match after(idle_limit().unwrap_or(QUIET)) {
            Some(at) => Self::AskAt(at),
            None => Self::Unwatched,
        };
    }
}

/// Whether a worker that is given messages still gets to them. One that is given another before each question about its
/// idleness would loop for ever.
#[derive(Default)]
pub(super) struct Liveness {
    asked_at: Option<Instant>,
    has_answered: bool,
}

impl Liveness {
    /// Whether the worker is to be asked.
    fn ask(&mut self) -> bool {
        let is_new = match self.asked_at {
            Some(at) => self.has_answered && at.elapsed() >= SOON,
            None => true,
        };
        if is_new {
            self.asked_at = Some(Instant::now());
            self.has_answered = false;
        }
        is_new
    }

    /// When an answer is overdue.
    pub(super) fn limit(&self) -> Option<Instant> {
        let asked_at = self.asked_at.filter(|_| !self.has_answered)?;
        asked_at.checked_add(step_limit())
    }
}

impl RegistrationLifeCycle {
    /// When the worker is asked, or has had enough time for its answer.
    pub(super) fn look_at_idleness_at(&self) -> Option<Instant> {
        match self.idleness {
            Idleness::AskAt(at) => Some(at),
            Idleness::AskedAt(at) => at.checked_add(step_limit()),
            Idleness::Unwatched => None,
        }
    }
}

impl ServiceWorkerManager {
    /// The active worker was asked, and has nothing to do.
    pub(super) fn stop_if_idle(&mut self, scope_url: &ServoUrl, worker_id: ServiceWorkerId) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        let life_cycle = &mut registration.life_cycle;
        match life_cycle.idleness {
            Idleness::AskedAt(_) if idle_limit().is_none() => {
                life_cycle.idleness = Idleness::Unwatched;
            }
            Idleness::AskedAt(at) if at.elapsed() < SOON => {
                life_cycle.idleness = Idleness::Unwatched;
                life_cycle.terminate(worker_id);
            }
            Idleness::AskedAt(_) => life_cycle.idleness.begin(),
            Idleness::Unwatched | Idleness::AskAt(_) => {}
        }
    }

    /// Asks the active workers that were given nothing for long whether they have anything to do, and ends those that
    /// give no answer although no functional event is left: a message may not take longer than other steps.
    pub(super) fn ask_the_idle(&mut self) {
        let now = Instant::now();
        let mut ended = Vec::new();
        for (scope_url, registration) in &mut self.registrations {
            let life_cycle = &mut registration.life_cycle;
            if life_cycle.look_at_idleness_at().is_none_or(|at| at > now) {
                continue;
            }
            let active = registration.active_worker.as_ref();
            let Some(active) = active.filter(|active| life_cycle.is_running(active.id)) else {
                life_cycle.idleness = Idleness::Unwatched;
                continue;
            };
            life_cycle.close_direct_way(active.id);
            if life_cycle.look_at_idleness_at().is_none_or(|at| at > now) {
                continue;
            }
            let thread = life_cycle.thread_of(active.id);
            let has_events = thread.is_some_and(|thread| !thread.events().is_empty());
            if !matches!(life_cycle.idleness, Idleness::AskedAt(_)) {
                let events_given = life_cycle.events_given;
                active.send_message(FromManager::ReportIdle { events_given });
                life_cycle.idleness = Idleness::AskedAt(now);
            } else if has_events {
                // They have a limit of their own.
                life_cycle.idleness.begin();
            } else {
                life_cycle.report_error(format!(
                    "A message to the service worker of {scope_url} took too long: the worker was ended."
                ));
                life_cycle.idleness = Idleness::Unwatched;
                life_cycle.terminate(active.id);
                ended.push(scope_url.clone());
            }
        }
        for scope_url in ended {
            // It can't say any more that a waiting worker may take its place.
            self.try_activate(&scope_url);
        }
    }

    pub(super) fn worker_is_alive(&mut self, scope_url: &ServoUrl, worker_id: ServiceWorkerId) {
        let registration = self.registrations.get_mut(scope_url);
        if let Some(record) = registration.and_then(|it| it.life_cycle.records.get_mut(&worker_id))
        {
            record.liveness.has_answered = true;
        }
    }

    /// Ends the workers that have not got to their messages in time. Functional events have a limit of their own.
    pub(super) fn end_unresponsive(&mut self, now: Instant) {
        let mut overdue = Vec::new();
        for (scope_url, registration) in &mut self.registrations {
            for (worker_id, record) in &mut registration.life_cycle.records {
                if record.liveness.limit().is_none_or(|limit| limit > now) {
                    continue;
                }
                record.liveness = Liveness::default();
                overdue.push((scope_url.clone(), *worker_id));
            }
        }
        for (scope_url, worker_id) in overdue {
            if let Some(registration) = self.registrations.get_mut(&scope_url) {
                let life_cycle = &mut registration.life_cycle;
                life_cycle.close_direct_way(worker_id);
                let thread = life_cycle.thread_of(worker_id);
                if thread.is_none_or(|thread| !thread.events().is_empty()) {
                    continue;
                }
                life_cycle.report_error(format!(
                    "A message to the service worker of {scope_url} took too long: the worker was ended."
                ));
                life_cycle.idleness = Idleness::Unwatched;
                life_cycle.terminate(worker_id);
            }
            self.try_activate(&scope_url);
        }
    }

    /// Ends the active worker that was given something longest ago, of those that have no functional event to finish.
    /// Returns whether there was one.
    pub(super) fn end_an_idle_worker(&mut self) -> bool {
        for registration in self.registrations.values_mut() {
            if let Some(active) = &registration.active_worker {
                registration.life_cycle.close_direct_way(active.id);
            }
        }
        let idle_since = |registration: &ServiceWorkerRegistration| {
            let life_cycle = &registration.life_cycle;
            let thread = life_cycle.thread_of(registration.active_worker.as_ref()?.id)?;
            let is_idle =
                life_cycle.activated && !thread.is_finished() && thread.events().is_empty();
            match life_cycle.idleness {
                Idleness::AskAt(at) | Idleness::AskedAt(at) if is_idle => Some(at),
                _ => None,
            }
        };
        let longest = self
            .registrations
            .iter()
            .filter_map(|(scope_url, registration)| Some((idle_since(registration)?, scope_url)))
            .min_by_key(|(since, _)| *since)
            .map(|(_, scope_url)| scope_url.clone());
        let Some(registration) = longest.and_then(|it| self.registrations.get_mut(&it)) else {
            return false;
        };
        let Some(active) = &registration.active_worker else {
            return false;
        };
        registration.life_cycle.idleness = Idleness::Unwatched;
        registration.life_cycle.terminate(active.id);
        true
    }

    /// The active worker of `scope_url` is given a message: it is not idle now.
    pub(crate) fn note_message(&mut self, scope_url: &ServoUrl) {
        if let Some(registration) = self.registrations.get_mut(scope_url) {
            let life_cycle = &mut registration.life_cycle;
            life_cycle.events_given += 1;
            life_cycle.idleness.begin();
            if let Some(active) = &registration.active_worker
                && let Some(record) = life_cycle.records.get_mut(&active.id)
                && record.liveness.ask()
            {
                // Ahead of the message.
                active.send_message(FromManager::ReportAlive);
            }
        }
    }
}
