//! The two clocks: points in time that are stored, and what becomes of them when the wall clock is set.
//!
//! A device without a battery for its clock boots in 1970, and learns the time from the network some
//! minutes later, or never. What it stored in an earlier run means nothing until then; what it stores
//! until then would mean nothing later.

use super::registration::{Due, RegKey};
use super::{SyncScheduler, Timer};
use crate::{MonoTime, Now, Origin, Urgency, WallTime};

/// A clock that shows less is wrong, in milliseconds since 1970: this is the start of 2026.
const EARLIEST_CREDIBLE_WALL: WallTime = WallTime(1_767_225_600_000);

/// If the wall clock goes forth or back against the monotonic one by more than this, it has been set, in
/// milliseconds.
const LEAST_JUMP_MS: u64 = 60_000;

/// How often to look at a wall clock that is wrong, or may be, while something repeats and there is a
/// network, which may bring the time, in milliseconds.
const CLOCK_CHECK_MS: u64 = 300_000;

/// A clock that may be right is set soon after the start or after a reconnect, or not at all: for how
/// long to look at it, in milliseconds.
const DOUBT_MS: u64 = 3_600_000;

/// A point in time on both clocks. Unlike [`MonoTime`] it may lie before the start of the monotonic
/// one: what was restored from the store does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    mono_ms: i64,
    /// What is stored of it.
    pub wall: WallTime,
    source: Source,
}

/// Which clock knows when it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    /// The wall clock of an earlier run, which showed this.
    Stored(WallTime),
    /// The monotonic clock.
    Measured,
}

impl WallTime {
    fn is_credible(self) -> bool {
        self >= EARLIEST_CREDIBLE_WALL
    }
}

impl Moment {
    pub fn at(now: Now) -> Self {
        Self {
            mono_ms: mono_ms(now),
            wall: now.wall,
            source: Source::Measured,
        }
    }

    /// If the clock was wrong, or is, nobody knows how long ago it was: it counts as now. Its `wall`
    /// differs from the one given if it is to be stored anew.
    pub fn restore(now: Now, wall: WallTime) -> Self {
        let credible = now.wall.is_credible();
        if credible && !wall.is_credible() {
            return Self::at(now);
        }
        let ahead = wall > now.wall;
        let age_ms = now.wall.0.saturating_sub(wall.0);
        let age_ms = i64::try_from(age_ms).unwrap_or(i64::MAX);
        Self {
            mono_ms: mono_ms(now).saturating_sub(age_ms),
            // Or it would count as now at each start.
            wall: if ahead && credible { now.wall } else { wall },
            source: Source::Stored(wall),
        }
    }

    /// The wall clock was set, and is credible now. Returns whether it is to be stored anew.
    pub fn rebase(&mut self, now: Now) -> bool {
        let old = self.wall;
        match self.source {
            Source::Stored(wall) if wall.is_credible() && wall <= now.wall => {
                *self = Self::restore(now, wall);
            }
            Source::Stored(_) | Source::Measured => {
                let age_ms = mono_ms(now).saturating_sub(self.mono_ms);
                let age_ms = u64::try_from(age_ms).unwrap_or(0);
                self.wall = WallTime(now.wall.0.saturating_sub(age_ms));
            }
        }
        self.wall != old
    }

    pub fn after_ms(self, ms: u64) -> MonoTime {
        let after = i128::from(self.mono_ms) + i128::from(ms);
        MonoTime(u64::try_from(after.max(0)).unwrap_or(u64::MAX))
    }
}

fn mono_ms(now: Now) -> i64 {
    i64::try_from(now.mono.0).unwrap_or(i64::MAX)
}

/// What is known of the wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// How far it is ahead of the monotonic one, in milliseconds. `None`: it is wrong.
    ahead_ms: Option<i128>,
    /// It may be wrong: until when to look at it.
    doubted_until: Option<MonoTime>,
    /// When to look at it again.
    check: Option<MonoTime>,
}

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
        let matters = doubted && self.is_online() && self.passes.something_waits();
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
        for last in self.passes.last_mut() {
            last.rebase(now);
        }
        let mut outdated_origins: Vec<Origin> = Vec::new();
        for (origin, limits) in &mut self.passes.origins {
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
        for undo in self.undo.values_mut() {
            undo.rebase(now);
        }
        for origin in outdated_origins {
            self.store_origin(&origin, Urgency::Lazy);
        }
        self.arm_pass();
    }

    /// Deadlines that were set by a wrong clock. Those that were restored keep their time: it is late by
    /// one back-off at most.
    fn rebase_deadlines(&mut self, now: Now) {
        let wrong = |due: &Due| !due.at_wall.is_credible();
        let outdated: Vec<RegKey> = self
            .tables
            .iter()
            .filter(|(_, registration)| registration.due.as_deref().is_some_and(wrong))
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
