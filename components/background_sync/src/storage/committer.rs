//! Decides what is stored, and when it is committed.

use background_sync_core::{Durability, MonoTime, StoreFault, StoreOp, Ticket, Urgency};
use background_sync_store::{JournalUpdate, StoreError};
use crossbeam_channel::{Receiver, Sender, unbounded};

use super::reopen::{Closed, Found, Opened};
use super::store_thread::StoreThread;
use super::writer::{Batch, Committed, Done, Medium};
use crate::config::{Config, StartError};

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
const JOURNAL_RETRY_MS: u64 = 30_000;

/// What has to be committed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    /// The operations, but not the journal: nobody waits for that.
    Operations,
    All(Durability),
}

pub(crate) struct Committer {
    /// Until it ends.
    batches: Option<Sender<Batch>>,
    /// The store's thread, once there is one.
    thread: Option<StoreThread>,
    /// The last batch that the thread was given, until it is done.
    in_thread: Option<u64>,
    /// Until the manager would sleep.
    held: Option<Batch>,
    /// Until the store is open.
    closed: Option<Closed>,
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

impl Committer {
    /// Also returns where it is told what was committed, and what the store has if it could be opened.
    pub fn start(
        config: &Config,
        opened: Result<Opened, StoreError>,
    ) -> Result<(Self, Receiver<Committed>, Option<Found>), StartError> {
        let (batches, batches_in) = unbounded();
        let (committed_out, committed) = unbounded();
        let (thread, closed, found) = match opened {
            Ok(Opened { store, found }) => {
                let thread = StoreThread::spawn(store, batches_in, committed_out)?;
                (Some(thread), None, Some(found))
            }
            Err(error) => {
                let closed = Closed::new(config, &error, batches_in, committed_out);
                (None, Some(closed), None)
            }
        };
        let committer = Self {
            batches: Some(batches),
            thread,
            in_thread: None,
            held: None,
            closed,
            durability: config.policy.durability,
            operations: Vec::new(),
            strict: false,
            commit_at: None,
            flush_at: None,
            next_batch: 1,
        };
        Ok((committer, committed, found))
    }

    /// Something needs the store. Until it is open, nothing that is stored is known. Returns what it has if it was opened
    /// by this.
    pub fn need(&mut self, now: MonoTime) -> Result<Option<Found>, StoreFault> {
        let may_be_tried = |closed: &mut Closed| closed.may_be_tried(now);
        if self.closed.as_mut().is_some_and(may_be_tried)
            && let Some(found) = self.try_to_open(now)
        {
            return Ok(Some(found));
        }
        match &self.closed {
            Some(closed) => Err(closed.fault().clone()),
            None => Ok(None),
        }
    }

    /// Tries again if it is time.
    pub fn open_if_due(&mut self, now: MonoTime) -> Option<Found> {
        match self.closed.as_ref()?.retry_at() <= now {
            true => self.try_to_open(now),
            false => None,
        }
    }

    fn try_to_open(&mut self, now: MonoTime) -> Option<Found> {
        let (thread, found) = self.closed.as_mut()?.try_to_open(now)?;
        self.thread = Some(thread);
        self.closed = None;
        // What has happened meanwhile.
        self.commit_soon(now);
        Some(found)
    }

    pub fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// Whether the embedder is to be told of a call that is refused because there is no store.
    pub fn tell_of_refusal(&mut self) -> bool {
        self.closed.as_mut().is_some_and(Closed::tell)
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

    fn commit_by(&mut self, at: MonoTime) {
        self.commit_at = Some(self.commit_at.map_or(at, |before| before.min(at)));
    }

    /// Has the next strict commit made, also if there is nothing to commit.
    pub fn flush_by(&mut self, at: MonoTime) {
        self.flush_at.get_or_insert(at);
    }

    /// All of a batch is committed, or could not be.
    pub fn handle_done(&mut self, now: MonoTime, done: &Done) {
        if self.in_thread.is_some_and(|number| number <= done.batch) {
            self.in_thread = None;
        }
        if done.medium == Medium::HasNotAll {
            self.flush_by(now.after_ms(RELAXED_WINDOW_MS));
        }
        if done.journal.is_err() {
            self.commit_by(now.after_ms(JOURNAL_RETRY_MS));
        }
    }

    /// When something is due.
    pub fn poll_timeout(&self) -> Option<MonoTime> {
        let reopen = self.closed.iter().map(Closed::retry_at);
        let commits = self.commit_at.into_iter().chain(self.flush_at);
        commits.chain(reopen).min()
    }

    /// What has to be committed now; `urgency` is that of what was added.
    pub fn due(&mut self, now: MonoTime, urgency: Urgency) -> Due {
        let is_due = |at: Option<MonoTime>| at.is_some_and(|at| at <= now);
        if self.closed.is_some() {
            // What is in the journal waits with it.
            self.commit_at = None;
            Due::Nothing
        } else if is_due(self.flush_at) {
            Due::All(Durability::Strict)
        } else if is_due(self.commit_at) || self.operations.len() >= MAX_LAZY_OPERATIONS {
            Due::All(self.durability)
        } else if urgency == Urgency::Now {
            Due::Operations
        } else {
            Due::Nothing
        }
    }

    /// Has everything committed. Returns the number of the batch, if there is something.
    pub fn commit(&mut self, durability: Durability, update: Option<JournalUpdate>) -> Option<u64> {
        self.commit_at = None;
        self.send_batch(durability, update)
    }

    /// Has the operations committed, but not the journal.
    pub fn commit_operations(&mut self, journal_has_news: bool) {
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
        match &mut self.held {
            Some(held) => held.add(batch),
            held @ None => *held = Some(batch),
        }
        Some(number)
    }

    /// To be called before the manager sleeps. What is to be committed is written at once if nobody else waits for the
    /// manager, and the medium is fast: two threads take longer to hand it over. Returns what became of it; nothing if the
    /// store's thread has it.
    pub fn write_held(&mut self, others: Others) -> Vec<Committed> {
        let Some(batch) = self.held.take() else {
            return Vec::new();
        };
        let unwritten = match &self.thread {
            Some(thread) if others == Others::Nobody && self.in_thread.is_none() => {
                thread.write_here(batch)
            }
            _ => Err(batch),
        };
        match unwritten {
            Ok(committed) => committed,
            Err(batch) => {
                self.hand_over(batch);
                Vec::new()
            }
        }
    }

    fn hand_over(&mut self, batch: Batch) {
        self.in_thread = Some(batch.number);
        // The store's thread lives as long as this sender.
        if let Some(batches) = &self.batches {
            let _ = batches.send(batch);
        }
    }
}

/// Who waits for the manager besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    Nobody,
    /// Or the end is near.
    Waiting,
}

/// The store is closed when it has been dropped.
impl Drop for Committer {
    fn drop(&mut self) {
        self.write_held(Others::Waiting);
        drop(self.batches.take());
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            log::error!("the SyncStore thread had panicked");
        }
    }
}
