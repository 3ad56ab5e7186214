//! The store's thread: commits while the manager goes on, and everything that waits in one commit.

use std::thread::{self, JoinHandle};

use background_sync_core::{Durability, StoreFault, StoreOp, Ticket};
use background_sync_store::{JournalUpdate, RegistrationStore};
use crossbeam_channel::{Receiver, Sender};

use crate::StartError;

/// At most so many operations in one commit: when ten thousand events are to be dispatched, the first
/// of them leave while the attempts of the next are written.
const MAX_OPERATIONS_PER_COMMIT: usize = 2_048;

/// When a commit of several operations fails, each is tried by itself; after so many failures in a
/// row the medium is at fault, and the rest is not tried.
const MAX_FAILURES_IN_A_ROW: usize = 4;

/// Operations that belong into one commit, with the tickets to give back.
pub(crate) struct Batch {
    pub operations: Vec<(Ticket, StoreOp)>,
    pub journal: Option<JournalUpdate>,
    pub durability: Durability,
}

pub(crate) type Committed = Vec<(Ticket, Result<(), NotStored>)>;

/// What the store could not do.
pub(crate) struct NotStored {
    pub op: Box<StoreOp>,
    pub fault: StoreFault,
}

/// Starts the thread. It ends when `batches` is closed and empty.
pub(crate) fn spawn(
    store: Box<dyn RegistrationStore>,
    batches: Receiver<Batch>,
    committed: Sender<Committed>,
) -> Result<JoinHandle<()>, StartError> {
    let thread = thread::Builder::new().name("SyncStore".to_owned());
    Ok(thread.spawn(move || run(store, &batches, &committed))?)
}

fn run(
    mut store: Box<dyn RegistrationStore>,
    batches: &Receiver<Batch>,
    committed: &Sender<Committed>,
) {
    while let Ok(mut batch) = batches.recv() {
        while batch.operations.len() < MAX_OPERATIONS_PER_COMMIT
            && let Ok(more) = batches.try_recv()
        {
            batch.add(more);
        }
        if let Some(update) = batch.journal {
            // The commit that follows makes it durable.
            let durability = match batch.operations.is_empty() {
                true => batch.durability,
                false => Durability::Relaxed,
            };
            if let Err(error) = store.update_journal(&update, durability) {
                log::warn!("entries of the journal are lost: {error}");
            }
        }
        let mut operations = batch.operations.into_iter().peekable();
        while operations.peek().is_some() {
            let part = operations.by_ref().take(MAX_OPERATIONS_PER_COMMIT);
            let results = commit(store.as_mut(), part.collect(), batch.durability);
            if committed.send(results).is_err() {
                return;
            }
        }
    }
}

impl Batch {
    fn add(&mut self, more: Self) {
        self.operations.extend(more.operations);
        match (&mut self.journal, more.journal) {
            (Some(journal), Some(more)) => journal.merge(more),
            (journal @ None, more) => *journal = more,
            (Some(_), None) => {}
        }
        if more.durability == Durability::Strict {
            self.durability = Durability::Strict;
        }
    }
}

fn commit(
    store: &mut dyn RegistrationStore,
    operations: Vec<(Ticket, StoreOp)>,
    durability: Durability,
) -> Committed {
    let (tickets, operations): (Vec<_>, Vec<_>) = operations.into_iter().unzip();
    let fault = match store.commit(&operations, durability) {
        Ok(()) => return tickets.into_iter().map(|ticket| (ticket, Ok(()))).collect(),
        Err(error) => error,
    };
    log::warn!(
        "a commit of {} operations failed: {fault}",
        operations.len()
    );
    let mut last_fault = StoreFault {
        reason: fault.to_string(),
    };
    let mut failures = 0;
    let one = operations.len() == 1;
    let one_by_one = |op: StoreOp| {
        if !one && failures < MAX_FAILURES_IN_A_ROW {
            match store.commit(std::slice::from_ref(&op), durability) {
                Ok(()) => {
                    failures = 0;
                    return Ok(());
                }
                Err(error) => {
                    failures += 1;
                    let reason = error.to_string();
                    last_fault = StoreFault { reason };
                }
            }
        }
        let fault = last_fault.clone();
        let op = Box::new(op);
        Err(NotStored { op, fault })
    };
    tickets
        .into_iter()
        .zip(operations.into_iter().map(one_by_one))
        .collect()
}
