//! If the store refuses what is to replace a registration, the registration goes back to what it was.
//!
//! Until the store has answered, nothing else of the registration is stored: the medium holds either what was last
//! resolved, or its replacement.

use super::SyncScheduler;
use super::state::{Before, Kind, RegKey, Rollback};
use crate::{Now, RegistrationState};

impl SyncScheduler {
    /// What a registration is now: one-shot ones are never replaced.
    pub(super) fn rollback_of(&self, key: RegKey) -> Option<Rollback> {
        let registration = self.tables.get(key)?;
        match registration.kind {
            Kind::OneShot => None,
            Kind::Other(_) => Some(Rollback::of(registration)),
        }
    }

    /// Keeps what a registration is, if nothing is kept yet: it is about to be replaced.
    pub(super) fn keep_rollback(&mut self, key: RegKey) {
        if !self.rollbacks.contains_key(&key)
            && let Some(rollback) = self.rollback_of(key)
        {
            self.rollbacks.insert(key, rollback);
        }
    }

    /// The store has taken one replacement, and another one is on its way.
    pub(super) fn replace_rollback(&mut self, key: RegKey, rollback: Rollback) {
        if let Some(old) = self.rollbacks.get_mut(&key) {
            let stale = old.stale;
            *old = Rollback { stale, ..rollback };
        }
    }

    /// The store did not take what was to replace a registration: it is what it was.
    pub(super) fn roll_back(&mut self, now: Now, key: RegKey) {
        let Some(Rollback {
            kind,
            depth,
            before,
            ..
        }) = self.rollbacks.remove(&key)
        else {
            return;
        };
        if matches!(before, Before::Over) {
            return self.remove_lazily(key);
        }
        self.set_due(key, None);
        self.set_interval(key, None);
        self.leave_wake_up(key);
        self.tables.set_kind(key, kind);
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        registration.depth = depth;
        match registration.state {
            RegistrationState::Firing | RegistrationState::ReregisteredWhileFiring => {
                registration.state = match before {
                    Before::FiresAgain => RegistrationState::ReregisteredWhileFiring,
                    _ => RegistrationState::Firing,
                };
                return;
            }
            RegistrationState::Pending | RegistrationState::Waiting => {}
        }
        // The one that was being prepared is not its event.
        if let Some(event) = registration.event {
            self.cancel_event(event);
        }
        self.wait_as_before(now, key, before);
        self.store_lazily(key);
        self.refresh(key);
    }

    fn wait_as_before(&mut self, now: Now, key: RegKey, before: Before) {
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        let repeats = registration.kind.cycle().is_some();
        match before {
            Before::Idle {
                state,
                attempts,
                due,
            } if !repeats || attempts > 0 => {
                registration.state = state;
                registration.attempts = attempts;
                self.set_due(key, due);
            }
            Before::Failed { attempts } => {
                registration.attempts = attempts;
                self.wait_for_retry(now, key);
            }
            Before::Idle { .. } | Before::Firing | Before::FiresAgain | Before::Over => {
                registration.attempts = 0;
                self.begin_to_wait(now, key);
            }
        }
    }
}
