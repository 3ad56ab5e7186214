//! The [periodic sync
//! scheduler](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodic-sync-scheduler-construct):
//! when registrations that repeat may fire.
//!
//! Intervals are counted on the monotonic clock, from the anchor time of a registration, the time of last fire of its
//! origin, and the last wake-up of all. A wake-up selects everything that is due. What is selected fires as one-shot
//! registrations do, as soon as it gets a slot.

use super::SyncScheduler;
use super::state::{FiredFor, Intervals, Moment, RegKey, Timer};
use crate::{MonoTime, Now, Origin, RegistrationState};

impl SyncScheduler {
    /// The interval begins: from its anchor time.
    pub(super) fn wait_for_interval(&mut self, key: RegKey) {
        self.set_due(key, None);
        self.leave_wake_up(key);
        if let Some(registration) = self.tables.get_mut(key) {
            registration.state = RegistrationState::Waiting;
            registration.attempts = 0;
        }
        let due = self.interval_ends(key);
        self.set_interval(key, due);
        self.refresh(key);
    }

    /// When the intervals of a registration are over. `None`: never, at present.
    pub(super) fn intervals(&self, key: RegKey) -> Option<Intervals> {
        let cycle = self.tables.get(key)?.kind.cycle()?;
        let limits = self.wake_ups.limits(&self.tables.scope_key(key)?.origin);
        let origin_ms = self.policy.periodic_interval_ms(limits.extra)?;
        let of_origin = limits.fired.map(|fired| fired.after_ms(origin_ms));
        Some(Intervals {
            own: cycle.anchor.after_ms(cycle.min_interval_ms.max(origin_ms)),
            of_origin: of_origin.unwrap_or_default(),
        })
    }

    /// When this registration may fire next, but for the gap between wake-ups. `None`: never, at
    /// present.
    pub(super) fn interval_ends(&self, key: RegKey) -> Option<MonoTime> {
        self.intervals(key).map(|ends| ends.own.max(ends.of_origin))
    }

    /// When the gap between wake-ups is over.
    pub(super) fn gap_ends(&self) -> MonoTime {
        let gap_ms = self.policy.periodic_gap_ms();
        let last = self.wake_ups.last;
        last.map_or(MonoTime(0), |last| last.after_ms(gap_ms))
    }

    /// Milliseconds until a registration may fire next.
    pub(super) fn interval_left_ms(&self, now: Now, key: RegKey) -> Option<u64> {
        let own = self.interval_ends(key)?;
        Some(own.max(self.gap_ends()).ms_since(now.mono))
    }

    /// Keeps a registration's place among the intervals.
    pub(super) fn set_interval(&mut self, key: RegKey, due: Option<MonoTime>) {
        let registration = self.tables.get_mut(key);
        if let Some(cycle) = registration.and_then(|registration| registration.kind.cycle_mut()) {
            let old = std::mem::replace(&mut cycle.due, due);
            if let Some(old) = old {
                self.wake_ups.intervals.remove(&(old, key));
            }
            if let Some(due) = due {
                self.wake_ups.intervals.insert((due, key));
            }
        }
        self.arm_wake_up();
    }

    pub(super) fn next_wake_up(&self) -> Option<MonoTime> {
        let wake_ups = &self.wake_ups;
        let (first, _) = wake_ups.intervals.first()?;
        let others = wake_ups.shared_at.into_iter();
        others
            .chain([wake_ups.not_before, *first, self.gap_ends()])
            .max()
    }

    /// Without a network there is no reason to wake up.
    pub(super) fn arm_wake_up(&mut self) {
        let at = self.next_wake_up().filter(|_| self.is_online());
        if at == self.wake_ups.timer {
            return;
        }
        if let Some(old) = std::mem::replace(&mut self.wake_ups.timer, at) {
            self.timers.remove(&(old, Timer::WakeUp));
        }
        if let Some(at) = at {
            self.timers.insert((at, Timer::WakeUp));
        }
    }

