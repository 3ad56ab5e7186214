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

use crate::dom::backgroundsync::serviceworkerlifecycle::RegistrationLifeCycle;
use crate::dom::serviceworker_manager::ServiceWorkerManager;
use crate::dom::serviceworkerglobalscope::ServiceWorkerScriptMsg;

/// An answer that takes longer means that something was not over when the question came: the time begins anew.
const SOON: Duration = Duration::from_secs(1);

/// How long a worker goes on without anything to do. `None`: for ever.
fn idle_limit() -> Option<Duration> {
    let seconds = u64::try_from(pref!(dom_serviceworker_idle_timeout_seconds)).unwrap_or(0);
    (seconds > 0).then(|| Duration::from_secs(seconds))
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
    pub(super) fn begin(&mut self) {
        *self = match idle_limit() {
            Some(limit) => Self::AskAt(Instant::now() + limit),
            None => Self::Unwatched,
        };
    }
}

impl RegistrationLifeCycle {
    /// When the worker is asked.
    pub(super) fn ask_at(&self) -> Option<Instant> {
        match self.idleness {
            Idleness::AskAt(at) => Some(at),
            Idleness::Unwatched | Idleness::AskedAt(_) => None,
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
            Idleness::AskedAt(at) if at.elapsed() < SOON => {
                life_cycle.idleness = Idleness::Unwatched;
                life_cycle.terminate(worker_id);
            }
            Idleness::AskedAt(_) => life_cycle.idleness.begin(),
            Idleness::Unwatched | Idleness::AskAt(_) => {}
        }
    }

    /// Asks the active workers that were given nothing for long whether they have anything to do.
    pub(super) fn ask_the_idle(&mut self) {
        let now = Instant::now();
        for registration in self.registrations.values_mut() {
            let life_cycle = &mut registration.life_cycle;
            if life_cycle.ask_at().is_none_or(|at| at > now) {
                continue;
            }
            // The one that waits for its end is the one that asks.
            if registration.waiting_worker.is_some() {
                life_cycle.idleness.begin();
                continue;
            }
            let active = registration.active_worker.as_ref();
            let running = active.filter(|active| life_cycle.is_running(active.id));
            life_cycle.idleness = match running {
                Some(active) => {
                    let events_given = life_cycle.events_given;
                    active.send_message(ServiceWorkerScriptMsg::ReportIdle { events_given });
                    Idleness::AskedAt(now)
                }
                None => Idleness::Unwatched,
            };
        }
    }

    /// The active worker of `scope_url` is given a message: it is not idle now.
    pub(super) fn note_message(&mut self, scope_url: &ServoUrl) {
        if let Some(registration) = self.registrations.get_mut(scope_url) {
            registration.life_cycle.events_given += 1;
            registration.life_cycle.idleness.begin();
        }
    }
}
