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

/// What waits for the data of an origin. The engine is asked once for all that comes at the same time.
struct Group {
    scope: ScopeKey,
    waiting: Waiting,
}

/// What waits for engines.
pub(super) struct Barrier {
    calls: HashMap<Call, Progress>,
    /// For which the engine is still to be asked.
    groups: HashMap<Origin, Group>,
    /// Events that wait, whether it was asked or not.
    events: usize,
    /// Of these, those that are in the groups.
    events_in_groups: usize,
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
pub(super) struct GoesOn {
    /// These are answered now.
    pub calls: Vec<Call>,
    pub events: Vec<(EventId, EventOutcome)>,
}

impl Barrier {
    /// Also returns where results come in.
    pub fn new() -> (Self, Receiver<MadeDurable>) {
        let (results, made_durable) = unbounded();
        let barrier = Self {
            calls: HashMap::new(),
            groups: HashMap::new(),
            events: 0,
            events_in_groups: 0,
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
    pub fn add_call(&mut self, call: Call, scope: &ScopeKey) {
        self.calls.insert(call, Progress::Flushing);
        self.group(scope).calls.push(call);
    }

    /// An event has ended: before the scheduler knows of it, what its origin has committed by now will be durable.
    pub fn add_ended(&mut self, event: EventId, outcome: EventOutcome, scope: &ScopeKey) {
        self.events += 1;
        self.events_in_groups += 1;
        self.group(scope).events.push((event, outcome));
    }

    fn group(&mut self, scope: &ScopeKey) -> &mut Waiting {
        let group = self.groups.entry(scope.origin.clone());
        let group = group.or_insert_with(|| Group {
            scope: scope.clone(),
            waiting: Waiting::default(),
        });
        &mut group.waiting
    }

    /// Whether the engine is still to be asked for the end of an event.
    pub fn has_ended(&self) -> bool {
        self.events_in_groups > 0
    }

    /// Has it asked for, for each origin.
    pub fn begin(&mut self, mut make_durable: impl FnMut(&ScopeKey, DurabilityResponder)) {
        self.events_in_groups = 0;
        for (_, Group { scope, waiting }) in self.groups.drain() {
            let responder = DurabilityResponder::new(waiting, self.results.clone());
            make_durable(&scope, responder);
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
        let Waiting { calls, events } = made.about;
        self.events -= events.len();
        let mut answered = Vec::new();
        for call in calls {
            let progress = self.calls.remove(&call);
            if let Err(fault) = &result
                && progress.is_some()
            {
                self.calls.insert(call, Progress::Failed(fault.clone()));
            }
            if let Some(Progress::HoldsAnswer) = progress {
                answered.push(call);
            }
        }
        GoesOn {
            calls: answered,
            events,
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
