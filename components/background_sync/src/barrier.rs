//! The barrier: what an origin has committed is on the medium before its `register()` is answered, and before the
//! registration that an event has served is removed.

use std::collections::HashMap;
use std::fmt;

use background_sync_core::{Answer, Call, EventId, EventOutcome, Now, RegisterError, StoreFault};
use background_sync_traits::{ScopeKey, SyncClient};
use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::manager::Manager;

/// What waits for the medium.
#[derive(Clone, Copy, Debug)]
enum Waiting {
    /// A `register()` call.
    Call(Call),
    /// The end of an event.
    Event(EventId, EventOutcome),
}

/// An engine has made an origin's data durable, or could not.
pub(crate) struct MadeDurable {
    waiting: Waiting,
    result: Result<(), StoreFault>,
}

/// Takes the result of [`crate::Engine::make_durable`], from any thread. Dropped without one, it says that the data are
/// not durable.
pub struct DurabilityResponder {
    waiting: Option<Waiting>,
    results: Sender<MadeDurable>,
}

impl DurabilityResponder {
    /// What the origin had committed when it was asked for is on the medium, or `fault` is why not.
    pub fn answer(mut self, result: Result<(), StoreFault>) {
        self.send(result);
    }

    fn send(&mut self, result: Result<(), StoreFault>) {
        if let Some(waiting) = self.waiting.take() {
            // An error means that the manager is gone, and with it who asked.
            let _ = self.results.send(MadeDurable { waiting, result });
        }
    }
}

impl Drop for DurabilityResponder {
    fn drop(&mut self) {
        self.send(Err(StoreFault::failed(
            "the engine did not say whether the site's data are durable",
        )));
    }
}

impl fmt::Debug for DurabilityResponder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DurabilityResponder")
            .field(&self.waiting)
            .finish()
    }
}

/// How far a call's barrier is.
enum Progress {
    Flushing { answer_is_held: bool },
    Failed(StoreFault),
}

/// What waits for engines.
pub(crate) struct Barrier {
    calls: HashMap<Call, Progress>,
    events: usize,
    results: Sender<MadeDurable>,
    /// Shared with the manager's loop.
    made_durable: Receiver<MadeDurable>,
}

/// Whether an answer can leave.
enum Passage {
    Open,
    Held,
    Failed(StoreFault),
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
    pub fn made_durable(&self) -> Receiver<MadeDurable> {
        self.made_durable.clone()
    }

    /// Whether the end of an event waits.
    pub fn holds_events(&self) -> bool {
        self.events > 0
    }

    fn responder(&self, waiting: Waiting) -> DurabilityResponder {
        DurabilityResponder {
            waiting: Some(waiting),
            results: self.results.clone(),
        }
    }

    fn passage(&mut self, call: Call) -> Passage {
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

impl<C: SyncClient> Manager<C> {
    /// Before `call` is answered, what its origin has committed by now will be durable.
    pub(crate) fn begin_barrier(&mut self, now: Now, call: Call, scope: &ScopeKey) {
        let flushing = Progress::Flushing {
            answer_is_held: false,
        };
        self.barrier.calls.insert(call, flushing);
        let responder = self.barrier.responder(Waiting::Call(call));
        self.engine.make_durable(scope, responder);
        self.take_results(now);
    }

    /// An engine that had nothing to do has answered: what comes next must find that done.
    fn take_results(&mut self, now: Now) {
        while let Ok(made) = self.barrier.made_durable.try_recv() {
            self.handle_made_durable(now, made);
        }
    }

    /// Has the scheduler know of an event's end once what its handler committed is durable: a record that it has deleted
    /// must not come back without the registration.
    pub(crate) fn finish_event_durably(
        &mut self,
        now: Now,
        (event, outcome): (EventId, EventOutcome),
        scope: &ScopeKey,
    ) {
        match outcome {
            EventOutcome::Fulfilled | EventOutcome::Rejected => {
                self.barrier.events += 1;
                let responder = self.barrier.responder(Waiting::Event(event, outcome));
                self.engine.make_durable(scope, responder);
                self.take_results(now);
            }
            // The registration stays.
            _ => self.scheduler.handle_event_finished(now, event, outcome),
        }
    }

    pub(crate) fn handle_made_durable(&mut self, now: Now, made: MadeDurable) {
        let MadeDurable { waiting, result } = made;
        if let Err(fault) = &result {
            log::error!(
                "what a site has stored may not be durable: {}",
                fault.reason
            );
        }
        match waiting {
            Waiting::Event(event, outcome) => {
                self.barrier.events -= 1;
                self.scheduler.handle_event_finished(now, event, outcome);
            }
            Waiting::Call(call) => {
                let Some(Progress::Flushing { answer_is_held }) = self.barrier.calls.remove(&call)
                else {
                    return;
                };
                if let Err(fault) = result {
                    self.barrier.calls.insert(call, Progress::Failed(fault));
                }
                if answer_is_held {
                    self.answer_client(now, call, Answer::Registered(Ok(())));
                }
            }
        }
    }

    /// `None`: the answer waits for the engine. Otherwise, it is the answer.
    pub(crate) fn pass_barrier(&mut self, now: Now, call: Call, answer: Answer) -> Option<Answer> {
        if answer != Answer::Registered(Ok(())) {
            self.barrier.calls.remove(&call);
            return Some(answer);
        }
        match self.barrier.passage(call) {
            Passage::Open => Some(answer),
            Passage::Held => None,
            Passage::Failed(fault) => {
                // The registration is kept, and its event waits for no promise.
                self.scheduler.handle_acknowledged(now, call);
                let problem = fault.problem;
                self.notify_of_fault(now, call, fault);
                Some(Answer::Registered(Err(RegisterError::Storage { problem })))
            }
        }
    }
}
