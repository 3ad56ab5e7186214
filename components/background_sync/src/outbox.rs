//! Store operations on their way to the store's thread, and when they have to leave.

use std::thread::JoinHandle;

use background_sync_core::{Durability, MonoTime, StoreOp, Ticket};
use background_sync_store::JournalUpdate;
use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::writer::{Batch, Medium};

/// A store operation that nobody waits for is committed after this time at the latest, in
/// milliseconds, and after so many of them.
const LAZY_COMMIT_MS: u64 = 500;
const MAX_LAZY_OPERATIONS: usize = 1_024;

/// With [`Durability::Relaxed`], what was answered is on the medium after this time, in milliseconds. What came later is
/// lost if the process is killed or power fails: registrations, and attempts, which then are not counted. Removals are
/// never relaxed: they are on the medium when they are answered.
pub const RELAXED_WINDOW_MS: u64 = 5_000;

/// Entries of the journal that could not be stored are tried again after this time, in milliseconds, or with the next
/// entry.
pub(crate) const JOURNAL_RETRY_MS: u64 = 30_000;

pub(crate) struct Outbox {
    /// Until it ends.
    batches: Option<Sender<Batch>>,
    /// The store's thread, once there is one.
    writer: Option<JoinHandle<()>>,
    durability: Durability,
    operations: Vec<(Ticket, StoreOp)>,
    /// Whether one of them is not to be lost, whatever the setting.
    strict: bool,
    /// When they and the journal leave.
    commit_at: Option<MonoTime>,
    /// When what was relaxed is made durable.
    flush_at: Option<MonoTime>,
    next_batch: u64,
}

impl Outbox {
    /// Also returns what the store's thread is to take.
    pub fn new(durability: Durability) -> (Self, Receiver<Batch>) {
        let (batches, batches_in) = unbounded();
        let outbox = Self {
            batches: Some(batches),
            writer: None,
            durability,
            operations: Vec::new(),
            strict: false,
            commit_at: None,
            flush_at: None,
            next_batch: 1,
        };
        (outbox, batches_in)
    }

    /// The store's thread has started.
    pub fn set_writer(&mut self, writer: JoinHandle<()>) {
        self.writer = Some(writer);
    }

    /// Whether nobody waits for this: the end of the process may lose what is relaxed anyway. What was removed stays
    /// removed, so that is waited for.
    pub fn answers_early(&self, op: &StoreOp) -> bool {
        self.durability == Durability::Relaxed && matches!(op, StoreOp::Put(_))
    }

    pub fn add(&mut self, now: MonoTime, ticket: Ticket, op: StoreOp) {
        self.strict |= !self.answers_early(&op);
        self.operations.push((ticket, op));
        self.commit_soon(now);
    }

    /// There is something here or in the journal that nobody waits for.
    pub fn commit_soon(&mut self, now: MonoTime) {
        self.commit_by(now.after_ms(LAZY_COMMIT_MS));
    }

    pub fn commit_by(&mut self, at: MonoTime) {
        self.commit_at = Some(self.commit_at.map_or(at, |before| before.min(at)));
    }

    /// There is no store yet.
    pub fn commit_later(&mut self) {
        self.commit_at = None;
    }

    /// Has the next strict commit made, also if there is nothing to commit.
    pub fn flush_by(&mut self, at: MonoTime) {
        self.flush_at.get_or_insert(at);
    }

    /// All of a batch is committed.
    pub fn handle_medium(&mut self, now: MonoTime, medium: Medium) {
        if medium == Medium::HasNotAll {
            self.flush_by(now.after_ms(RELAXED_WINDOW_MS));
        }
    }

    pub fn deadline(&self) -> Option<MonoTime> {
        self.commit_at.into_iter().chain(self.flush_at).min()
    }

    /// Whether all has to leave, and how durable it has to be then.
    pub fn due(&self, now: MonoTime) -> Option<Durability> {
        let is_due = |at: Option<MonoTime>| at.is_some_and(|at| at <= now);
        if is_due(self.flush_at) {
            Some(Durability::Strict)
        } else if is_due(self.commit_at) || self.operations.len() >= MAX_LAZY_OPERATIONS {
            Some(self.durability)
        } else {
            None
        }
    }

    /// Has everything committed. Returns the number of the batch, if there is something.
    pub fn send(&mut self, durability: Durability, journal: Option<JournalUpdate>) -> Option<u64> {
        self.commit_at = None;
        self.send_batch(durability, journal)
    }

    /// Has the operations committed, but not the journal: nobody waits for that.
    pub fn send_operations(&mut self, journal_has_news: bool) {
        if !journal_has_news {
            self.commit_at = None;
        }
        self.send_batch(self.durability, None);
    }

    fn send_batch(
        &mut self,
        durability: Durability,
        journal: Option<JournalUpdate>,
    ) -> Option<u64> {
        let durability = match std::mem::take(&mut self.strict) {
            true => Durability::Strict,
            false => durability,
        };
        let flushes = durability == Durability::Strict && self.flush_at.is_some();
        if self.operations.is_empty() && journal.is_none() && !flushes {
            return None;
        }
        if durability == Durability::Strict {
            self.flush_at = None;
        }
        let number = self.next_batch;
        self.next_batch += 1;
        let batch = Batch {
            number,
            operations: std::mem::take(&mut self.operations),
            journal,
            durability,
        };
        // The store's thread lives as long as this sender.
        if let Some(batches) = &self.batches {
            let _ = batches.send(batch);
        }
        Some(number)
    }
}

/// The store is closed when it has been dropped.
impl Drop for Outbox {
    fn drop(&mut self) {
        drop(self.batches.take());
        if self
            .writer
            .take()
            .is_some_and(|writer| writer.join().is_err())
        {
            log::error!("the SyncStore thread had panicked");
        }
    }
}
