//! When the next attempt is made: back-off with jitter, and deadlines.

use super::SyncScheduler;
use super::state::{Due, RegKey, Timer};
use crate::{Now, RegistrationState};

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
        if let Some(old) = std::mem::replace(&mut registration.due, due) {
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
}
