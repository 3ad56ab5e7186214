//! The barrier: what an origin has committed is on the medium before its `register()` is answered, and before the
//! registration that an event has served is removed: a record that its handler has deleted must not come back without it.

use std::collections::HashMap;

use background_sync_core::{Answer, Call, EventId, EventOutcome, StoreFault};
use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::engine::{DurabilityResponder, MadeDurable, Waiting};

/// How far a call's barrier is.
enum Progress {
    Flushing { answer_is_held: bool },
    Failed(StoreFault),
}

/// What waits for engines.
pub(super) struct Barrier {
    calls: HashMap<Call, Progress>,
    events: usize,
    results: Sender<MadeDurable>,
    /// Shared with the manager's loop.
    made_durable: Receiver<MadeDurable>,
}

/// Whether an answer can leave.
pub(super) enum Passage {
    Open,
    Held,
    Failed(StoreFault),
}

/// What goes on once data are durable, or can't be.
pub(super) enum GoesOn {
    Nothing,
    /// The call is answered now.
    Call(Call),
    Event(EventId, EventOutcome),
}

impl Barrier {
    pub fn new() -> Self {
        let (results, made_durable) = unbounded();
        Self {
            calls: HashMap::new(),
            events: 0,
            results,
            made_durable,
        }
    }

    /// Where results come in.
    pub fn made_durable(&self) -> &Receiver<MadeDurable> {
        &self.made_durable
    }

    /// Whether the end of an event waits.
    pub fn holds_events(&self) -> bool {
        self.events > 0
    }

    /// Before `call` is answered, what its origin has committed by now will be durable.
    pub fn begin(&mut self, call: Call) -> DurabilityResponder {
        let flushing = Progress::Flushing {
            answer_is_held: false,
        };
        self.calls.insert(call, flushing);
        DurabilityResponder::new(Waiting::Call(call), self.results.clone())
    }

    /// The same for the end of an event.
    pub fn begin_for_event(
        &mut self,
        event: EventId,
        outcome: EventOutcome,
    ) -> DurabilityResponder {
        self.events += 1;
        DurabilityResponder::new(Waiting::Event(event, outcome), self.results.clone())
    }

    pub fn handle_made_durable(&mut self, MadeDurable { waiting, result }: MadeDurable) -> GoesOn {
        if let Err(fault) = &result {
            log::error!(
                "what a site has stored may not be durable: {}",
                fault.reason
            );
        }
        match waiting {
            Waiting::Event(event, outcome) => {
                self.events -= 1;
                GoesOn::Event(event, outcome)
            }
            Waiting::Call(call) => {
                let Some(Progress::Flushing { answer_is_held }) = self.calls.remove(&call) else {
                    return GoesOn::Nothing;
                };
                if let Err(fault) = result {
                    self.calls.insert(call, Progress::Failed(fault));
                }
                match answer_is_held {
                    true => GoesOn::Call(call),
                    false => GoesOn::Nothing,
                }
            }
        }
    }

    /// Whether `answer` can leave; one that is held is `Registered(Ok(()))`.
    pub fn pass(&mut self, call: Call, answer: &Answer) -> Passage {
        if *answer != Answer::Registered(Ok(())) {
            self.calls.remove(&call);
            return Passage::Open;
        }
        match self.calls.get_mut(&call) {
            Some(Progress::Flushing { answer_is_held }) => {
                *answer_is_held = true;
                Passage::Held
            }
            Some(Progress::Failed(_)) => match self.calls.remove(&call) {
                Some(Progress::Failed(fault)) => Passage::Failed(fault),
                _ => Passage::Open,
            },
            None => Passage::Open,
        }
    }
}
