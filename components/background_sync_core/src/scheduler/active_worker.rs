//! Without an active worker, nothing of a service worker registration fires: the registration is *parked*.

use super::SyncScheduler;
use super::state::{Phase, RegKey, Registration};
use crate::{Now, RegistrationState, ScopeKey};

impl SyncScheduler {
    /// The event could not be given to a worker: pending as before, until there is one.
    pub(super) fn give_attempt_back(
        &mut self,
        now: Now,
        scope: &ScopeKey,
        key: RegKey,
        again: bool,
    ) {
        let mut replaced = false;
        if let Some(registration) = self.tables.get_mut(key) {
            registration.state = RegistrationState::Pending;
            registration.attempts = if again {
                0
            } else {
                registration.attempts.saturating_sub(1)
            };
            // What repeats and has never fired is not what this event was for.
            replaced = again
                && registration
                    .kind
                    .cycle()
                    .is_none_or(|cycle| cycle.fired_at.is_none());
        }
        if replaced {
            self.begin_to_wait(now, key);
        }
        self.store_lazily(key);
        let parked = self.park(scope);
        self.refresh(key);
        // The event that showed it has its own entry on the timeline.
        for other in parked.into_iter().filter(|&other| other != key) {
            let pending = |found: &Registration| found.state == RegistrationState::Pending;
            if self.tables.get(other).is_some_and(pending) {
                self.notify_if_held_back(now, other);
            }
        }
    }

    /// Nothing of this service worker registration fires until it has an active worker. Returns its
    /// registrations if that is new.
    fn park(&mut self, scope: &ScopeKey) -> Vec<RegKey> {
        let keys = self.tables.set_parked(scope, true);
        for &key in &keys {
            let event = self
                .tables
                .get(key)
                .and_then(|registration| registration.event);
            match event.and_then(|event| self.events.get(&event).map(|entry| (event, entry))) {
                Some((event, entry)) if matches!(entry.phase, Phase::Preparing { .. }) => {
                    self.cancel_event(event);
                }
                _ => self.refresh(key),
            }
        }
        keys
    }

    pub(super) fn unpark(&mut self, now: Now, scope: &ScopeKey) {
        for key in self.tables.set_parked(scope, false) {
            self.dispatch_if_requested(now, key);
            self.refresh(key);
        }
    }
}
