//! Explains why a registration has not fired.

use super::SyncScheduler;
use super::state::{Phase, RegKey, Timer};
use crate::{
    MonoTime, Now, RegistrationState, ScopeKey, SyncApi, SyncNotification, Tag, WhyNotFired,
};

/// Entries of the timeline about what gets no slot when the network returns; more would push everything
/// else out of it.
const MAX_ENTRIES_OF_WAITING: usize = 100;

/// They come so much later, in milliseconds, and not before every slot has been given.
const MS_BEFORE_ENTRIES_OF_WAITING: u64 = 2;

impl SyncScheduler {
    /// Why what this API registered has not fired.
    #[must_use]
    pub fn explain(&self, now: Now, api: SyncApi, scope: &ScopeKey, tag: &Tag) -> WhyNotFired {
        match self.tables.find_in(api, scope, tag) {
            Some(key) => self.explain_key(now, key),
            None => WhyNotFired::NotRegistered,
        }
    }

    pub(super) fn explain_key(&self, now: Now, key: RegKey) -> WhyNotFired {
        let Some(registration) = self.tables.get(key) else {
            return WhyNotFired::NotRegistered;
        };
        if !registration.is_durable() {
            return WhyNotFired::BeingStored;
        }
        let event = registration.event.and_then(|event| self.events.get(&event));
        if let Some(Phase::Running { attempt, .. }) = event.map(|event| &event.phase) {
            return WhyNotFired::Running { attempt: *attempt };
        }
        if registration.gate.is_some() {
            return WhyNotFired::PromiseNotResolved;
        }
        if event.is_some() {
            return WhyNotFired::BeingPrepared;
        }
        self.explain_wait(now, key)
    }

    /// What a registration without an event waits for, its promise aside.
    fn explain_wait(&self, now: Now, key: RegKey) -> WhyNotFired {
        let Some(registration) = self.tables.get(key) else {
            return WhyNotFired::NotRegistered;
        };
        let waits_for_wake_up = registration.kind.cycle().is_some()
            && registration.state == RegistrationState::Waiting
            && registration.due.is_none();
        if waits_for_wake_up && let Some(why) = self.explain_interval(now, key) {
            return why;
        }
        if !self.is_online() {
            return WhyNotFired::Offline;
        }
        if self.tables.is_parked(key) {
            return WhyNotFired::NoActiveWorker;
        }
        if waits_for_wake_up {
            // It is put off to share a wake-up, or after a reconnect.
            let in_ms = self.next_wake_up().map_or(0, |at| at.ms_since(now.mono));
            return WhyNotFired::PutOff { in_ms };
        }
        let Some(due) = &registration.due else {
            return WhyNotFired::NoFreeSlot;
        };
        let in_ms = due.at.ms_since(now.mono);
        let depth = registration.depth.get();
        match registration.state {
            RegistrationState::Waiting if registration.attempts > 0 => WhyNotFired::WaitsForRetry {
                in_ms,
                failed_attempts: registration.attempts,
            },
            RegistrationState::Pending if self.policy.chain_delay_ms(depth) > 0 => {
                WhyNotFired::Chained { in_ms, depth }
            }
            _ => WhyNotFired::PutOff { in_ms },
        }
    }

    /// Which interval is not over: the one that ends last. `None`: all are.
    fn explain_interval(&self, now: Now, key: RegKey) -> Option<WhyNotFired> {
        let Some(ends) = self.intervals(key) else {
            return Some(WhyNotFired::Suspended);
        };
        let left_ms = |at: MonoTime| at.ms_since(now.mono);
        let (own, of_origin) = (left_ms(ends.own), left_ms(ends.of_origin));
        let gap = left_ms(self.gap_ends());
        match own.max(of_origin).max(gap) {
            0 => None,
            in_ms if in_ms == own => Some(WhyNotFired::WaitsForInterval { in_ms }),
            in_ms if in_ms == of_origin => Some(WhyNotFired::WaitsForOrigin { in_ms }),
            in_ms => Some(WhyNotFired::WaitsForWakeUp { in_ms }),
        }
    }

    /// Tells the timeline soon what has no slot: the events of those that have one go first.
    pub(super) fn notify_of_waiting_soon(&mut self, now: Now) {
        if self.is_online() && self.tables.count_ready() > 0 && !self.will_tell_of_waiting {
            self.will_tell_of_waiting = true;
            let at = now.mono.after_ms(MS_BEFORE_ENTRIES_OF_WAITING);
            self.timers.insert((at, Timer::NoSlot));
        }
    }

    /// Tells the timeline what got no slot, of those whose turn comes first.
    pub(super) fn notify_of_waiting(&mut self, now: Now) {
        if let Some(held_until) = self.slots_held_until {
            self.timers.insert((held_until, Timer::NoSlot));
            return;
        }
        self.will_tell_of_waiting = false;
        if !self.is_online() {
            return;
        }
        for key in self.tables.first_ready(MAX_ENTRIES_OF_WAITING) {
            self.notify_if_held_back(now, key);
        }
    }

    /// Tells the timeline when something that was to fire again has to wait.
    pub(super) fn notify_if_put_off(&mut self, now: Now, key: RegKey) {
        if self
            .tables
            .get(key)
            .is_some_and(|found| found.due.is_some())
        {
            self.notify_if_held_back(now, key);
        }
    }

    /// Tells the timeline when something that was registered, or that is due, does not fire now.
    pub(super) fn notify_if_held_back(&mut self, now: Now, key: RegKey) {
        let scope = self.tables.scope_key(key).cloned();
        let (Some(scope), Some(registration)) = (scope, self.tables.get(key)) else {
            return;
        };
        // Its event is on its way, or only its promise holds it back.
        if registration.event.is_some() {
            return;
        }
        let (api, tag) = (registration.kind.api(), registration.tag.clone());
        let why = self.explain_wait(now, key);
        if why == WhyNotFired::NoFreeSlot && self.tables.slot_is_free_for(key, &self.policy) {
            return;
        }
        self.notify(SyncNotification::HeldBack {
            api,
            scope,
            tag,
            why,
        });
    }
}
