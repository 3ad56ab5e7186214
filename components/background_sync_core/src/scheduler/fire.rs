//! From "may fire" to "is over": slots, attempts, dispatch, outcomes, retries.
//!
//! An event first takes a slot and becomes *preparing*: its attempt is made durable while the
//! permission is asked for. Then it is *running*.

use super::chains::ChainDepth;
use super::clock::Moment;
use super::registration::{OriginIndex, RegKey};
use super::{SyncScheduler, Timer};
use crate::{
    EventId, EventOutcome, ExtraInterval, MonoTime, NextStep, Now, Output, Permission,
    PermissionCheck, PermissionName, RegistrationState, RemovalReason, ScopeKey, SyncNotification,
};

#[derive(Debug)]
pub(super) struct Event {
    pub key: RegKey,
    /// Whose slot it holds.
    origin: OriginIndex,
    pub scope: ScopeKey,
    pub phase: Phase,
    /// Its worker was ended because another event has passed its cap.
    is_bystander: bool,
}

#[derive(Debug)]
pub(super) enum Phase {
    Preparing {
        attempt_is_durable: bool,
        permission: PermissionState,
    },
    Running {
        cap: MonoTime,
        attempt: u32,
        last_chance: bool,
        depth: ChainDepth,
    },
}

/// Whether an event may fire, as far as its origin's permission goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PermissionState {
    /// By the answer, or by the `register()` call that is the reason for this event, just now.
    Granted,
    /// The embedder is being asked.
    Asked {
        /// How long its answer is waited for.
        until: MonoTime,
    },
}

impl SyncScheduler {
    /// Gives free slots to what is ready, origin by origin.
    pub(super) fn settle(&mut self, now: Now) {
        self.look_at_clock(now);
        if !self.is_online() {
            return;
        }
        while let Some(key) = self.tables.next_turn(&self.policy) {
            self.ask_and_prepare(now, key);
            self.store_attempt(key);
        }
    }

    /// Reserves a slot for a registration's next event, and asks for its permission.
    pub(super) fn ask_and_prepare(&mut self, now: Now, key: RegKey) {
        let until = now.mono.after_ms(self.policy.permission_limit_ms);
        self.prepare(now, key, PermissionState::Asked { until });
    }

    /// Reserves a slot for a registration's next event.
    pub(super) fn prepare(&mut self, now: Now, key: RegKey, permission: PermissionState) {
        let Some(origin) = self.tables.origin_of(key) else {
            return;
        };
        let Some(scope) = self.tables.scope_key(key).cloned() else {
            return;
        };
        let event = EventId(self.next_event);
        self.next_event += 1;
        let phase = Phase::Preparing {
            attempt_is_durable: false,
            permission,
        };
        self.set_due(key, None);
        self.tables.take_slot(origin);
        let mut name = PermissionName::BackgroundSync;
        if let Some(registration) = self.tables.get_mut(key) {
            registration.event = Some(event);
            name = registration.kind.permission();
            let first = registration.attempts == 0;
            if let Some(cycle) = registration.kind.cycle_mut().filter(|_| first) {
                cycle.about_to_fire_at = Some(Moment::at(now));
            }
        }
        self.tables.set_ready(key, false);
        if let PermissionState::Asked { until } = permission {
            self.timers.insert((until, Timer::Permission(event)));
            let scope = scope.clone();
            self.outputs
                .push_back(Output::CheckPermission { event, scope, name });
        }
        self.events.insert(
            event,
            Event {
                key,
                origin,
                scope,
                phase,
                is_bystander: false,
            },
        );
    }

    /// Gives up a preparing event: its slot is free, its attempt is not counted.
    pub(super) fn disarm(&mut self, id: EventId) {
        let Some(event) = self.events.remove(&id) else {
            return;
        };
        if let Phase::Preparing { permission, .. } = event.phase {
            self.wait_no_longer(id, permission);
        }
        if let Some(registration) = self.tables.get_mut(event.key) {
            registration.event = None;
            if let Some(cycle) = registration.kind.cycle_mut() {
                cycle.about_to_fire_at = None;
            }
        }
        self.tables.release_slot(event.origin);
        self.give_up_forced(event.key);
        self.store_lazily(event.key);
        self.refresh(event.key);
    }

    pub(super) fn attempt_is_durable(&mut self, now: Now, id: EventId) {
        if let Some(Event {
            phase: Phase::Preparing {
                attempt_is_durable, ..
            },
            ..
        }) = self.events.get_mut(&id)
        {
            *attempt_is_durable = true;
            self.try_to_fire(now, id);
        }
    }

