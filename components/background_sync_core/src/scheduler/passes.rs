//! The [periodic sync
//! scheduler](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodic-sync-scheduler-construct):
//! when what repeats may fire.
//!
//! Intervals are counted on the monotonic clock, from the anchor time of a registration, the time of
//! last fire of its origin, and the last wake-up of all. A *pass* is one wake-up: it selects all that is
//! due, and what is selected fires as one-shot registrations do, as soon as it gets a slot.

use std::collections::{BTreeSet, HashMap};

use super::clock::Moment;
use super::kind::FiredFor;
use super::origins::OriginLimits;
use super::registration::RegKey;
use super::{SyncScheduler, Timer};
use crate::{
    ExtraInterval, MonoTime, Now, Origin, RegistrationState, StoredCycle, SyncNotification, Urgency,
};

/// When the intervals of a registration are over.
pub(super) struct Intervals {
    /// Its own.
    pub own: MonoTime,
    /// Its origin's.
    pub of_origin: MonoTime,
}

#[derive(Debug, Default)]
pub(super) struct Passes {
    /// Who waits for an interval: not before this.
    intervals: BTreeSet<(MonoTime, RegKey)>,
    pub origins: HashMap<Origin, OriginLimits>,
    /// Origins whose limits the store failed to take.
    pub origins_to_retry: BTreeSet<Origin>,
    /// The last pass that fired something.
    pub last: Option<Moment>,
    /// A pass that has fired nothing yet, and the last one before it.
    unused: Option<Option<Moment>>,
    /// What a pass has selected and has not fired yet.
    selected: BTreeSet<RegKey>,
    /// After a reconnect or the start, spread by policy.
    not_before: MonoTime,
    /// A pass is put off to be shared.
    shared_at: Option<MonoTime>,
    timer: Option<MonoTime>,
}

impl Passes {
    /// Whether the time matters to anything.
    pub fn something_waits(&self) -> bool {
        !self.intervals.is_empty()
    }

    /// All that is kept of wake-ups.
    pub fn last_mut(&mut self) -> impl Iterator<Item = &mut Moment> {
        self.last.iter_mut().chain(self.unused.iter_mut().flatten())
    }

    pub fn limits(&self, origin: &Origin) -> OriginLimits {
        self.origins.get(origin).copied().unwrap_or_default()
    }
}

impl SyncScheduler {
    /// Puts a loaded registration back where it was. Returns whether its record is outdated.
    pub(super) fn load_cycle(
        &mut self,
        key: RegKey,
        state: RegistrationState,
        stored: &StoredCycle,
    ) -> bool {
        let Some(origin) = self.tables.scope_key(key).map(|scope| scope.origin.clone()) else {
            return false;
        };
        let registration = self.tables.get(key);
        let Some(cycle) = registration.and_then(|registration| registration.kind.cycle()) else {
            return false;
        };
        let fired = cycle.fired_at;
        let outdated = cycle.stored() != *stored;
        if fired.is_some() {
            let limits = self.passes.origins.entry(origin.clone()).or_default();
            limits.fired = limits.fired.max(fired);
            // The origin's own record may have been lost with the last commits before a crash.
            let interrupted = matches!(
                state,
                RegistrationState::Firing | RegistrationState::ReregisteredWhileFiring
            );
            if interrupted && limits.woke < fired {
                limits.woke = fired;
                self.passes.last = self.passes.last.max(fired);
                self.store_origin(&origin, Urgency::Lazy);
            }
        }
        outdated
    }

    /// The interval begins: from its anchor time.
    pub(super) fn wait_for_interval(&mut self, key: RegKey) {
        self.set_due(key, None);
        self.leave_pass(key);
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
        let limits = self.passes.limits(&self.tables.scope_key(key)?.origin);
        let origin_ms = self.policy.periodic_interval_ms(limits.extra)?;
        let of_origin = limits.fired.map(|fired| fired.after_ms(origin_ms));
        Some(Intervals {
            own: cycle.anchor.after_ms(cycle.min_interval_ms.max(origin_ms)),
            of_origin: of_origin.unwrap_or_default(),
        })
    }

