//! What the embedder may ask for and do, beyond the specification.

use super::SyncScheduler;
use super::state::{RegKey, Removal, Waiter};
use crate::{
    Answer, Call, Now, Origin, RegistrationInfo, RemovalReason, RemoveError, ScopeKey, ScopeUrl,
    StoreFault, SyncApi, Tag,
};

impl SyncScheduler {
    /// All registrations that are durable, by service worker registration, in the order of
    /// registration.
    pub fn list(&self, now: Now) -> impl Iterator<Item = RegistrationInfo> {
        let durable = self
            .tables
            .iter()
            .filter(|(_, registration)| registration.is_durable());
        durable.filter_map(move |(key, registration)| {
            Some(RegistrationInfo {
                api: registration.kind.api(),
                scope: self.tables.scope_key(key)?.clone(),
                tag: registration.tag.clone(),
                state: registration.state,
                attempts: registration.attempts,
                registered_at: registration.registered_at,
                why: self.explain_key(now, key),
            })
        })
    }

    /// Origins with at least one registration.
    pub fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.tables.origins()
    }

    /// Removes one registration. Answered with [`Answer::Removed`] when that is durable.
    pub fn handle_unregister(
        &mut self,
        now: Now,
        call: Call,
        api: SyncApi,
        scope: &ScopeKey,
        tag: &Tag,
    ) {
        let keys = self.tables.find_in(api, scope, tag).into_iter().collect();
        self.remove_all(now, call, keys);
    }

    /// Removes all registrations of the origins that are chosen, as for clearing site data.
    /// Answered with [`Answer::Removed`] when that is durable.
    pub fn handle_clear(&mut self, now: Now, call: Call, chosen: impl Fn(&ScopeKey) -> bool) {
        let is_chosen = |key: &RegKey| self.tables.scope_key(*key).is_some_and(&chosen);
        let keys: Vec<RegKey> = self
            .tables
            .iter()
            .map(|(key, _)| key)
            .filter(is_chosen)
            .collect();
        self.event_chains.clear(&chosen);
        self.clear_origins(now, |origin| {
            // Its registrations may be gone already: it is asked for by its root.
            let root = format!("{origin}/");
            ScopeUrl::try_from(root.as_str()).is_ok_and(|scope| {
                let origin = origin.clone();
                chosen(&ScopeKey { origin, scope })
            })
        });
        self.remove_all(now, call, keys);
    }

    fn remove_all(&mut self, now: Now, call: Call, keys: Vec<RegKey>) {
        let removed = u64::try_from(keys.len()).unwrap_or(u64::MAX);
        if keys.is_empty() {
            return self.answer(call, Answer::Removed(Ok(0)));
        }
        let removal = Removal {
            outstanding: removed,
            removed,
            fault: None,
        };
        self.removals.insert(call, removal);
        for key in keys {
            self.remove_for(key, RemovalReason::Cleared, Some(Waiter::Removal { call }));
        }
        self.fill_slots(now);
    }

    /// One of the removals that a call waits for is done, or failed and will be tried again.
    pub(super) fn removal_done(&mut self, call: Call, fault: Option<StoreFault>) {
        let Some(removal) = self.removals.get_mut(&call) else {
            return;
        };
        removal.outstanding -= 1;
        if fault.is_some() {
            removal.fault = fault;
        }
        if removal.outstanding > 0 {
            return;
        }
        if let Some(Removal { removed, fault, .. }) = self.removals.remove(&call) {
            let result = fault.map_or(Ok(removed), |fault| Err(RemoveError::Storage(fault)));
            self.answer(call, Answer::Removed(result));
        }
    }
}
