//! The barrier: before a `register()` is answered, what its origin has committed is on the medium. So it is before the
//! registration that an event has served is removed: otherwise, after a power cut, a record that the handler has deleted
//! could come back without its registration.

use std::collections::HashMap;

use background_sync_core::{Answer, Call, EventId, EventOutcome, StoreFault};
use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::engine::{DurabilityResponder, MadeDurable, Waiting};

/// How far a call's barrier is.
enum Progress {
    Flushing,
    /// With an answer that waits for it.
    HoldsAnswer,
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
    /// Also returns where results come in.
    pub fn new() -> (Self, Receiver<MadeDurable>) {
        let (results, made_durable) = unbounded();
        let barrier = Self {
            calls: HashMap::new(),
            events: 0,
            results,
            made_durable: made_durable.clone(),
        };
        (barrier, made_durable)
    }

    /// A result that is there already.
    pub fn next_made_durable(&self) -> Option<MadeDurable> {
        self.made_durable.try_recv().ok()
    }

    /// Whether the end of an event waits.
    pub fn holds_events(&self) -> bool {
        self.events > 0
    }

    /// Before `call` is answered, what its origin has committed by now will be durable.
    pub fn begin(&mut self, call: Call) -> DurabilityResponder {
        self.calls.insert(call, Progress::Flushing);
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

    pub fn handle_made_durable(&mut self, made: MadeDurable) -> GoesOn {
        let result = made.answer;
        if let Err(fault) = &result {
            log::error!(
                "what a site has stored may not be durable: {}",
                fault.reason
            );
        }
        match made.about {
            Waiting::Event(event, outcome) => {
                self.events -= 1;
                GoesOn::Event(event, outcome)
            }
            Waiting::Call(call) => {
                let progress = self.calls.remove(&call);
                if let Err(fault) = result
                    && progress.is_some()
                {
                    self.calls.insert(call, Progress::Failed(fault));
                }
                match progress {
                    Some(Progress::HoldsAnswer) => GoesOn::Call(call),
                    _ => GoesOn::Nothing,
                }
            }
        }
    }

    /// Whether `answer` can leave; one that is held is `Registered(Ok(()))`.
    pub fn pass(&mut self, call: Call, answer: &Answer) -> Passage {
        let progress = self.calls.remove(&call);
        match progress.filter(|_| *answer == Answer::Registered(Ok(()))) {
            None => Passage::Open,
            Some(Progress::Failed(fault)) => Passage::Failed(fault),
            Some(Progress::Flushing | Progress::HoldsAnswer) => {
                self.calls.insert(call, Progress::HoldsAnswer);
                Passage::Held
            }
        }
    }
}