    /// When this registration may fire next, but for the gap between passes. `None`: never, at
    /// present.
    pub(super) fn interval_ends(&self, key: RegKey) -> Option<MonoTime> {
        self.intervals(key).map(|ends| ends.own.max(ends.of_origin))
    }

    /// When the gap between passes is over.
    pub(super) fn gap_ends(&self) -> MonoTime {
        let gap_ms = self.policy.periodic_gap_ms();
        let last = self.passes.last;
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
                self.passes.intervals.remove(&(old, key));
            }
            if let Some(due) = due {
                self.passes.intervals.insert((due, key));
            }
        }
        self.arm_pass();
    }

    pub(super) fn next_pass(&self) -> Option<MonoTime> {
        let passes = &self.passes;
        let (first, _) = passes.intervals.first()?;
        let others = passes.shared_at.into_iter();
        others
            .chain([passes.not_before, *first, self.gap_ends()])
            .max()
    }

    /// Without a network there is no pass, and no reason to wake up for one.
    pub(super) fn arm_pass(&mut self) {
        let at = self.next_pass().filter(|_| self.is_online());
        if at == self.passes.timer {
            return;
        }
        if let Some(old) = std::mem::replace(&mut self.passes.timer, at) {
            self.timers.remove(&(old, Timer::Pass));
        }
        if let Some(at) = at {
            self.timers.insert((at, Timer::Pass));
        }
    }

    /// One pass of
    /// [process periodic sync registrations](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#process-periodic-sync-registrations-algorithm).
    /// Its first step, the minimum interval across origins, is over: `next_pass`. Returns what it has
    /// selected.
    pub(super) fn process_periodic_sync_registrations(&mut self, now: Now) -> Vec<RegKey> {
        self.passes.timer = None;
        if !self.is_online() {
            return Vec::new();
        }
        // The intervals of origins and of registrations.
        let mut due = Vec::new();
        while let Some(&(at, key)) = self.passes.intervals.first()
            && at <= now.mono
        {
            let ends = self.interval_ends(key);
            self.passes.intervals.remove(&(at, key));
            if ends.is_some_and(|ends| ends <= now.mono) {
                due.push((at, key));
            } else {
                self.set_interval(key, ends);
            }
        }
        // The wait to group several of them into one wake-up.
        let shared = self.passes.shared_at.take();
        if !due.is_empty() && shared.is_none() {
            self.passes.shared_at = self.last_due_within(now, self.policy.grouping_ms());
        }
        if self.passes.shared_at.is_some() {
            self.passes.intervals.extend(due);
            self.arm_pass();
            return Vec::new();
        }
        // Fire them: they are pending now, and `settle` gives them slots.
        if !due.is_empty() {
            self.passes.unused = Some(self.passes.last);
            self.passes.last = Some(Moment::at(now));
        }
        let selected: Vec<RegKey> = due.into_iter().map(|(_, key)| key).collect();
        for &key in &selected {
            self.passes.selected.insert(key);
            self.set_interval(key, None);
            if let Some(registration) = self.tables.get_mut(key) {
                registration.state = RegistrationState::Pending;
            }
            self.refresh(key);
        }
        self.forget_expired_origins(now);
        self.arm_pass();
        selected
    }

    fn last_due_within(&self, now: Now, ms: u64) -> Option<MonoTime> {
        let all = RegKey::LAST;
        let until = (now.mono.after_ms(ms), all);
        let later = self.passes.intervals.range((now.mono, all)..=until);
        later.last().map(|&(at, _)| at)
    }

    /// The first attempt of an event is dispatched: the caps count from here.
    pub(super) fn periodic_event_fired(&mut self, now: Now, key: RegKey, origin: &Origin) {
        // What was selected anyway was a wake-up anyway.
        let fired_for = if self.is_forced(key) && !self.passes.selected.contains(&key) {
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
            self.passes.last = Some(Moment::at(now));
            self.passes.unused = None;
            self.passes.selected.remove(&key);
        }
        self.set_time_of_last_fire(now, origin, fired_for);
        self.arm_pass();
    }

    /// What the embedder adds to the intervals of an origin's periodic events: durable, and in force
    /// at once.
    pub fn handle_extra_interval(&mut self, now: Now, origin: &Origin, extra: ExtraInterval) {
        let limits = self.passes.origins.entry(origin.clone()).or_default();
        if limits.extra == extra {
            return self.forget_expired_origins(now);
        }
        limits.extra = extra;
        self.store_origin(origin, Urgency::Now);
        let keys = self.cycles_of(origin);
        for &key in &keys {
            self.reconsider(now, key, extra);
        }
        self.notify(SyncNotification::ExtraIntervalSet {
            origin: origin.clone(),
            extra,
            registrations: u64::try_from(keys.len()).unwrap_or(u64::MAX),
        });
        self.forget_expired_origins(now);
        self.settle(now);
    }

    /// Suspends a registration, revives it, or lets its interval end at another time. An event that
    /// runs goes on.
    fn reconsider(&mut self, now: Now, key: RegKey, extra: ExtraInterval) {
        let Some(registration) = self.tables.get(key) else {
            return;
        };
        let idle = registration.attempts == 0;
        match registration.state {
            RegistrationState::Firing | RegistrationState::ReregisteredWhileFiring => {}
            RegistrationState::Waiting if idle => self.wait_for_interval(key),
            RegistrationState::Waiting | RegistrationState::Pending => {
                if extra == ExtraInterval::Never && !self.is_forced(key) {
                    self.give_up_attempts(now, key);
                    self.deselect(key);
                }
            }
        }
    }

    /// Its event is over, if it had one: it has used up its interval.
    fn give_up_attempts(&mut self, now: Now, key: RegKey) {
        let registration = self.tables.get_mut(key);
        let Some(registration) = registration.filter(|registration| registration.attempts > 0)
        else {
            return;
        };
        if let Some(cycle) = registration.kind.cycle_mut() {
            cycle.begin_anew(now);
        }
        self.store_lazily(key);
    }

    /// Takes a registration out of the pass that has selected it.
    fn deselect(&mut self, key: RegKey) {
        let event = self.tables.get(key).and_then(|found| found.event);
        if let Some(event) = event {
            self.disarm(event);
        }
        self.wait_for_interval(key);
    }

    /// If nothing of a pass fires, it was no wake-up: others need not wait for the gap after it.
    pub(super) fn leave_pass(&mut self, key: RegKey) {
        if self.passes.selected.remove(&key)
            && self.passes.selected.is_empty()
            && let Some(before) = self.passes.unused.take()
        {
            self.passes.last = before;
            self.arm_pass();
        }
    }

    /// The network has gone: what was selected and has not begun waits for another pass, so that the
    /// caps hold whenever the network returns.
    pub(super) fn end_pass(&mut self) {
        for key in self.passes.selected.clone() {
            if self.is_forced(key) {
                self.leave_pass(key);
            } else {
                self.deselect(key);
            }
        }
        self.passes.shared_at = None;
        self.arm_pass();
    }

    /// The network is there: the next pass may come, spread by policy.
    pub(super) fn begin_passes(&mut self, now: Now) {
        let spread_ms = self.policy.reconnect_first_attempt_spread_ms;
        self.passes.not_before = now.mono.after_ms(self.rng.up_to(spread_ms));
        self.arm_pass();
    }

    /// When something will be due next, for an embedder that can have the device woken up: also
    /// without a network, which may be there by then. `None`: only the network, a page or the embedder
    /// can make something fire.
    #[must_use]
    pub fn next_due(&self, now: Now) -> Option<MonoTime> {
        let due = self.timers.iter().find_map(|&(at, timer)| match timer {
            Timer::Due(_) => Some(at),
            _ => None,
        });
        let pass = self.next_pass();
        let next = due.into_iter().chain(pass);
        // What is due already waits for the network alone.
        next.filter(|&at| self.is_online() || at > now.mono).min()
    }

    pub(super) fn cycles_of(&self, origin: &Origin) -> Vec<RegKey> {
        let repeats = self
            .tables
            .iter()
            .filter(|(_, registration)| registration.kind.cycle().is_some())
            .map(|(key, _)| key);
        let of_origin = |key: &RegKey| {
            let scope = self.tables.scope_key(*key);
            scope.is_some_and(|scope| scope.origin == *origin)
        };
        repeats.filter(of_origin).collect()
    }
}
