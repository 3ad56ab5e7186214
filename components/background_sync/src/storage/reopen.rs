//! If the store can't be opened at the start, because the disk is full or read-only, it is opened later.

use background_sync_core::{JournalEntry, MonoTime, StoreFault, SyncNotification};
use background_sync_store::{Loaded, MemoryStore, RedbStore, RegistrationStore, StoreError};
use crossbeam_channel::{Receiver, Sender};

use super::store_thread::StoreThread;
use super::writer::{Batch, Committed};
use crate::config::{Config, Storage};
use crate::time::clock;

/// When something needs the store, opening it is not tried more often than this, in milliseconds. By itself it is tried
/// again after [`background_sync_core::Policy::local_fault_delay_ms`].
const LEAST_REOPEN_DELAY_MS: u64 = 1_000;

/// A store and all that it has.
pub(crate) struct Opened {
    pub store: Box<dyn RegistrationStore>,
    pub found: Found,
}

/// What a store has when it is opened.
pub(crate) struct Found {
    pub loaded: Loaded,
    pub journal: Vec<JournalEntry>,
    pub next_entry: u64,
}

impl Found {
    /// What could not be read, for the embedder.
    pub fn set_aside(&self) -> Option<SyncNotification> {
        for record in &self.loaded.set_aside {
            log::error!(
                "registration {} is set aside: {}",
                record.id.0,
                record.reason
            );
        }
        let records = u64::try_from(self.loaded.set_aside.len()).unwrap_or(u64::MAX);
        let file = self.loaded.set_aside_file.as_ref();
        let file = file.map(|path| path.display().to_string());
        (records > 0 || file.is_some()).then_some(SyncNotification::SetAside { records, file })
    }
}

impl Opened {
    pub fn open(storage: &Storage) -> Result<Self, StoreError> {
        Self::read(match storage {
            Storage::Memory => Box::new(MemoryStore::new()),
            Storage::Directory(folder) => Box::new(RedbStore::open(folder)?),
        })
    }

    pub fn read(mut store: Box<dyn RegistrationStore>) -> Result<Self, StoreError> {
        let loaded = store.load_all()?;
        let unreadable =
            |error: StoreError| log::error!("the journal can't be read in full: {error}");
        let journal = store.load_journal().map_err(unreadable);
        let next_entry = store.next_journal_sequence().map_err(unreadable);
        let found = Found {
            loaded,
            journal: journal.unwrap_or_default(),
            next_entry: next_entry.unwrap_or_default(),
        };
        Ok(Self { store, found })
    }
}

/// Stands for the store until it can be opened.
pub(super) struct Closed {
    storage: Storage,
    batches: Receiver<Batch>,
    committed: Sender<Committed>,
    fault: StoreFault,
    /// Whether the embedder was told of it, with a call that it has cost.
    is_told: bool,
    tried_at: MonoTime,
    retry_delay_ms: u64,
}

impl Closed {
    /// `error` is why it could not be opened now. The channels are for the store's thread.
    pub fn new(
        config: &Config,
        error: &StoreError,
        batches: Receiver<Batch>,
        committed: Sender<Committed>,
    ) -> Self {
        log::error!("no registration can be stored for now: {error}");
        Self {
            storage: config.storage.clone(),
            batches,
            committed,
            fault: error.into(),
            is_told: false,
            tried_at: clock::now().mono,
            retry_delay_ms: config.policy.local_fault_delay_ms,
        }
    }

    /// When it is tried again.
    pub fn retry_at(&self) -> MonoTime {
        self.tried_at.after_ms(self.retry_delay_ms)
    }

    /// Whether it may be tried again because something needs it.
    pub fn may_be_tried(&self, now: MonoTime) -> bool {
        now.ms_since(self.tried_at) >= LEAST_REOPEN_DELAY_MS
    }

    /// Why it can't be opened.
    pub fn fault(&self) -> &StoreFault {
        &self.fault
    }

    /// Whether the embedder is to be told: once for each attempt, as a page may ask again and again.
    pub fn tell(&mut self) -> bool {
        !std::mem::replace(&mut self.is_told, true)
    }

    /// Returns the store's thread, and what the store has.
    pub fn try_to_open(&mut self, now: MonoTime) -> Option<(StoreThread, Found)> {
        self.tried_at = now;
        self.is_told = false;
        let Opened { store, found } = Opened::open(&self.storage)
            .inspect_err(|error| self.fault = error.into())
            .ok()?;
        let thread = StoreThread::spawn(store, self.batches.clone(), self.committed.clone())
            .inspect_err(|error| self.fault = StoreFault::failed(error.to_string()))
            .ok()?;
        log::info!("registrations can be stored again");
        Some((thread, found))
    }
}
