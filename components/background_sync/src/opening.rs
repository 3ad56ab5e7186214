//! A store that can't be opened at the start, because the disk is full or read-only, is opened later.

use background_sync_core::{
    Call, DispatchError, JournalEntry, MonoTime, Now, RemoveError, StoreFault, SyncApi,
    SyncNotification, Tag,
};
use background_sync_store::{Loaded, MemoryStore, RedbStore, RegistrationStore, StoreError};
use background_sync_traits::{SyncClient, SyncRequest};
use crossbeam_channel::{Receiver, Sender, bounded};

use crate::control::Change;
use crate::limits::{Hindrance, refuse};
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
    /// Whether the embedder was told of it, with a call that it has cost.
    is_told: bool,
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
            fault: error.into(),
            is_told: false,
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
        closed.is_told = false;
        let opened = match Opened::open(&closed.storage) {
            Ok(opened) => opened,
            Err(error) => return closed.fault = (&error).into(),
        };
        let (batches, committed) = (closed.batches.clone(), closed.committed.clone());
        match writer::spawn(opened.store, batches, committed) {
            Ok(writer) => self.outbox.set_writer(writer),
            Err(error) => {
                closed.fault = StoreFault::failed(error.to_string());
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
    pub(crate) fn refuse_for_storage(&mut self, now: Now, call: Call, fault: StoreFault) -> bool {
        let Some((_, request)) = self.clients.request(call) else {
            return true;
        };
        if subject(&request).is_none() {
            return false;
        }
        let response = refuse(&request, Hindrance::Storage(fault.problem));
        // Once for each attempt to open it: a page may ask again and again.
        let closed = self.closed.as_mut();
        if closed.is_some_and(|closed| !std::mem::replace(&mut closed.is_told, true)) {
            self.notify_of_fault(now, call, fault);
        }
        // Nothing waits for promises that are refused.
        let _ = self.clients.respond(call, response);
        true
    }

    /// Tells the embedder the particulars of what a call is refused for.
    pub(crate) fn notify_of_fault(&mut self, now: Now, call: Call, fault: StoreFault) {
        let Some((scope, request)) = self.clients.request(call) else {
            return;
        };
        if let Some((api, Some(tag))) = subject(&request) {
            let failed = SyncNotification::StorageFailed {
                api,
                scope,
                tag: tag.clone(),
                fault,
            };
            self.notify(now, failed);
        }
    }
}

/// What a call changes; there is no tag if it is too long for one. `None`: it changes nothing.
fn subject(request: &SyncRequest) -> Option<(SyncApi, Option<&Tag>)> {
    match request {
        SyncRequest::Register { tag, .. } => Some((SyncApi::OneShot, tag.as_ref().ok())),
        SyncRequest::RegisterPeriodic { tag, .. } => Some((SyncApi::Periodic, tag.as_ref().ok())),
        SyncRequest::RegisterExplainer { id, .. } => Some((SyncApi::Explainer, id.as_ref().ok())),
        SyncRequest::UnregisterPeriodic { tag } => Some((SyncApi::Periodic, Some(tag))),
        SyncRequest::UnregisterExplainer { id } => Some((SyncApi::Explainer, Some(id))),
        SyncRequest::GetTags
        | SyncRequest::GetPeriodicTags
        | SyncRequest::GetExplainerIds
        | SyncRequest::QueryPermission { .. } => None,
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