    /// The attempt of a preparing event has to be made durable anew.
    pub(super) fn attempt_is_stale(&mut self, id: EventId) {
        if let Some(Event {
            phase: Phase::Preparing {
                attempt_is_durable, ..
            },
            ..
        }) = self.events.get_mut(&id)
        {
            *attempt_is_durable = false;
        }
    }

    pub(super) fn permission_checked(&mut self, now: Now, id: EventId, check: PermissionCheck) {
        let Some(event) = self.events.get_mut(&id) else {
            return;
        };
        let Phase::Preparing { permission, .. } = &mut event.phase else {
            return;
        };
        let key = event.key;
        match check {
            PermissionCheck::Answered(Permission::Granted) => {
                let asked = std::mem::replace(permission, PermissionState::Granted);
                self.wait_no_longer(id, asked);
                self.try_to_fire(now, id);
            }
            PermissionCheck::Answered(Permission::Denied) => {
                self.remove_for(key, RemovalReason::PermissionDenied, None);
            }
            PermissionCheck::Unanswered => self.defer(now, id),
        }
    }

    fn wait_no_longer(&mut self, event: EventId, permission: PermissionState) {
        if let PermissionState::Asked { until } = permission {
            self.timers.remove(&(until, Timer::Permission(event)));
        }
    }

    /// After a local fault: tried again later, no attempt counted.
    pub(super) fn defer(&mut self, now: Now, id: EventId) {
        let Some(key) = self.events.get(&id).map(|event| event.key) else {
            return;
        };
        let forced = self.is_forced(key);
        let delay_ms = self.policy.local_fault_delay_ms;
        if !forced {
            self.wait_until(now, key, delay_ms);
        }
        self.disarm(id);
        // What waited for nothing else does not try at once.
        let pending = self.tables.get(key).is_some_and(|registration| {
            registration.state == RegistrationState::Pending && registration.due.is_none()
        });
        if forced && pending {
            self.wait_until(now, key, delay_ms);
        }
    }

    /// Fires a prepared event if nothing holds it back:
    /// [fire a sync event](https://wicg.github.io/background-sync/spec/#fire-a-sync-event).
    pub(super) fn try_to_fire(&mut self, now: Now, id: EventId) {
        let Some(key) = self.events.get(&id).map(|event| event.key) else {
            return;
        };
        let may_fire = self.is_online() || self.is_forced(key);
        let Some(event) = self.events.get_mut(&id) else {
            return;
        };
        let ready = matches!(
            event.phase,
            Phase::Preparing {
                attempt_is_durable: true,
                permission: PermissionState::Granted
            }
        );
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        if !ready || !may_fire || registration.gate.is_some() {
            return;
        }
        // Steps 1 to 3: it is pending, and listed by a service worker registration.
        debug_assert_eq!(registration.state, RegistrationState::Pending);
        // Step 4: it is firing. The store has recorded this attempt already.
        registration.state = RegistrationState::Firing;
        registration.attempts = registration.attempts.saturating_add(1);
        let attempt = registration.attempts;
        let tag = registration.tag.clone();
        let api = registration.kind.api();
        let kind = registration.kind.event();
        let repeats = registration.kind.cycle().is_some();
        let last_chance = if repeats {
            self.policy.is_last_periodic_attempt(attempt)
        } else {
            self.policy.is_last_chance(attempt)
        };
        let cap = now.mono.after_ms(self.policy.event_cap_ms);
        event.phase = Phase::Running {
            cap,
            attempt,
            last_chance,
            depth: registration.depth,
        };
        let scope = event.scope.clone();
        self.timers.insert((cap, Timer::Cap(id)));
        if repeats && attempt == 1 {
            self.periodic_event_fired(now, key, &scope.origin);
        }
        // Step 5: dispatch. Its substeps, the outcome, are `finish_event`.
        self.notify(SyncNotification::Dispatched {
            api,
            scope: scope.clone(),
            tag: tag.clone(),
            attempt,
            last_chance,
        });
        let registration = key.id;
        self.outputs.push_back(Output::Dispatch {
            event: id,
            registration,
            scope,
            tag,
            kind,
            last_chance,
            attempt,
        });
    }

    /// The execution cap: <https://wicg.github.io/background-sync/spec/#sync-event>, the time limit
    /// that a user agent may impose.
    pub(super) fn cap_event(&mut self, now: Now, id: EventId) {
        let Some(event) = self.events.get(&id) else {
            return;
        };
        let scope = event.scope.clone();
        for (other, event) in &mut self.events {
            let is_running = matches!(event.phase, Phase::Running { .. });
            event.is_bystander |= is_running && *other != id && event.scope == scope;
        }
        self.outputs
            .push_back(Output::Terminate { event: id, scope });
        self.finish_event(now, id, EventOutcome::TimedOut);
    }

