//! What a registration goes back to if the store refuses what is to replace it.
//!
//! Until the store has answered, nothing else is stored of the registration: the medium holds what was
//! resolved last, or what replaces it.

use super::SyncScheduler;
use super::chains::ChainDepth;
use super::kind::Kind;
use super::registration::{Due, RegKey, Registration};
use crate::{EventOutcome, Now, RegistrationState};

/// A registration as the store knows it, while something else is on its way there.
#[derive(Clone, Debug)]
pub(super) struct Undo {
    kind: Kind,
    depth: ChainDepth,
    before: Before,
    /// More is to be stored when the store has answered.
    pub stale: bool,
}

#[derive(Clone, Copy, Debug)]
enum Before {
    /// It waits, or may fire.
    Idle {
        state: RegistrationState,
        attempts: u32,
        due: Option<Due>,
    },
    /// Its event runs.
    Firing,
    /// Its event ran or runs, and it fires again afterwards.
    FiresAgain,
    /// So many attempts have failed, and there may be another.
    Failed { attempts: u32 },
    /// Its event has ended it.
    Over,
}

impl Undo {
    fn of(registration: &Registration) -> Self {
        let before = match registration.state {
            RegistrationState::Firing => Before::Firing,
            RegistrationState::ReregisteredWhileFiring => Before::FiresAgain,
            state @ (RegistrationState::Pending | RegistrationState::Waiting) => Before::Idle {
                state,
                attempts: registration.attempts,
                due: registration.due.as_deref().copied(),
            },
        };
        Self {
            kind: registration.kind.clone(),
            depth: registration.depth,
            before,
            stale: false,
        }
    }

    /// After a jump of the wall clock.
    pub fn rebase(&mut self, now: Now) {
        if let Some(cycle) = self.kind.cycle_mut() {
            cycle.rebase(now);
        }
    }
}

impl SyncScheduler {
    /// What a registration is now: one-shot ones are never replaced.
    pub(super) fn as_it_is(&self, key: RegKey) -> Option<Undo> {
        let registration = self.tables.get(key)?;
        match registration.kind {
            Kind::OneShot => None,
            Kind::Other(_) => Some(Undo::of(registration)),
        }
    }

    /// Keeps what a registration is, if nothing is kept yet: it is about to be replaced.
    pub(super) fn remember(&mut self, key: RegKey) {
        if !self.undo.contains_key(&key)
            && let Some(undo) = self.as_it_is(key)
        {
            self.undo.insert(key, undo);
        }
    }

    /// The store has taken one replacement, and another one is on its way.
    pub(super) fn undo_goes_back_to(&mut self, key: RegKey, undo: Undo) {
        if let Some(old) = self.undo.get_mut(&key) {
            let stale = old.stale;
            *old = Undo { stale, ..undo };
        }
    }

    /// The event of what is being replaced is over.
    pub(super) fn undo_after_event(
        &mut self,
        now: Now,
        key: RegKey,
        attempts: u32,
        last_chance: bool,
        outcome: EventOutcome,
    ) {
        let Some(Undo { kind, before, .. }) = self.undo.get_mut(&key) else {
            return;
        };
        if !matches!(before, Before::Firing) {
            return;
        }
        let waits = |attempts| Before::Idle {
            state: RegistrationState::Pending,
            attempts,
            due: None,
        };
        *before = match (outcome, kind.cycle_mut()) {
            (EventOutcome::NotStarted, _) => waits(attempts.saturating_sub(1)),
            (EventOutcome::Fulfilled, Some(cycle)) => {
                cycle.begin_anew(now);
                waits(0)
            }
            (_, Some(cycle)) if last_chance => {
                cycle.begin_anew(now);
                waits(0)
            }
            (EventOutcome::Fulfilled, None) => Before::Over,
            (_, None) if last_chance => Before::Over,
            _ => Before::Failed { attempts },
        };
    }

    /// The store did not take what was to replace a registration: it is what it was.
    pub(super) fn take_back(&mut self, now: Now, key: RegKey) {
        let Some(Undo {
            kind,
            depth,
            before,
            ..
        }) = self.undo.remove(&key)
        else {
            return;
        };
        if matches!(before, Before::Over) {
            return self.remove_lazily(key);
        }
        self.set_due(key, None);
        self.set_interval(key, None);
        self.leave_pass(key);
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
            self.disarm(event);
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
