//! What a registration goes back to if the store refuses what is to replace it.

use super::due::Due;
use super::event_chain::ChainDepth;
use super::kind::Kind;
use super::registration::Registration;
use crate::{EventOutcome, Now, RegistrationState};

/// A registration as the store knows it, while something else is on its way there.
#[derive(Clone, Debug)]
pub struct Rollback {
    pub kind: Kind,
    pub depth: ChainDepth,
    pub before: Before,
    /// More is to be stored when the store has answered.
    pub stale: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Before {
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

impl Rollback {
    pub fn of(registration: &Registration) -> Self {
        let before = match registration.state {
            RegistrationState::Firing => Before::Firing,
            RegistrationState::ReregisteredWhileFiring => Before::FiresAgain,
            state @ (RegistrationState::Pending | RegistrationState::Waiting) => Before::Idle {
                state,
                attempts: registration.attempts,
                due: registration.due,
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

    /// The event of what is being replaced is over.
    pub fn after_event(
        &mut self,
        now: Now,
        attempts: u32,
        last_chance: bool,
        outcome: EventOutcome,
    ) {
        if !matches!(self.before, Before::Firing) {
            return;
        }
        let waits = |attempts| Before::Idle {
            state: RegistrationState::Pending,
            attempts,
            due: None,
        };
        self.before = match (outcome, self.kind.cycle_mut()) {
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
}
