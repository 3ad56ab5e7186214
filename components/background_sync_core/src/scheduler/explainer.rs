//! `navigator.sync` of the [explainer of 2014](https://github.com/WICG/background-sync/blob/f5bb216/explainer.md).
//!
//! Registrations that do not repeat are handled as one-shot registrations. Those that repeat are handled as periodic
//! ones, with their permission and intervals, which could be evaded otherwise.

use super::SyncScheduler;
use super::state::{ChainDepth, Cycle, EarlierWait, Explainer, Kind, RegKey, Waiter};
use crate::{
    Call, ClientFacts, ExplainerOptions, Now, Permission, RegisterError, RegistrationState,
    ScopeKey, SyncApi, Tag, TagTooLong, TextTooLong,
};

impl SyncScheduler {
    /// `navigator.sync.register(id, options)`; answered with [`crate::Answer::Registered`]. An active worker
    /// is not needed: the event waits for one.
    pub fn handle_register_explainer(
        &mut self,
        now: Now,
        call: Call,
        scope: &ScopeKey,
        id: Result<Tag, TagTooLong>,
        options: Result<ExplainerOptions, TextTooLong>,
        facts: ClientFacts,
    ) {
        let result = self.register_explainer(now, call, scope, id.as_ref(), options, facts);
        if let Err(reason) = result {
            self.reject(call, SyncApi::Explainer, scope, id.ok(), reason);
        }
        self.fill_slots(now);
    }

    fn register_explainer(
        &mut self,
        now: Now,
        call: Call,
        scope: &ScopeKey,
        id: Result<&Tag, &TagTooLong>,
        options: Result<ExplainerOptions, TextTooLong>,
        facts: ClientFacts,
    ) -> Result<(), RegisterError> {
        let id = id.map_err(|too_long| RegisterError::TagTooLong(*too_long))?;
        let options = options?;
        let cycle = Cycle::new(now, options.min_interval_ms.unwrap_or(0));
        let kind = Kind::explainer(Explainer { options, cycle });
        if facts.permission == Permission::Denied {
            return Err(match kind.cycle() {
                Some(_) => RegisterError::PeriodicPermissionDenied,
                None => RegisterError::PermissionDenied,
            });
        }
        // Not in the explainer, but the rule of the specification that followed it: otherwise a worker
        // could keep itself alive by registering from each of its events.
        if !facts.open_window {
            return Err(RegisterError::NoWindow);
        }
        let found = self.tables.find_in(SyncApi::Explainer, scope, id);
        self.check_text(scope, &kind, found)?;
        if facts.active_worker {
            self.unpark(now, scope);
        }
        let depth = match kind.cycle() {
            // Its interval is longer than any wait in a chain.
            Some(_) => ChainDepth::NONE,
            None => self.chain_depth(now, scope, facts.caller, found),
        };
        match found {
            // A new request overrides an old one with the same id.
            Some(key) => {
                let by_itself = !facts.caller.speaks_for_client();
                let earlier_wait = by_itself.then(|| self.earlier_wait(key)).flatten();
                self.replace(now, call, key, kind, (depth, earlier_wait));
                Ok(())
            }
            None => self.register_new(now, call, scope, id, kind, depth),
        }
    }

    /// The limits on what pages may have kept.
    fn check_text(
        &self,
        scope: &ScopeKey,
        kind: &Kind,
        found: Option<RegKey>,
    ) -> Result<(), RegisterError> {
        let bytes = kind.text_bytes();
        let limit = self.policy.max_data_bytes;
        if bytes > limit {
            return Err(RegisterError::DataTooLong { bytes, limit });
        }
        let old = found.and_then(|key| self.tables.get(key));
        let old_bytes = old.map_or(0, |registration| registration.kind.text_bytes());
        let (of_origin, in_all) = self.tables.text_bytes(&scope.origin);
        let limit = self.policy.max_data_bytes_per_origin;
        if bytes > old_bytes && of_origin - old_bytes + bytes > limit {
            return Err(RegisterError::TooMuchDataForOrigin { limit });
        }
        let limit = self.policy.max_data_bytes_in_all;
        if bytes > old_bytes && in_all - old_bytes + bytes > limit {
            return Err(RegisterError::TooMuchDataInAll { limit });
        }
        Ok(())
    }

    /// Registers something else under the same name: its attempts and its interval begin anew, unless it
    /// keeps its earlier wait.
    pub(super) fn replace(
        &mut self,
        now: Now,
        call: Call,
        key: RegKey,
        kind: Kind,
        (depth, earlier_wait): (ChainDepth, Option<EarlierWait>),
    ) {
        self.hold_back(key, call);
        let Some(registration) = self.tables.get(key) else {
            return;
        };
        let firing = matches!(
            registration.state,
            RegistrationState::Firing | RegistrationState::ReregisteredWhileFiring
        );
        if let Some(event) = registration.event
            && !firing
        {
            self.cancel_event(event);
        }
        self.keep_rollback(key);
        self.set_due(key, None);
        self.set_interval(key, None);
        self.leave_wake_up(key);
        self.tables.set_kind(key, kind);
        if let Some(registration) = self.tables.get_mut(key) {
            registration.interruptions = 0;
            registration.depth = match registration.state {
                RegistrationState::ReregisteredWhileFiring => registration.depth.min(depth),
                _ => depth,
            };
            if firing {
                registration.state = RegistrationState::ReregisteredWhileFiring;
            } else {
                registration.attempts = 0;
            }
        }
        match earlier_wait {
            _ if firing => {}
            Some(earlier_wait) => self.keep_earlier_wait(now, key, earlier_wait),
            None => self.start(now, key),
        }
        let waiter = Waiter::Register {
            call,
            duplicate: true,
        };
        self.store_for(key, waiter);
    }

    /// A registration waits for its first event.
    pub(super) fn begin_to_wait(&mut self, now: Now, key: RegKey) {
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        if registration.kind.cycle().is_some() {
            return self.wait_for_interval(key);
        }
        registration.state = RegistrationState::Pending;
        let first_ms = registration.kind.first_delay_ms();
        if first_ms > 0 {
            registration.state = RegistrationState::Waiting;
        }
        let depth = registration.depth;
        match self.chain_wait_ms(depth).max(first_ms) {
            0 => self.refresh(key),
            ms => self.wait_until(now, key, ms),
        }
    }

    /// A registration that is just being asked for waits for its first event, or fires.
    pub(super) fn start(&mut self, now: Now, key: RegKey) {
        self.begin_to_wait(now, key);
        let fires_now = self.tables.get(key).is_some_and(|registration| {
            registration.state == RegistrationState::Pending && registration.due.is_none()
        });
        if fires_now {
            self.prepare_at_once(now, key);
        }
    }
}
