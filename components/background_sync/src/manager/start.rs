//! Starts a manager. `SyncManager` is its owner's handle.

use std::fmt::{self, Display};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use background_sync_core::{SchedulerConfig, SyncScheduler};
use background_sync_store::{RegistrationStore, StoreError};
use background_sync_traits::{SyncClient, SyncManagerMessage};
use crossbeam_channel::{Receiver, unbounded};

use super::Manager;
use super::barrier::Barrier;
use super::client_calls::ClientCalls;
use super::event_loop::EventLoop;
use super::rooms::Rooms;
use super::unavailable::Unavailable;
use crate::config::{Config, StartError};
use crate::edge::{Admission, Clients};
use crate::embedder::{
    Embedder, EmbedderAnswers, Journal, Notifier, SyncManagerControl, SyncManagerThread,
};
use crate::engine::Engine;
use crate::storage::{Committer, Opened, OpenedWorkers, Workers};
use crate::time::alarm::Alarm;

/// Starts managers. Not a value: see [`SyncManagerThread`] and [`SyncManagerControl`].
#[derive(Debug)]
pub enum SyncManager {}

impl SyncManager {
    /// Opens the store and starts the manager's thread. It goes on when `messages` is closed, and
    /// ends with [`SyncManagerThread::shutdown`].
    ///
    /// A store that can't be opened because its disk is full, read-only or broken is opened as soon as that works: when
    /// something needs it, at most once a second, and after [`background_sync_core::Policy::local_fault_delay_ms`].
    /// Until then each `register()` is refused with [`background_sync_core::RegisterError::Storage`].
    ///
    /// # Errors
    /// [`StartError`] if another process has the store, a newer version made it, or no thread can be started.
    pub fn spawn<C: SyncClient, E: Display + Send + 'static>(
        config: Config,
        messages: Receiver<Result<SyncManagerMessage<C>, E>>,
        engine: Box<dyn Engine>,
        embedder: Box<dyn Embedder>,
    ) -> Result<SyncManagerThread, StartError> {
        SyncStores::open(config)?.spawn(messages, engine, embedder)
    }

    /// As [`SyncManager::spawn`], with a store of the embedder's own for registrations;
    /// `config.storage` is used for workers.
    ///
    /// # Errors
    /// [`StartError`] if the store can't be read or no thread can be started.
    pub fn spawn_with_store<C: SyncClient, E: Display + Send + 'static>(
        config: Config,
        store: Box<dyn RegistrationStore>,
        messages: Receiver<Result<SyncManagerMessage<C>, E>>,
        engine: Box<dyn Engine>,
        embedder: Box<dyn Embedder>,
    ) -> Result<SyncManagerThread, StartError> {
        let opened = Ok(Opened::read(store)?);
        let stores = SyncStores::with_registrations(config, opened);
        stores.spawn(messages, engine, embedder)
    }

    /// Starts a thread that refuses each `register()` with [`background_sync_core::RegisterError::Storage`] or
    /// [`background_sync_core::RegisterError::Unavailable`], by the kind of `error`; its text, which names files, is for
    /// the caller's log.
    /// Without a thread left, what is sent is dropped unanswered, which refuses it, too.
    #[must_use]
    pub fn spawn_unavailable<C: SyncClient, E: Display + Send + 'static>(
        error: &StartError,
        messages: Receiver<Result<SyncManagerMessage<C>, E>>,
    ) -> SyncManagerThread {
        let (control, control_in) = SyncManagerControl::new();
        let unavailable = Unavailable::new(error, messages, control_in);
        let thread = spawn_thread(move || unavailable.run())
            .inspect_err(|error| log::error!("nobody refuses what is asked: no thread: {error}"));
        SyncManagerThread::new(control, thread.ok(), Vec::new())
    }
}

/// What a manager keeps, opened before it starts. An engine may have a thread open it meanwhile: this waits for the disk.
pub struct SyncStores {
    config: Config,
    registrations: Result<Opened, StoreError>,
    workers: OpenedWorkers,
}

impl SyncStores {
    /// Opens what is in `config.storage`.
    ///
    /// # Errors
    /// [`StartError`] if another process has the store, or a newer version made it.
    pub fn open(config: Config) -> Result<Self, StartError> {
        let registrations = match Opened::open(&config.storage) {
            Err(error @ (StoreError::InUse { .. } | StoreError::TooNew { .. })) => {
                return Err(error.into());
            }
            opened => opened,
        };
        Ok(Self::with_registrations(config, registrations))
    }

    fn with_registrations(config: Config, registrations: Result<Opened, StoreError>) -> Self {
        let workers = OpenedWorkers::open(&config.storage);
        Self {
            config,
            registrations,
            workers,
        }
    }

    /// Starts the manager's thread, as [`SyncManager::spawn`] does.
    ///
    /// # Errors
    /// [`StartError::Thread`].
    pub fn spawn<C: SyncClient, E: Display + Send + 'static>(
        self,
        messages: Receiver<Result<SyncManagerMessage<C>, E>>,
        engine: Box<dyn Engine>,
        embedder: Box<dyn Embedder>,
    ) -> Result<SyncManagerThread, StartError> {
        let Self {
            config,
            registrations,
            workers,
        } = self;
        let retry_delay = Duration::from_millis(config.policy.local_fault_delay_ms);
        let (workers, from_workers, known) = Workers::spawn(workers, retry_delay)?;
        let (store, committed, found) = Committer::start(&config, registrations)?;
        let (control, control_in) = SyncManagerControl::new();
        let seed = RandomState::new().hash_one(0);
        let scheduler_config = SchedulerConfig::new(config.policy, config.connectivity, seed);
        let (clients, gone) = Clients::new();
        let rooms = Rooms {
            scheduler: SyncScheduler::new(scheduler_config),
            engine,
            admission: Admission::new(),
            clients,
            store,
            workers,
            journal: Journal::default(),
            notifier: Notifier::new(embedder),
            embedder_answers: EmbedderAnswers::default(),
        };
        let (questions, answered) = unbounded();
        let (barrier, made_durable) = Barrier::new();
        let event_loop = EventLoop {
            messages,
            control: control_in,
            answered,
            made_durable,
            gone,
            committed,
            from_workers,
            alarm: Alarm::new(),
            manager: Manager::new(ClientCalls::new(rooms, barrier, questions)),
        };
        let thread = spawn_thread(move || event_loop.run(found))?;
        Ok(SyncManagerThread::new(control, Some(thread), known))
    }
}

impl fmt::Debug for SyncStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncStores")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

fn spawn_thread(run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let thread = thread::Builder::new().name("SyncManager".to_owned());
    thread.spawn(run)
}
