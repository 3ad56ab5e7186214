//! [`PeriodicSyncManager`](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodicsyncmanager-interface),
//! and what follows the events of registrations that repeat.

use super::SyncScheduler;
use super::state::{ChainDepth, Cycle, FiredFor, Kind, Moment, RegKey, Waiter};
use crate::{
    Answer, Call, ClientFacts, EventOutcome, ExtraInterval, NextStep, Now, Origin, PeriodicState,
    Permission, PermissionName, RegisterError, RegistrationState, RemovalReason, ScopeKey, SyncApi,
    Tag, TagTooLong,
};

impl SyncScheduler {
    /// `PeriodicSyncManager.register(tag, { minInterval })`; answered with [`Answer::Registered`].
    /// `min_interval_ms` is in milliseconds.
    pub fn handle_register_periodic(
        &mut self,
        now: Now,
        call: Call,
        scope: &ScopeKey,
        tag: Result<Tag, TagTooLong>,
        min_interval_ms: u64,
        facts: ClientFacts,
    ) {
        let result = self.register_periodic(now, call, scope, tag.as_ref(), min_interval_ms, facts);
        if let Err(reason) = result {
            self.reject(call, SyncApi::Periodic, scope, tag.ok(), reason);
        }
        self.fill_slots(now);
    }

    /// [`register(tag, options)`](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#dom-periodicsyncmanager-register).
    /// Step 1, the service worker registration, is `scope`.
    fn register_periodic(
        &mut self,
        now: Now,
        call: Call,
        scope: &ScopeKey,
        tag: Result<&Tag, &TagTooLong>,
        min_interval_ms: u64,
        facts: ClientFacts,
    ) -> Result<(), RegisterError> {
        // Step 2.
        if !facts.active_worker {
            return Err(RegisterError::NoActiveWorker);
        }
        // Steps 3 and 4; whether to ask the user is the engine's choice.
        if facts.permission == Permission::Denied {
            return Err(RegisterError::PeriodicPermissionDenied);
        }
        // Steps 5 to 7: not in the background.
        if !facts.open_window {
            return Err(RegisterError::NoWindow);
        }
        // Not in the specification: limits.
        let tag = tag.map_err(|too_long| RegisterError::TagTooLong(*too_long))?;
        self.unpark(now, scope);
        // Step 8.
        let kind = Kind::periodic(Cycle::new(now, min_interval_ms));
        match self.tables.find_in(SyncApi::Periodic, scope, tag) {
            // Step 9.
            None => self.register_new(now, call, scope, tag, kind, ChainDepth::NONE),
            // Step 10.
            Some(key) => {
                self.register_periodic_again(now, call, key, kind);
                Ok(())
            }
        }
    }

    /// Step 10 of `register(tag, options)`.
    fn register_periodic_again(&mut self, now: Now, call: Call, key: RegKey, kind: Kind) {
        let interval_of = |kind: &Kind| kind.cycle().map(|cycle| cycle.min_interval_ms);
        let Some(registration) = self.tables.get(key) else {
            return;
        };
        // Step 10.1. Beyond the specification, which keeps the anchor time, it begins anew.
        if interval_of(&registration.kind) != interval_of(&kind) {
            return self.replace(now, call, key, kind, (ChainDepth::NONE, None));
        }
        // Step 10.2.
        let firing = registration.state == RegistrationState::Firing;
        let ticket = registration.ticket;
        if firing {
            self.keep_rollback(key);
            if let Some(registration) = self.tables.get_mut(key) {
                registration.state = RegistrationState::ReregisteredWhileFiring;
            }
        }
        self.hold_back(key, call);
        let waiter = Waiter::Register {
            call,
            duplicate: true,
        };
        // Step 10.3, once it is durable.
        if firing {
            self.store_for(key, waiter);
        } else if self.join(ticket, waiter).is_some() {
            self.answer_registered(now, call, Some(key), true);
        }
    }

