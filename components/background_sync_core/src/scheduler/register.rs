//! The methods of [`SyncManager`](https://wicg.github.io/background-sync/spec/#sync-manager-interface).

use super::SyncScheduler;
use super::state::{ChainDepth, Kind, PermissionState, RegKey, Registration, Waiter};
use crate::{
    Answer, Call, Caller, ClientFacts, Now, Permission, RegisterError, RegistrationId,
    RegistrationState, ScopeKey, StorageProblem, StoreFault, SyncApi, SyncNotification, Tag,
    TagTooLong,
};

impl SyncScheduler {
    /// [`register(tag)`](https://wicg.github.io/background-sync/spec/#dom-syncmanager-register).
    /// Step 1, the service worker registration, is `scope`.
    pub(super) fn register(
        &mut self,
        now: Now,
        call: Call,
        scope: &ScopeKey,
        tag: Result<&Tag, &TagTooLong>,
        facts: ClientFacts,
    ) -> Result<(), RegisterError> {
        // Step 2.
        if !facts.active_worker {
            return Err(RegisterError::NoActiveWorker);
        }
        // Step 3.
        if facts.permission == Permission::Denied {
            return Err(RegisterError::PermissionDenied);
        }
        // Steps 4 to 6: not in the background.
        if !facts.open_window {
            return Err(RegisterError::NoWindow);
        }
        // Not in the specification: limits.
        let tag = tag.map_err(|too_long| RegisterError::TagTooLong(*too_long))?;
        self.unpark(now, scope);
        // Step 7.
        match self.tables.find(scope, tag) {
            // Step 8.
            Some(key) => self.register_again(now, call, key, scope, facts.caller),
            // Step 9.
            None => {
                let depth = self.chain_depth(now, scope, facts.caller, None);
                self.register_new(now, call, scope, tag, Kind::OneShot, depth)?;
            }
        }
        Ok(())
    }

    /// Step 9 of `register(tag)`, and its like of the other APIs.
    pub(super) fn register_new(
        &mut self,
        now: Now,
        call: Call,
        scope: &ScopeKey,
        tag: &Tag,
        kind: Kind,
        depth: ChainDepth,
    ) -> Result<(), RegisterError> {
        let limit = self.policy.max_registrations_per_origin;
        if self.tables.registrations_of_origin(&scope.origin) >= limit {
            return Err(RegisterError::TooManyForOrigin { limit });
        }
        let limit = self.policy.max_registrations_in_all;
        if self.tables.counts().0 >= limit as usize {
            return Err(RegisterError::TooManyInAll { limit });
        }
        // Steps 9.1 to 9.4.
        let id = RegistrationId(self.next_registration);
        let Some(next) = id.0.checked_add(1) else {
            return Err(self.no_number_left(scope, tag, kind.api()));
        };
        self.next_registration = next;
        let mut registration = Registration::new(kind, tag.clone(), now.wall);
        registration.depth = depth;
        let key = self.tables.insert(scope, id, registration);
        self.hold_back(key, call);
        // Step 9.6, prepared so that one commit is enough.
        self.start(now, key);
        // Step 9.5 once it is durable: `answer_registered`.
        self.store_for(
            key,
            Waiter::Register {
                call,
                duplicate: false,
            },
        );
        let ticket = self
            .tables
            .get(key)
            .and_then(|registration| registration.ticket);
        if let Some(ticket) = ticket {
            self.tables.set_last_insert(key, ticket);
        }
        Ok(())
    }

    /// Only a damaged store brings that about.
    fn no_number_left(&mut self, scope: &ScopeKey, tag: &Tag, api: SyncApi) -> RegisterError {
        let problem = StorageProblem::Damaged;
        let reason = "the store has no number left for a new registration; clear its file";
        self.notify(SyncNotification::StorageFailed {
            api,
            scope: scope.clone(),
            tag: tag.clone(),
            fault: StoreFault::new(problem, reason),
        });
        RegisterError::Storage { problem }
    }

