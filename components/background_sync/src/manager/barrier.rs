//! The barrier: before a `register()` is answered, what its origin has committed is on the medium. So it is before the
//! registration that an event has served is removed: otherwise, after a power cut, a record that the handler has deleted
//! could come back without its registration.

use std::collections::HashMap;

use background_sync_core::{Answer, Call, EventId, EventOutcome, Origin, ScopeKey, StoreFault};
use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::engine::{DurabilityResponder, MadeDurable, Waiting};

/// How far a call's barrier is.
enum Progress {
    Flushing,
    /// With an answer that waits for it.
    HoldsAnswer,
    Failed(StoreFault),
}

/// Events of an origin that have ended.
struct Ended {
    scope: ScopeKey,
    events: Vec<(EventId, EventOutcome)>,
}

/// What waits for engines.
pub(super) struct Barrier {
    calls: HashMap<Call, Progress>,
    /// For which the engine is to be asked: once for all that end at the same time.
    ended: HashMap<Origin, Ended>,
    /// For which it was asked.
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
    Events(Vec<(EventId, EventOutcome)>),
}

impl Barrier {
    /// Also returns where results come in.
    pub fn new() -> (Self, Receiver<MadeDurable>) {
        let (results, made_durable) = unbounded();
        let barrier = Self {
            calls: HashMap::new(),
            ended: HashMap::new(),
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
        self.events > 0 || !self.ended.is_empty()
    }

    /// Before `call` is answered, what its origin has committed by now will be durable.
    pub fn begin(&mut self, call: Call) -> DurabilityResponder {
        self.calls.insert(call, Progress::Flushing);
        DurabilityResponder::new(Waiting::Call(call), self.results.clone())
    }

    /// An event has ended: before the scheduler knows of it, what its origin has committed by now will be durable.
    pub fn add_ended(&mut self, event: EventId, outcome: EventOutcome, scope: &ScopeKey) {
        let ended = self.ended.entry(scope.origin.clone());
        let ended = ended.or_insert_with(|| Ended {
            scope: scope.clone(),
            events: Vec::new(),
        });
        ended.events.push((event, outcome));
    }

    /// Has it asked for, for each origin whose events have ended.
    pub fn begin_for_ended(
        &mut self,
        mut make_durable: impl FnMut(&ScopeKey, DurabilityResponder),
    ) {
        for (_, ended) in self.ended.drain() {
            self.events += ended.events.len();
            let waiting = Waiting::Events(ended.events);
            let responder = DurabilityResponder::new(waiting, self.results.clone());
            make_durable(&ended.scope, responder);
        }
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
            Waiting::Events(events) => {
                self.events -= events.len();
                GoesOn::Events(events)
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
