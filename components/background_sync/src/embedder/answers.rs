//! Answers that the embedder waits for, and what each still needs.

use std::collections::HashMap;

use background_sync_core::{Answer, Call, DispatchError, EventOutcome, RemoveError, StoreFault};
use crossbeam_channel::{Sender, bounded};

use super::control::Change;

/// Changes that wait for the store. More are dropped with a warning.
const MAX_DEFERRED_CHANGES: usize = 1_024;

/// Answers that are on their way to the embedder.
#[derive(Default)]
pub(crate) struct EmbedderAnswers {
    dispatches: HashMap<Call, Sender<Result<EventOutcome, DispatchError>>>,
    removals: HashMap<Call, Sender<Result<u64, RemoveError>>>,
    clears: HashMap<Call, Clearing>,
    deferred: Vec<Change>,
}

/// Data of sites on their way out.
struct Clearing {
    reply: Sender<Result<u64, RemoveError>>,
    /// How many registrations there were.
    registrations: Option<Result<u64, RemoveError>>,
    history: History,
    workers: Option<Result<(), StoreFault>>,
}

/// Whether the journal is cleared on the medium.
enum History {
    /// By this batch for the store, once it is done.
    In(u64),
    Done(Result<(), StoreFault>),
}

impl Clearing {
    /// The answer, once all has gone or could not.
    fn outcome(&self) -> Option<Result<u64, RemoveError>> {
        let (Some(registrations), History::Done(history), Some(workers)) =
            (&self.registrations, &self.history, &self.workers)
        else {
            return None;
        };
        let storage = |fault: &StoreFault| RemoveError::Storage(fault.clone());
        let others = history.as_ref().and(workers.as_ref());
        Some(match (registrations, others) {
            (Ok(_), Err(fault)) => Err(storage(fault)),
            (registrations, _) => registrations.clone(),
        })
    }
}

impl EmbedderAnswers {
    pub fn dispatch(&mut self, call: Call, reply: Sender<Result<EventOutcome, DispatchError>>) {
        self.dispatches.insert(call, reply);
    }

    pub fn remove(&mut self, call: Call, reply: Sender<Result<u64, RemoveError>>) {
        self.removals.insert(call, reply);
    }

    /// The history waits for [`EmbedderAnswers::set_history_batch`].
    pub fn clear(&mut self, call: Call, reply: Sender<Result<u64, RemoveError>>) {
        let clearing = Clearing {
            reply,
            registrations: None,
            history: History::In(u64::MAX),
            workers: None,
        };
        self.clears.insert(call, clearing);
    }

    /// The batch that takes the history away; `None`: there is nothing to take.
    pub fn set_history_batch(&mut self, call: Call, batch: Option<u64>) {
        if let Some(clearing) = self.clears.get_mut(&call) {
            clearing.history = batch.map_or(History::Done(Ok(())), History::In);
        }
        self.answer_clears();
    }

    /// All batches up to this one are done.
    pub fn handle_history_stored(&mut self, batch: u64, result: &Result<(), StoreFault>) {
        for clearing in self.clears.values_mut() {
            if matches!(clearing.history, History::In(number) if number <= batch) {
                clearing.history = History::Done(result.clone());
            }
        }
        self.answer_clears();
    }

    pub fn handle_workers_cleared(&mut self, call: Call, result: Result<(), StoreFault>) {
        if let Some(clearing) = self.clears.get_mut(&call) {
            clearing.workers = Some(result);
        }
        self.answer_clears();
    }

    /// No worker will be forgotten any more.
    pub fn handle_workers_gone(&mut self, fault: &StoreFault) {
        for clearing in self.clears.values_mut() {
            clearing.workers.get_or_insert_with(|| Err(fault.clone()));
        }
        self.answer_clears();
    }

    /// Whether somebody waits for workers to be forgotten.
    pub fn wait_for_workers(&self) -> bool {
        let mut clears = self.clears.values();
        clears.any(|clearing| clearing.workers.is_none())
    }

    /// Whether somebody waits for the store to forget.
    pub fn wait_for_history(&self) -> bool {
        let mut clears = self.clears.values();
        clears.any(|clearing| matches!(clearing.history, History::In(_)))
    }

    /// Returns the answer if it is for somebody else.
    pub fn answer(&mut self, call: Call, answer: Answer) -> Option<Answer> {
        match answer {
            Answer::Dispatched(result) => {
                if let Some(reply) = self.dispatches.remove(&call) {
                    let _ = reply.send(result);
                }
                None
            }
            Answer::Removed(result) => {
                if let Some(reply) = self.removals.remove(&call) {
                    let _ = reply.send(result);
                } else if let Some(clearing) = self.clears.get_mut(&call) {
                    clearing.registrations = Some(result);
                    self.answer_clears();
                }
                None
            }
            answer => Some(answer),
        }
    }

    pub fn refuse_all(&mut self) {
        for (_, reply) in self.dispatches.drain() {
            let _ = reply.send(Err(DispatchError::ShuttingDown));
        }
        let clears = self.clears.drain().map(|(_, clearing)| clearing.reply);
        for reply in self.removals.drain().map(|(_, reply)| reply).chain(clears) {
            let _ = reply.send(Err(RemoveError::ShuttingDown));
        }
    }

    fn answer_clears(&mut self) {
        self.clears.retain(|_, clearing| match clearing.outcome() {
            Some(outcome) => {
                // Whoever asked and does not wait any more has no use for it.
                let _ = clearing.reply.send(outcome);
                false
            }
            None => true,
        });
    }

    /// Refuses a change that needs the store, and keeps it for when there is one.
    pub fn defer(&mut self, mut change: Change, fault: StoreFault) {
        refuse(&mut change, fault);
        if matches!(change, Change::DispatchNow(..)) {
            // It is for now, or not at all.
        } else if self.deferred.len() < MAX_DEFERRED_CHANGES {
            self.deferred.push(change);
        } else {
            log::warn!("too much waits for the store: a change is left out");
        }
    }

    /// The changes that have waited for the store.
    pub fn take_deferred(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.deferred)
    }
}

/// Nobody waits for it any more: the answer is that it can't be stored.
fn refuse(change: &mut Change, fault: StoreFault) {
    match change {
        Change::DispatchNow(_, reply) => {
            let _ = reply.send(Err(DispatchError::NotNow));
        }
        Change::Unregister(_, reply) | Change::Clear(_, reply) => {
            let _ = reply.send(Err(RemoveError::Storage(fault)));
            *reply = bounded(1).0;
        }
        Change::ExtraInterval(..) | Change::Revoked(..) | Change::WorkerUnregistered(_) => {}
    }
}