    /// What follows a dispatched event, substeps of step 5 of
    /// [fire a sync event](https://wicg.github.io/background-sync/spec/#fire-a-sync-event).
    pub(super) fn finish_event(&mut self, now: Now, id: EventId, outcome: EventOutcome) {
        let running = self.events.get(&id).map(|event| &event.phase);
        let Some(&Phase::Running {
            cap,
            attempt,
            last_chance,
            depth,
        }) = running
        else {
            return;
        };
        let Some(event) = self.events.remove(&id) else {
            return;
        };
        self.timers.remove(&(cap, Timer::Cap(id)));
        self.tables.release_slot(event.origin);
        let key = event.key;
        let was_taken = event.is_bystander && outcome == EventOutcome::WorkerGone;
        let last_chance = last_chance && !(was_taken && self.give_last_chance_back(key));
        if outcome != EventOutcome::NotStarted {
            self.remember_in_chain(now, &event.scope, depth);
            self.answer_forced(key, &Ok(outcome));
        }
        self.undo_after_event(now, key, attempt, last_chance, outcome);
        // A registration that was removed meanwhile has no outcome.
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        registration.event = None;
        let tag = registration.tag.clone();
        let api = registration.kind.api();
        let next = self.after_event(now, &event, outcome, last_chance);
        self.notify(SyncNotification::Finished {
            api,
            scope: event.scope,
            tag,
            attempt,
            outcome,
            next,
        });
        if next == NextStep::FiresAgain {
            self.notify_if_put_off(now, key);
        }
    }

    /// A last chance that another event has taken is given again. That ends: the other one has used an attempt. What
    /// repeats has another chance anyway.
    fn give_last_chance_back(&mut self, key: RegKey) -> bool {
        let registration = self.tables.get_mut(key);
        let once = registration.filter(|registration| registration.kind.cycle().is_none());
        let (Some(registration), Some(most)) = (once, self.policy.max_attempts) else {
            return false;
        };
        registration.attempts = registration.attempts.min(most.get() - 1);
        true
    }

    /// What becomes of a registration whose event is over.
    fn after_event(
        &mut self,
        now: Now,
        event: &Event,
        outcome: EventOutcome,
        last_chance: bool,
    ) -> NextStep {
        let (key, scope) = (event.key, &event.scope);
        let Some(registration) = self.tables.get_mut(key) else {
            return NextStep::Removed;
        };
        let again = registration.state == RegistrationState::ReregisteredWhileFiring;
        if outcome == EventOutcome::NotStarted {
            return self.nothing_was_fired(now, scope, key, again);
        }
        registration.interruptions = 0;
        if registration.kind.cycle().is_some() {
            return self.periodic_event_finished(now, key, &scope.origin, outcome);
        }
        // Substeps 2.1 and 3.1: registered again meanwhile, so it fires again.
        if again {
            registration.state = RegistrationState::Pending;
            registration.attempts = 0;
            // What replaced it meanwhile may have another time; and so may a link of a chain.
            self.begin_to_wait(now, key);
            self.store_lazily(key);
            self.refresh(key);
            return NextStep::FiresAgain;
        }
        match outcome {
            // Substep 3.2: failed, and may be tried again.
            EventOutcome::Rejected | EventOutcome::WorkerGone | EventOutcome::TimedOut
                if !last_chance =>
            {
                let ms = self.wait_for_retry(now, key);
                self.store_lazily(key);
                NextStep::RetryIn { ms }
            }
            // Substep 2.3, done, or 3.3, failed for good.
            _ => {
                self.remove_lazily(key);
                NextStep::Removed
            }
        }
    }

    /// Not in the specification: there was no active worker.
    fn nothing_was_fired(
        &mut self,
        now: Now,
        scope: &ScopeKey,
        key: RegKey,
        again: bool,
    ) -> NextStep {
        self.give_attempt_back(now, scope, key, again);
        let repeats = self
            .tables
            .get(key)
            .is_some_and(|registration| registration.kind.cycle().is_some());
        if self.is_forced(key) {
            self.wait_for_worker(now, key);
        } else if repeats && self.extra_interval(&scope.origin) == ExtraInterval::Never {
            self.wait_for_interval(key);
        }
        NextStep::Parked
    }

    /// Puts a registration among those that wait for a slot, or takes it from them.
    pub(super) fn refresh(&mut self, key: RegKey) {
        let parked = self.tables.is_parked(key);
        let Some(registration) = self.tables.get(key) else {
            return;
        };
        let ready = registration.state == RegistrationState::Pending
            && registration.is_durable()
            && registration.event.is_none()
            && registration.gate.is_none()
            && registration.due.is_none()
            && !parked;
        self.tables.set_ready(key, ready);
    }
}