    /// A wake-up:
    /// [process periodic sync registrations](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#process-periodic-sync-registrations-algorithm).
    /// Its first step, the minimum interval across origins, is over: `next_wake_up`. Returns what it has
    /// selected.
    pub(super) fn process_periodic_sync_registrations(&mut self, now: Now) -> Vec<RegKey> {
        self.wake_ups.timer = None;
        if !self.is_online() {
            return Vec::new();
        }
        // The intervals of origins and of registrations.
        let mut due = Vec::new();
        while let Some(&(at, key)) = self.wake_ups.intervals.first()
            && at <= now.mono
        {
            let ends = self.interval_ends(key);
            self.wake_ups.intervals.remove(&(at, key));
            if ends.is_some_and(|ends| ends <= now.mono) {
                due.push((at, key));
            } else {
                self.set_interval(key, ends);
            }
        }
        // The wait to group several of them into one wake-up.
        let shared = self.wake_ups.shared_at.take();
        if !due.is_empty() && shared.is_none() {
            self.wake_ups.shared_at = self.last_due_within(now, self.policy.grouping_ms());
        }
        if self.wake_ups.shared_at.is_some() {
            self.wake_ups.intervals.extend(due);
            self.arm_wake_up();
            return Vec::new();
        }
        // Fire them: they are pending now, and `fill_slots` gives them slots.
        if !due.is_empty() {
            self.wake_ups.unused = Some(self.wake_ups.last);
            self.wake_ups.last = Some(Moment::at(now));
        }
        let selected: Vec<RegKey> = due.into_iter().map(|(_, key)| key).collect();
        for &key in &selected {
            self.wake_ups.selected.insert(key);
            self.set_interval(key, None);
            if let Some(registration) = self.tables.get_mut(key) {
                registration.state = RegistrationState::Pending;
            }
            self.refresh(key);
        }
        self.forget_expired_origins(now);
        self.arm_wake_up();
        selected
    }

    fn last_due_within(&self, now: Now, ms: u64) -> Option<MonoTime> {
        let all = RegKey::LAST;
        let until = (now.mono.after_ms(ms), all);
        let later = self.wake_ups.intervals.range((now.mono, all)..=until);
        later.last().map(|&(at, _)| at)
    }

    /// The first attempt of an event is dispatched: the caps count from here.
    pub(super) fn periodic_event_fired(&mut self, now: Now, key: RegKey, origin: &Origin) {
        // What was selected anyway was a wake-up anyway.
        let fired_for = if self.is_requested(key) && !self.wake_ups.selected.contains(&key) {
            FiredFor::Embedder
        } else {
            FiredFor::Interval
        };
        let registration = self.tables.get_mut(key);
        if let Some(cycle) = registration.and_then(|registration| registration.kind.cycle_mut()) {
            cycle.fired_at = Some(Moment::at(now));
            cycle.about_to_fire_at = None;
            cycle.fired_for = fired_for;
        }
        if fired_for == FiredFor::Interval {
            self.wake_ups.last = Some(Moment::at(now));
            self.wake_ups.unused = None;
            self.wake_ups.selected.remove(&key);
        }
        self.set_time_of_last_fire(now, origin, fired_for);
        self.arm_wake_up();
    }

    /// Takes a registration out of the wake-up that has selected it.
    pub(super) fn deselect(&mut self, key: RegKey) {
        let event = self.tables.get(key).and_then(|found| found.event);
        if let Some(event) = event {
            self.cancel_event(event);
        }
        self.wait_for_interval(key);
    }

    /// If nothing of a wake-up fires, it was none: others need not wait for the gap after it.
    pub(super) fn leave_wake_up(&mut self, key: RegKey) {
        if self.wake_ups.selected.remove(&key)
            && self.wake_ups.selected.is_empty()
            && let Some(before) = self.wake_ups.unused.take()
        {
            self.wake_ups.last = before;
            self.arm_wake_up();
        }
    }

    /// The network has gone: what was selected and has not begun waits for another wake-up, so that the
    /// caps hold whenever the network returns.
    pub(super) fn end_wake_up(&mut self) {
        for key in self.wake_ups.selected.clone() {
            if self.is_requested(key) {
                self.leave_wake_up(key);
            } else {
                self.deselect(key);
            }
        }
        self.wake_ups.shared_at = None;
        self.arm_wake_up();
    }

    /// The network is there: the next wake-up may come, spread by policy.
    pub(super) fn allow_wake_ups(&mut self, now: Now) {
        let spread_ms = self.policy.reconnect_first_attempt_spread_ms;
        self.wake_ups.not_before = now.mono.after_ms(self.rng.up_to(spread_ms));
        self.arm_wake_up();
    }
}
