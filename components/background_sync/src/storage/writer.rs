//! What commits. Each commit takes everything that waits.

use std::time::Instant;

use background_sync_core::{Durability, StoreFault, StoreOp, Ticket};
use background_sync_store::{FileSetAside, JournalUpdate, RegistrationStore, StoreError};

use super::pace::Pace;

/// At most so many operations in one commit: when ten thousand events are to be dispatched, the first
/// of them leave while the attempts of the next are written.
pub(super) const MAX_OPERATIONS_PER_COMMIT: usize = 2_048;

/// With more operations than these, a batch is not small. Nor is one with entries of the journal, which nobody waits for.
const FEW_OPERATIONS: usize = 8;

/// With more operations than these, the first commit may take fewer.
const MANY_OPERATIONS: usize = 32;

/// When a commit of several operations fails, each is tried by itself; after so many failures in a
/// row the medium is at fault, and the rest is not tried.
const MAX_FAILURES_IN_A_ROW: usize = 4;

/// So many relaxed operations may wait for the medium; with one more, all are made durable.
const MAX_UNDURABLE_OPERATIONS: usize = 1_024;

/// Operations that belong into one commit, with the tickets to give back. With none of them, and strict, it makes
/// durable what is not yet.
pub(crate) struct Batch {
    /// Later ones have higher numbers.
    pub number: u64,
    pub operations: Vec<(Ticket, StoreOp)>,
    pub journal: Option<JournalUpdate>,
    pub durability: Durability,
}

/// What became of operations.
pub(crate) struct Committed {
    pub results: Vec<Outcome>,
    /// With the last results of a batch.
    pub done: Option<Done>,
    pub set_aside: Option<FileSetAside>,
}

/// All up to a batch is done.
pub(crate) struct Done {
    /// Its number.
    pub batch: u64,
    /// An error means that stored entries may be missing or outdated, not only those of this batch.
    pub journal: Result<(), StoreFault>,
    pub medium: Medium,
}

/// What the medium has of what was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    HasAll,
    /// The end of the process may lose something.
    HasNotAll,
}

pub(crate) type Outcome = (Ticket, Result<(), NotStored>);

/// What the store could not do.
pub(crate) struct NotStored {
    pub op: Box<StoreOp>,
    pub fault: StoreFault,
}

pub(super) struct Writer {
    store: Box<dyn RegistrationStore>,
    /// What is committed, but not durable. A fault may take it from the store, which opens its file anew: then it is
    /// committed once more.
    undurable: Vec<StoreOp>,
    /// Whether a fault may have taken them.
    at_risk: bool,
    /// Whether entries of the journal are committed, but not durable.
    journal_undurable: bool,
    /// The fault that may have taken them, until the manager is told: it sends all entries again.
    journal_lost: Option<StoreFault>,
    pace: Pace,
}

impl Batch {
    pub fn is_small(&self) -> bool {
        self.operations.len() <= FEW_OPERATIONS && self.journal.is_none()
    }

