//! From "may fire" to "runs": slots, permission, attempts, dispatch, the execution cap.
//!
//! An event first takes a slot and is *preparing*: its attempt is made durable while the permission is asked for. Then it
//! is *running*.

use super::SyncScheduler;
use super::state::{Event, Moment, PermissionState, Phase, RegKey, Timer};
use crate::{
    EventId, EventOutcome, MonoTime, Now, Output, Permission, PermissionCheck, PermissionName,
    RegistrationState, RemovalReason, SyncNotification,
};

/// What becomes ready all at once gets its slots at once if there are no more than these, and is written together. Of more,
/// one comes first: its event need not wait until the others are prepared, ...
const FEW_AT_ONCE: u64 = 8;

/// ... which begins so much later than its dispatch, in milliseconds, ...
const MS_AFTER_THE_FIRST: u64 = 1;

/// ... or so much later than its preparation, whatever becomes of it: a slow medium is not to be waited for.
const MAX_MS_FOR_THE_FIRST: u64 = 20;

impl SyncScheduler {
    /// Gives free slots to what is ready, origin by origin.
    pub(super) fn fill_slots(&mut self, now: Now) {
        self.give_slots(now, usize::MAX);
    }

    /// The same for what has become ready all at once.
    pub(super) fn fill_first_slots(&mut self, now: Now) {
        if self.tables.count_ready() <= FEW_AT_ONCE {
            return self.fill_slots(now);
        }
        if self.give_slots(now, 1) == 1 {
            self.hold_slots(now.mono.after_ms(MAX_MS_FOR_THE_FIRST));
        }
    }

    fn hold_slots(&mut self, until: MonoTime) {
        self.slots_held_until = Some(until);
        self.timers.insert((until, Timer::Slots));
    }

    fn hold_slots_no_longer_than(&mut self, until: MonoTime) {
        if let Some(held_until) = self.slots_held_until.filter(|at| *at > until) {
            self.timers.remove(&(held_until, Timer::Slots));
            self.hold_slots(until);
        }
    }

    /// Slots are held back no more.
    pub(super) fn release_slots(&mut self, now: Now) {
        self.slots_held_until = None;
        self.fill_slots(now);
    }

    /// Returns how many it gave.
    fn give_slots(&mut self, now: Now, most: usize) -> usize {
        self.look_at_clock(now);
        if !self.is_online() || self.slots_held_until.is_some() {
            return 0;
        }
        let mut given = 0;
        while given < most
            && let Some(key) = self.tables.next_turn(&self.policy)
        {
            given += 1;
            self.ask_and_prepare(now, key);
            self.store_attempt(key);
        }
        given
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
        self.next_event = self.next_event.saturating_add(1);
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
    pub(super) fn cancel_event(&mut self, id: EventId) {
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
        self.give_up_dispatch_request(event.key);
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
        let requested = self.is_requested(key);
        let delay_ms = self.policy.local_fault_delay_ms;
        if !requested {
            self.wait_until(now, key, delay_ms);
        }
        self.cancel_event(id);
        // What waited for nothing else does not try at once.
        let pending = self.tables.get(key).is_some_and(|registration| {
            registration.state == RegistrationState::Pending && registration.due.is_none()
        });
        if requested && pending {
            self.wait_until(now, key, delay_ms);
        }
    }

    /// Fires a prepared event if nothing holds it back:
    /// [fire a sync event](https://wicg.github.io/background-sync/spec/#fire-a-sync-event).
    pub(super) fn try_to_fire(&mut self, now: Now, id: EventId) {
        let Some(key) = self.events.get(&id).map(|event| event.key) else {
            return;
        };
        let may_fire = self.is_online() || self.is_requested(key);
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
        self.hold_slots_no_longer_than(now.mono.after_ms(MS_AFTER_THE_FIRST));
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

    /// Puts a registration among those that wait for a slot, or takes it from them.
    pub(super) fn refresh(&mut self, key: RegKey) {
        let parked = self.tables.is_parked(key);
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        registration.pack();
        let ready = registration.state == RegistrationState::Pending
            && registration.is_durable()
            && registration.event.is_none()
            && registration.gate.is_none()
            && registration.due.is_none()
            && !parked;
        self.tables.set_ready(key, ready);
    }
}
