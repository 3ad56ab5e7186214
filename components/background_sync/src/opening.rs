//! A store that can't be opened at the start, because the disk is full or read-only, is opened later.

use background_sync_core::{
    Call, DispatchError, JournalEntry, MonoTime, Now, RegisterError, RemoveError, StoreFault,
    UnregisterError,
};
use background_sync_store::{Loaded, MemoryStore, RedbStore, RegistrationStore, StoreError};
use background_sync_traits::{SyncClient, SyncRequest, SyncResponse};
use crossbeam_channel::{Receiver, Sender, bounded};

use crate::control::Change;
use crate::manager::Manager;
use crate::writer::{Batch, Committed};
use crate::{Storage, clock, writer};

/// When something needs the store, opening it is not tried more often than this, in milliseconds. By itself it is tried
/// again after [`background_sync_core::Policy::local_fault_delay_ms`].
const LEAST_REOPEN_DELAY_MS: u64 = 1_000;

/// Changes that wait for the store. More are dropped with a warning.
const MAX_DEFERRED_CHANGES: usize = 1_024;

/// A store and all that it has.
pub(crate) struct Opened {
    pub store: Box<dyn RegistrationStore>,
    pub loaded: Loaded,
    pub journal: Vec<JournalEntry>,
    pub next_entry: u64,
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
        Ok(Self {
            store,
            loaded,
            journal: journal.unwrap_or_default(),
            next_entry: next_entry.unwrap_or_default(),
        })
    }
}

/// Stands for the store until it can be opened.
pub(crate) struct Closed {
    storage: Storage,
    batches: Receiver<Batch>,
    committed: Sender<Committed>,
    fault: StoreFault,
    tried_at: MonoTime,
    retry_delay_ms: u64,
    deferred: Vec<Change>,
}

impl Closed {
    /// `error` is why it could not be opened now. The channels are for the store's thread.
    pub fn new(
        storage: Storage,
        error: &StoreError,
        retry_delay_ms: u64,
        batches: Receiver<Batch>,
        committed: Sender<Committed>,
    ) -> Self {
        log::error!("no registration can be stored for now: {error}");
        Self {
            storage,
            batches,
            committed,
            fault: fault_of(error),
            tried_at: clock::now().mono,
            retry_delay_ms,
            deferred: Vec::new(),
        }
    }

    /// When it is tried again.
    pub fn retry_at(&self) -> MonoTime {
        self.tried_at.after_ms(self.retry_delay_ms)
    }
}

impl<C: SyncClient> Manager<C> {
    /// Something needs the store. Until it is open, nothing that is stored is known.
    pub(crate) fn need_store(&mut self, now: Now) -> Result<(), StoreFault> {
        if let Some(closed) = &self.closed
            && now.mono.ms_since(closed.tried_at) >= LEAST_REOPEN_DELAY_MS
        {
            self.try_to_open(now);
        }
        match &self.closed {
            Some(closed) => Err(closed.fault.clone()),
            None => Ok(()),
        }
    }

    /// Tries again if it is time.
    pub(crate) fn open_if_due(&mut self, now: Now) {
        let closed = self.closed.as_ref();
        if closed.is_some_and(|closed| closed.retry_at() <= now.mono) {
            self.try_to_open(now);
        }
    }

    fn try_to_open(&mut self, now: Now) {
        let Some(closed) = &mut self.closed else {
            return;
        };
        closed.tried_at = now.mono;
        let opened = match Opened::open(&closed.storage) {
            Ok(opened) => opened,
            Err(error) => return closed.fault = fault_of(&error),
        };
        let (batches, committed) = (closed.batches.clone(), closed.committed.clone());
        match writer::spawn(opened.store, batches, committed) {
            Ok(writer) => self.outbox.set_writer(writer),
            Err(error) => {
                let reason = error.to_string();
                closed.fault = StoreFault { reason };
                return;
            }
        }
        log::info!("registrations can be stored again");
        let deferred = std::mem::take(&mut closed.deferred);
        self.closed = None;
        self.journal.adopt(opened.journal, opened.next_entry);
        self.outbox.commit_soon(now.mono);
        self.load(opened.loaded);
        for change in deferred {
            self.change(now, change);
        }
    }

    /// Answers a change that needs the store, and makes it when there is one.
    pub(crate) fn defer(&mut self, mut change: Change, fault: StoreFault) {
        change.refuse(fault);
        let Some(closed) = &mut self.closed else {
            return;
        };
        if matches!(change, Change::DispatchNow { .. }) {
            // It is for now, or not at all.
        } else if closed.deferred.len() < MAX_DEFERRED_CHANGES {
            closed.deferred.push(change);
        } else {
            log::warn!("too much waits for the store: a change is left out");
        }
    }

    /// Answers a call that needs the store. Returns whether it does.
    pub(crate) fn refuse_for_storage(&mut self, call: Call, fault: StoreFault) -> bool {
        let Some((_, request)) = self.clients.request(call) else {
            return true;
        };
        let reason = fault.reason;
        let response = match request {
            SyncRequest::Register { .. }
            | SyncRequest::RegisterPeriodic { .. }
            | SyncRequest::RegisterExplainer { .. } => {
                SyncResponse::Registered(Err(RegisterError::Storage { reason }))
            }
            SyncRequest::UnregisterPeriodic { .. } | SyncRequest::UnregisterExplainer { .. } => {
                SyncResponse::Unregistered(Err(UnregisterError::Storage { reason }))
            }
            SyncRequest::GetTags
            | SyncRequest::GetPeriodicTags
            | SyncRequest::GetExplainerIds
            | SyncRequest::QueryPermission { .. } => return false,
        };
        // Nothing waits for promises that are refused.
        let _ = self.clients.respond(call, response);
        true
    }
}

impl Change {
    /// Nobody waits for it any more: the answer is that it can't be stored.
    fn refuse(&mut self, fault: StoreFault) {
        match self {
            Self::DispatchNow { reply, .. } => {
                let _ = reply.send(Err(DispatchError::NotNow));
            }
            Self::Unregister { reply, .. } | Self::Clear { reply, .. } => {
                let _ = reply.send(Err(RemoveError::Storage(fault)));
                *reply = bounded(1).0;
            }
            Self::ExtraInterval { .. } | Self::Revoked { .. } | Self::WorkerUnregistered(_) => {}
        }
    }
}

fn fault_of(error: &StoreError) -> StoreFault {
    StoreFault {
        reason: error.to_string(),
    }
}
