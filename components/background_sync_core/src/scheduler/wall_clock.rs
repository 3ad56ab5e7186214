//! What becomes of stored points in time when the wall clock is set.
//!
//! A device without a battery for its clock boots in 1970, and learns the time from the network some minutes later, or
//! never. Until then, times stored by an earlier run mean nothing; and times that it stores until then would mean nothing
//! later.

use super::SyncScheduler;
use super::state::{Due, RegKey, Timer};
use crate::{Now, Origin, Urgency};

/// If the wall clock goes forth or back against the monotonic one by more than this, it has been set, in
/// milliseconds.
const LEAST_JUMP_MS: u64 = 60_000;

/// How often to look at a wall clock that is wrong, or may be, while something repeats and there is a
/// network, which may bring the time, in milliseconds.
const CLOCK_CHECK_MS: u64 = 300_000;

/// A clock that may be right is set soon after the start or after a reconnect, or not at all: for how
/// long to look at it, in milliseconds.
const DOUBT_MS: u64 = 3_600_000;

impl SyncScheduler {
    /// What was loaded goes by the clock as it is.
    pub(super) fn trust_clock(&mut self, now: Now) {
        self.clock.ahead_ms = ahead_ms(now);
        self.doubt_clock(now);
    }

    /// The network may bring the time.
    pub(super) fn doubt_clock(&mut self, now: Now) {
        self.clock.doubted_until = Some(now.mono.after_ms(DOUBT_MS));
        self.watch_clock(now);
    }

    /// If the wall clock has been set, takes the time from it again.
    pub(super) fn look_at_clock(&mut self, now: Now) {
        let before = std::mem::replace(&mut self.clock.ahead_ms, ahead_ms(now));
        let Some(ahead_ms) = self.clock.ahead_ms else {
            return self.watch_clock(now);
        };
        match before {
            Some(before) if before.abs_diff(ahead_ms) <= u128::from(LEAST_JUMP_MS) => {
                // Small steps add up to a jump.
                self.clock.ahead_ms = Some(before);
                self.watch_clock(now);
            }
            _ => {
                self.rebase_intervals(now);
                self.rebase_deadlines(now);
                self.watch_clock(now);
            }
        }
    }

    /// The timer may have been the one that asks for the time.
    pub(super) fn clock_check_due(&mut self, now: Now) {
        self.clock.check = None;
        self.watch_clock(now);
    }

    /// Looks at a clock that may be wrong from time to time, as long as that matters.
    pub(super) fn watch_clock(&mut self, now: Now) {
        let doubted = self.clock.doubted_until > Some(now.mono);
        let doubted = doubted || self.clock.ahead_ms.is_none();
        let matters = doubted && self.is_online() && self.wake_ups.something_waits();
        match (matters, self.clock.check) {
            (true, None) => {
                let at = now.mono.after_ms(CLOCK_CHECK_MS);
                self.timers.insert((at, Timer::Clock));
                self.clock.check = Some(at);
            }
            (false, Some(at)) => {
                self.timers.remove(&(at, Timer::Clock));
                self.clock.check = None;
            }
            _ => {}
        }
    }

    /// The moments that intervals are counted from.
    fn rebase_intervals(&mut self, now: Now) {
        for last in self.wake_ups.last_mut() {
            last.rebase(now);
        }
        let mut outdated_origins: Vec<Origin> = Vec::new();
        for (origin, limits) in &mut self.wake_ups.origins {
            if limits.rebase(now) {
                outdated_origins.push(origin.clone());
            }
        }
        let repeating: Vec<RegKey> = self
            .tables
            .iter()
            .filter(|(_, registration)| registration.kind.cycle().is_some())
            .map(|(key, _)| key)
            .collect();
        for key in repeating {
            let cycle = self
                .tables
                .get_mut(key)
                .and_then(|found| found.kind.cycle_mut());
            let Some(cycle) = cycle else { continue };
            let waits = cycle.due.is_some();
            if cycle.rebase(now) {
                self.store_lazily(key);
            }
            if waits {
                let ends = self.interval_ends(key);
                self.set_interval(key, ends);
            }
        }
        for rollback in self.rollbacks.values_mut() {
            rollback.rebase(now);
        }
        for origin in outdated_origins {
            self.store_origin(&origin, Urgency::Lazy);
        }
        self.arm_wake_up();
    }

    /// Deadlines that were set by a wrong clock. Those that were restored keep their time: it is late by
    /// one back-off at most.
    fn rebase_deadlines(&mut self, now: Now) {
        let wrong = |due: &Due| !due.at_wall.is_credible();
        let outdated: Vec<RegKey> = self
            .tables
            .iter()
            .filter(|(_, registration)| registration.due.as_ref().is_some_and(wrong))
            .map(|(key, _)| key)
            .collect();
        for key in outdated {
            let due = self
                .tables
                .get_mut(key)
                .and_then(|found| found.due.as_mut());
            if let Some(due) = due {
                due.at_wall = now.wall.after_ms(due.at.ms_since(now.mono));
            }
            self.store_lazily(key);
        }
    }
}

fn ahead_ms(now: Now) -> Option<i128> {
    let ahead_ms = i128::from(now.wall.0) - i128::from(now.mono.0);
    now.wall.is_credible().then_some(ahead_ms)
}
