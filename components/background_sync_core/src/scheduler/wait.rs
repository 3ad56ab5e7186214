//! Waiting: for a retry, for a spread first attempt, for the network.

use super::registration::{Due, RegKey};
use super::{SyncScheduler, Timer};
use crate::{Connectivity, Now, RegistrationState};

impl SyncScheduler {
    /// The wait of substep 3.2: back-off with jitter. Returns its length in milliseconds.
    pub(super) fn wait_for_retry(&mut self, now: Now, key: RegKey) -> u64 {
        let attempts = self
            .tables
            .get(key)
            .map_or(1, |registration| registration.attempts);
        let delay_ms = self.with_jitter_ms(self.policy.retry_delay_ms(attempts));
        if let Some(registration) = self.tables.get_mut(key) {
            registration.state = RegistrationState::Waiting;
        }
        self.wait_until(now, key, delay_ms);
        delay_ms
    }

    /// A delay, longer or shorter at random. None stays none.
    pub(super) fn with_jitter_ms(&mut self, delay_ms: u64) -> u64 {
        if delay_ms == 0 {
            return 0;
        }
        let jitter_ms = self.policy.jitter_ms(delay_ms);
        (delay_ms - jitter_ms).saturating_add(self.rng.up_to(jitter_ms.saturating_mul(2)))
    }

    /// Lets a registration be due in `ms`.
    pub(super) fn wait_until(&mut self, now: Now, key: RegKey, ms: u64) {
        let due = Due {
            at: now.mono.after_ms(ms),
            at_wall: now.wall.after_ms(ms),
            since: now.mono,
        };
        self.set_due(key, Some(due));
    }

    /// Keeps the registration's deadline and its timer in step.
    pub(super) fn set_due(&mut self, key: RegKey, due: Option<Due>) {
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        if let Some(old) = std::mem::replace(&mut registration.due, due.map(Box::new)) {
            self.timers.remove(&(old.at, Timer::Due(key)));
        }
        if let Some(new) = due {
            self.timers.insert((new.at, Timer::Due(key)));
        }
        self.refresh(key);
    }

    /// The wait is over: substeps 3.2.2 to 3.2.4.
    pub(super) fn registration_due(&mut self, key: RegKey) {
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        registration.due = None;
        if registration.state == RegistrationState::Waiting {
            registration.state = RegistrationState::Pending;
        }
        self.refresh(key);
    }

    /// [Whenever the user agent changes to online](https://wicg.github.io/background-sync/spec/#sync-event):
    /// what is pending fires. Beyond that, by policy, retries are brought forward.
    pub(super) fn change_connectivity(&mut self, now: Now, connectivity: Connectivity) {
        if connectivity == self.connectivity {
            return;
        }
        self.connectivity = connectivity;
        self.notify_connectivity();
        match connectivity {
            // What is not dispatched yet waits again; what runs goes on.
            Connectivity::Offline => {
                for event in self.preparing() {
                    let key = self.events.get(&event).map(|event| event.key);
                    if !key.is_some_and(|key| self.is_forced(key)) {
                        self.disarm(event);
                    }
                }
                self.end_pass();
            }
            Connectivity::Online => {
                self.spread_first_attempts(now);
                self.begin_passes(now);
                self.doubt_clock(now);
                if self.policy.reconnect_brings_retries_forward {
                    self.bring_retries_forward(now);
                }
            }
        }
    }

    /// Devices that come online together must not all call their server at once.
    pub(super) fn spread_first_attempts(&mut self, now: Now) {
        let spread_ms = self.policy.reconnect_first_attempt_spread_ms;
        if spread_ms == 0 {
            return;
        }
        for key in self.tables.all_ready() {
            let ms = self.rng.up_to(spread_ms);
            self.wait_until(now, key, ms);
        }
    }

    fn bring_retries_forward(&mut self, now: Now) {
        let due_keys: Vec<RegKey> = self
            .timers
            .iter()
            .filter_map(|&(_, timer)| match timer {
                Timer::Due(key) => Some(key),
                _ => None,
            })
            .collect();
        for key in due_keys {
            let Some(registration) = self.tables.get(key) else {
                continue;
            };
            let Some(due) = registration.due.as_deref().copied() else {
                continue;
            };
            // Without an attempt there is nothing to try again: its first one was asked for later.
            if registration.state != RegistrationState::Waiting || registration.attempts == 0 {
                continue;
            }
            let percent = u64::from(self.policy.reconnect_least_delay_percent.min(100));
            let least_ms = due.at.ms_since(due.since) / 100 * percent;
            // A network that comes and goes does not speed up a chain.
            let chain_ms = self.policy.chain_delay_ms(registration.depth.get());
            let least_ms = least_ms.max(chain_ms);
            let least = due.since.after_ms(least_ms).max(now.mono);
            let at = least.after_ms(self.rng.up_to(self.policy.reconnect_retry_spread_ms));
            if at < due.at {
                self.set_due(key, Some(Due { at, ..due }));
            }
        }
    }
}