    /// [`PeriodicSyncManager.unregister(tag)`](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#dom-periodicsyncmanager-unregister),
    /// and `navigator.sync.unregister(id)` of the explainer. Answered with [`Answer::Unregistered`]
    /// when it is durable, also if there was nothing. An event that runs goes on, and its outcome means
    /// nothing.
    pub fn handle_unregister_tag(
        &mut self,
        now: Now,
        call: Call,
        api: SyncApi,
        scope: &ScopeKey,
        tag: &Tag,
    ) {
        match self.tables.find_in(api, scope, tag) {
            None => self.answer(call, Answer::Unregistered(Ok(()))),
            Some(key) => {
                let waiter = Waiter::Unregister { call };
                self.remove_for(key, RemovalReason::Unregistered, Some(waiter));
            }
        }
        self.fill_slots(now);
    }

    /// [`PeriodicSyncManager.getTags()`](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#dom-periodicsyncmanager-gettags),
    /// and `navigator.sync.registrations()` of the explainer; answered with [`Answer::Tags`].
    pub fn handle_get_tags_of(&mut self, _now: Now, call: Call, api: SyncApi, scope: &ScopeKey) {
        self.get_tags(call, api, scope);
    }

    /// [Respond to permission
    /// revocation](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#responding-to-permission-revocation-algorithm):
    /// what needs the permission is removed, durably. An event that runs goes on, and its outcome means
    /// nothing.
    pub fn handle_permission_revoked(&mut self, now: Now, origin: &Origin, name: PermissionName) {
        let need_it: Vec<RegKey> = self
            .tables
            .of_origin(origin)
            .filter(|(_, registration)| registration.kind.permission() == name)
            .map(|(key, _)| key)
            .collect();
        for key in need_it {
            self.remove_for(key, RemovalReason::PermissionDenied, None);
        }
        self.fill_slots(now);
    }

    /// The state of a repeating registration as the specification of Periodic Background Sync has
    /// it, if there is one that is durable.
    #[must_use]
    pub fn periodic_state(&self, scope: &ScopeKey, tag: &Tag) -> Option<PeriodicState> {
        let key = self.tables.find_in(SyncApi::Periodic, scope, tag)?;
        let registration = self.tables.get(key)?;
        let suspended = self.extra_interval(&scope.origin) == ExtraInterval::Never;
        let state = match registration.state {
            RegistrationState::Firing => PeriodicState::Firing,
            RegistrationState::ReregisteredWhileFiring => PeriodicState::ReregisteredWhileFiring,
            RegistrationState::Pending | RegistrationState::Waiting if suspended => {
                PeriodicState::Suspended
            }
            RegistrationState::Pending | RegistrationState::Waiting => PeriodicState::Pending,
        };
        registration.is_durable().then_some(state)
    }

    /// What follows an event of something that repeats, the last substep of
    /// [fire a periodicsync event](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#firing-a-periodicsync-event).
    /// It is never removed.
    pub(super) fn periodic_event_finished(
        &mut self,
        now: Now,
        key: RegKey,
        origin: &Origin,
        outcome: EventOutcome,
    ) -> NextStep {
        let suspended = self.extra_interval(origin) == ExtraInterval::Never;
        let Some(registration) = self.tables.get_mut(key) else {
            return NextStep::Removed;
        };
        let attempts = registration.attempts;
        let again = registration.state == RegistrationState::ReregisteredWhileFiring;
        let success = outcome == EventOutcome::Fulfilled;
        let ends = success || again || suspended || self.policy.is_last_periodic_attempt(attempts);
        if !ends {
            // Its last steps: a small back-off.
            let ms = self.wait_for_retry(now, key);
            self.store_lazily(key);
            return NextStep::RetryIn { ms };
        }
        let mut fired_for = FiredFor::default();
        if let Some(cycle) = registration.kind.cycle_mut() {
            cycle.begin_anew(now);
            fired_for = cycle.fired_for;
            if success {
                cycle.fired_at = Some(Moment::at(now));
            }
        }
        if success {
            self.set_time_of_last_fire(now, origin, fired_for);
        }
        self.wait_for_interval(key);
        self.store_lazily(key);
        match self.interval_left_ms(now, key) {
            Some(ms) => NextStep::IntervalOf { ms },
            None => NextStep::Suspended,
        }
    }
}