    /// Step 8 of `register(tag)`. Beyond the specification, the attempts start anew: what the page
    /// wants to send now has not been tried yet. A worker by itself can neither shorten a wait nor have
    /// attempts forgotten.
    fn register_again(
        &mut self,
        now: Now,
        call: Call,
        key: RegKey,
        scope: &ScopeKey,
        caller: Caller,
    ) {
        let depth = self.chain_depth(now, scope, caller, Some(key));
        let is_for_client = caller.speaks_for_client();
        self.hold_back(key, call);
        let waiter = Waiter::Register {
            call,
            duplicate: true,
        };
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        let unchanged = match registration.state {
            _ if !registration.is_durable() => true,
            RegistrationState::Pending => registration.attempts == 0 || !is_for_client,
            RegistrationState::Waiting => !is_for_client,
            RegistrationState::Firing => false,
            RegistrationState::ReregisteredWhileFiring => true,
        };
        registration.depth = match registration.state {
            RegistrationState::Firing => depth,
            RegistrationState::ReregisteredWhileFiring => registration.depth.min(depth),
            // It would have fired without this call.
            RegistrationState::Pending | RegistrationState::Waiting if !is_for_client => {
                registration.depth
            }
            RegistrationState::Pending | RegistrationState::Waiting => depth,
        };
        if unchanged {
            let ticket = registration.ticket;
            let is_pending = registration.state == RegistrationState::Pending;
            if is_for_client && is_pending && registration.due.is_some() {
                self.set_due(key, None);
            }
            // Step 8.3, at once or with the commit that is under way.
            if self.join(ticket, waiter).is_some() {
                self.answer_registered(now, call, Some(key), true);
            }
            return;
        }
        match registration.state {
            // Step 8.2.
            RegistrationState::Firing | RegistrationState::ReregisteredWhileFiring => {
                registration.state = RegistrationState::ReregisteredWhileFiring;
            }
            // Step 8.1.
            RegistrationState::Waiting | RegistrationState::Pending => {
                registration.state = RegistrationState::Pending;
                registration.attempts = 0;
                registration.interruptions = 0;
                let event = registration.event;
                self.set_due(key, None);
                match event {
                    Some(event) => self.attempt_is_stale(event),
                    // Step 8.4, prepared so that one commit is enough.
                    None => self.prepare_at_once(now, key),
                }
            }
        }
        // Step 8.3 once it is durable: `answer_registered`.
        self.store_for(key, waiter);
    }

    /// Reserves a slot if there is a network and nobody else waits for one.
    pub(super) fn prepare_at_once(&mut self, now: Now, key: RegKey) {
        if self.is_online() && self.tables.slot_is_free_for(key, &self.policy) {
            self.prepare(now, key, PermissionState::Granted);
        }
    }

    /// [`getTags()`](https://wicg.github.io/background-sync/spec/#dom-syncmanager-gettags).
    /// Registrations that are just being stored are waited for.
    pub(super) fn get_tags(&mut self, call: Call, api: SyncApi, scope: &ScopeKey) {
        let waiter = Waiter::GetTags {
            call,
            api,
            scope: scope.clone(),
        };
        if self.join(self.tables.last_insert(scope), waiter).is_some() {
            self.answer_tags(call, api, scope);
        }
    }

    pub(super) fn answer_tags(&mut self, call: Call, api: SyncApi, scope: &ScopeKey) {
        let keys = self.tables.registrations_of(scope);
        let registrations = keys.into_iter().filter_map(|key| self.tables.get(key));
        let durable = registrations
            .filter(|registration| registration.is_durable() && registration.kind.api() == api);
        let tags = durable
            .map(|registration| registration.tag.clone())
            .collect();
        self.answer(call, Answer::Tags(tags));
    }

    /// `key`: what was registered, if it is still there.
    pub(super) fn answer_registered(
        &mut self,
        now: Now,
        call: Call,
        key: Option<RegKey>,
        duplicate: bool,
    ) {
        self.answer(call, Answer::Registered(Ok(())));
        let Some(key) = key else { return };
        let Some(scope) = self.tables.scope_key(key).cloned() else {
            return;
        };
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        let tag = registration.tag.clone();
        let api = registration.kind.api();
        let deadline = now.mono.after_ms(self.policy.acknowledge_limit_ms);
        let calls = registration
            .gate
            .iter_mut()
            .flat_map(|gate| &mut gate.calls);
        calls
            .filter(|gated| gated.call == call)
            .for_each(|gated| gated.deadline = Some(deadline));
        self.watch_gate(key);
        self.notify(SyncNotification::Registered {
            api,
            scope,
            tag,
            duplicate,
        });
        self.notify_if_held_back(now, key);
    }
}