    pub fn add(&mut self, more: Self) {
        self.number = more.number;
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

impl Writer {
    pub fn new(store: Box<dyn RegistrationStore>) -> Self {
        Self {
            store,
            undurable: Vec::new(),
            at_risk: false,
            journal_undurable: false,
            journal_lost: None,
            pace: Pace::default(),
        }
    }

    /// Whether a commit takes less time than two threads take to hand it over.
    pub fn is_fast(&self) -> bool {
        self.pace.is_fast()
    }

    /// What became of the batch is told in parts. `first_part` is how many of many operations the first commit takes.
    pub fn write(&mut self, batch: Batch, first_part: usize, tell: impl FnMut(Committed)) {
        let is_small = batch.is_small();
        let started = Instant::now();
        self.write_parts(batch, first_part, tell);
        match is_small {
            true => self.pace.handle_small_commit(started.elapsed()),
            false => self.pace.handle_large_commit(started.elapsed()),
        }
    }

    fn write_parts(&mut self, batch: Batch, first_part: usize, mut tell: impl FnMut(Committed)) {
        let Batch {
            number,
            operations,
            journal,
            mut durability,
        } = batch;
        if self.undurable.len() + operations.len() > MAX_UNDURABLE_OPERATIONS {
            durability = Durability::Strict;
        }
        let earlier_entries = self.journal_undurable;
        let mut entries = Ok(());
        if let Some(update) = &journal {
            // The commit that follows makes it durable.
            let alone = match operations.is_empty() {
                true => durability,
                false => Durability::Relaxed,
            };
            entries = self.update_journal(update, alone);
        }
        if operations.is_empty() && durability == Durability::Strict {
            self.flush();
        }
        let mut size = match operations.len() > MANY_OPERATIONS {
            true => first_part,
            false => MAX_OPERATIONS_PER_COMMIT,
        };
        let mut operations = operations.into_iter().peekable();
        while operations.peek().is_some() {
            let part = operations.by_ref().take(size);
            size = MAX_OPERATIONS_PER_COMMIT;
            let results = self.commit(part.collect(), durability);
            if operations.peek().is_some() {
                tell(self.report(results, None));
                continue;
            }
            // A fault of an operation costs no entries.
            if let (Ok(()), false, Some(update)) = (&entries, earlier_entries, &journal)
                && self.journal_lost.take().is_some()
            {
                entries = self.update_journal(update, durability);
            }
            let done = self.done(number, entries);
            return tell(self.report(results, Some(done)));
        }
        let done = self.done(number, entries);
        tell(self.report(Vec::new(), Some(done)));
    }

    fn report(&mut self, results: Vec<Outcome>, done: Option<Done>) -> Committed {
        Committed {
            results,
            done,
            set_aside: self.store.take_file_set_aside(),
        }
    }

    fn done(&mut self, batch: u64, entries: Result<(), StoreFault>) -> Done {
        let journal = match self.journal_lost.take() {
            Some(fault) => Err(fault),
            None => entries,
        };
        let medium = match self.undurable.is_empty() && !self.journal_undurable {
            true => Medium::HasAll,
            false => Medium::HasNotAll,
        };
        Done {
            batch,
            journal,
            medium,
        }
    }

    fn update_journal(
        &mut self,
        update: &JournalUpdate,
        durability: Durability,
    ) -> Result<(), StoreFault> {
        let updated = self.store.update_journal(update, durability);
        self.note(&updated, durability);
        self.journal_undurable |= updated.is_ok() && durability == Durability::Relaxed;
        updated.map_err(|error| StoreFault::from(&error))
    }

    /// Makes durable what is not yet.
    fn flush(&mut self) {
        if let Err(error) = self.commit_all(&[], Durability::Strict) {
            log::warn!("what was relaxed is not durable yet: {error}");
        }
    }

    /// Notes what the result of a change means for the changes before it.
    fn note(&mut self, result: &Result<(), StoreError>, durability: Durability) {
        match result {
            Ok(()) if durability == Durability::Strict => {
                // What a fault has taken is not in the store.
                if !self.at_risk {
                    self.undurable.clear();
                }
                self.journal_undurable = false;
            }
            Ok(()) => {}
            Err(error) => {
                self.at_risk = !self.undurable.is_empty();
                if std::mem::take(&mut self.journal_undurable) {
                    self.journal_lost = Some(error.into());
                }
            }
        }
    }

    fn commit(
        &mut self,
        operations: Vec<(Ticket, StoreOp)>,
        durability: Durability,
    ) -> Vec<Outcome> {
        let (tickets, operations): (Vec<_>, Vec<_>) = operations.into_iter().unzip();
        let error = match self.commit_all(&operations, durability) {
            Ok(()) => {
                self.keep_if_relaxed(operations, durability);
                return tickets.into_iter().map(|ticket| (ticket, Ok(()))).collect();
            }
            Err(error) => error,
        };
        let count = operations.len();
        log::warn!("a commit of {count} operations failed: {error}");
        let mut last_fault = StoreFault::from(&error);
        let mut failures = 0;
        let one_by_one = |op: StoreOp| {
            if count > 1 && failures < MAX_FAILURES_IN_A_ROW {
                match self.commit_all(std::slice::from_ref(&op), durability) {
                    Ok(()) => {
                        failures = 0;
                        self.keep_if_relaxed(vec![op], durability);
                        return Ok(());
                    }
                    Err(error) => {
                        failures += 1;
                        last_fault = StoreFault::from(&error);
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

    /// All of them or none; after what a fault may have taken.
    fn commit_all(
        &mut self,
        operations: &[StoreOp],
        durability: Durability,
    ) -> Result<(), StoreError> {
        if self.at_risk {
            self.store.commit(&self.undurable, Durability::Strict)?;
            self.at_risk = false;
            self.undurable.clear();
        }
        let committed = self.store.commit(operations, durability);
        self.note(&committed, durability);
        committed
    }

    fn keep_if_relaxed(&mut self, operations: Vec<StoreOp>, durability: Durability) {
        if durability == Durability::Relaxed {
            self.undurable.extend(operations);
        }
    }
}

#[cfg(test)]
mod tests;
