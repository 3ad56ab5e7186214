//! Starting a manager.

use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use background_sync_core::{SchedulerConfig, SyncScheduler};
use background_sync_store::{MemoryStore, RedbStore, RegistrationStore, StoreError};
use background_sync_traits::{AuthorityIssuer, SyncClient, SyncManagerMessage};
use crossbeam_channel::{Receiver, unbounded};

use crate::clients::Clients;
use crate::embedder_calls::EmbedderCalls;
use crate::events::RunningEvents;
use crate::journal::Journal;
use crate::manager::{Inputs, Manager};
use crate::outbox::Outbox;
use crate::rate_limit::RateLimitedLog;
use crate::shift::Shift;
use crate::unavailable::Unavailable;
use crate::workers::Workers;
use crate::{
    Config, Embedder, Engine, StartError, Storage, SyncManagerControl, SyncManagerThread, crew,
    writer,
};

/// Starts managers. Not a value: see [`SyncManagerThread`] and [`SyncManagerControl`].
#[derive(Debug)]
pub enum SyncManager {}

impl SyncManager {
    /// Opens the store and starts the manager's thread. It goes on when `messages` is closed, and
    /// ends with [`SyncManagerThread::shutdown`].
    ///
    /// # Errors
    /// [`StartError`] if the store can't be opened or no thread can be started.
    pub fn spawn<C: SyncClient, E: Display + Send + 'static>(
        config: Config,
        messages: Receiver<Result<SyncManagerMessage<C>, E>>,
        engine: Box<dyn Engine>,
        embedder: Box<dyn Embedder>,
    ) -> Result<SyncManagerThread, StartError> {
        let store: Box<dyn RegistrationStore> = match &config.storage {
            Storage::Memory => Box::new(MemoryStore::new()),
            Storage::Directory(folder) => Box::new(RedbStore::open(folder)?),
        };
        Self::spawn_with_store(config, store, messages, engine, embedder)
    }

    /// As [`SyncManager::spawn`], with a store of the embedder's own for registrations;
    /// `config.storage` is used for workers.
    ///
    /// # Errors
    /// As [`SyncManager::spawn`].
    pub fn spawn_with_store<C: SyncClient, E: Display + Send + 'static>(
        config: Config,
        mut store: Box<dyn RegistrationStore>,
        messages: Receiver<Result<SyncManagerMessage<C>, E>>,
        engine: Box<dyn Engine>,
        embedder: Box<dyn Embedder>,
    ) -> Result<SyncManagerThread, StartError> {
        let loaded = store.load_all()?;
        let unreadable =
            |error: StoreError| log::error!("the journal can't be read in full: {error}");
        let journal = store.load_journal().map_err(unreadable).unwrap_or_default();
        let next_entry = store.next_journal_sequence().map_err(unreadable);
        let journal = Journal::new(journal, next_entry.unwrap_or_default());
        let retry_delay = Duration::from_millis(config.policy.local_fault_delay_ms);
        let (workers, from_workers) = Workers::spawn(&config.storage, retry_delay)?;
        let (mut outbox, batches) = Outbox::new(config.policy.durability);
        let (committed_out, committed) = unbounded();
        outbox.set_writer(writer::spawn(store, batches, committed_out)?);
        let (control_out, control) = unbounded();
        let (questions_out, answers) = unbounded();
        let (released_out, released) = unbounded();
        let seed = RandomState::new().hash_one(0);
        let scheduler_config = SchedulerConfig::new(config.policy, config.connectivity, seed);
        let manager = Manager {
            scheduler: SyncScheduler::new(scheduler_config),
            clients: Clients::new(),
            events: RunningEvents::default(),
            engine,
            embedder,
            questions_out,
            outbox,
            misbehaviour: RateLimitedLog::default(),
            journal,
            embedder_calls: EmbedderCalls::default(),
            workers,
            issuer: AuthorityIssuer::new(),
            ending: false,
        };
        let inputs = Inputs {
            messages,
            control,
            answers,
            committed,
            from_workers,
            released,
        };
        let shift = Shift::new(manager, inputs, loaded);
        let thread = crew::spawn(shift, released_out)?;
        Ok(SyncManagerThread::new(
            SyncManagerControl {
                sender: control_out,
            },
            thread,
        ))
    }

    /// Starts a thread that refuses each `register()` with
    /// [`background_sync_core::RegisterError::Unavailable`] and this reason.
    ///
    /// # Panics
    /// If the system can't start a thread.
    #[must_use]
    pub fn spawn_unavailable<C: SyncClient, E: Display + Send + 'static>(
        reason: String,
        messages: Receiver<Result<SyncManagerMessage<C>, E>>,
    ) -> SyncManagerThread {
        let (sender, control) = unbounded();
        let (released_out, released) = unbounded();
        let work = Unavailable::new(reason, messages, control, released);
        let thread = crew::spawn(work, released_out).expect("the system starts threads");
        SyncManagerThread::new(SyncManagerControl { sender }, thread)
    }
}
