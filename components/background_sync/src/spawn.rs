//! Starting a manager.

use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use background_sync_core::{SchedulerConfig, SyncScheduler};
use background_sync_store::{RegistrationStore, StoreError};
use background_sync_traits::{AuthorityIssuer, SyncClient, SyncManagerMessage};
use crossbeam_channel::{Receiver, unbounded};

use crate::alarm::Alarm;
use crate::barrier::Barrier;
use crate::clients::Clients;
use crate::embedder_calls::EmbedderCalls;
use crate::events::RunningEvents;
use crate::held::HeldAnswers;
use crate::journal::Journal;
use crate::manager::{Inputs, Manager};
use crate::opening::{Closed, Opened};
use crate::outbox::Outbox;
use crate::rate_limit::RateLimitedLog;
use crate::unavailable::Unavailable;
use crate::workers::{Remembered, Workers};
use crate::{Config, Embedder, Engine, StartError, SyncManagerControl, SyncManagerThread, writer};

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
        let opened = match Opened::open(&config.storage) {
            Err(error @ (StoreError::InUse { .. } | StoreError::TooNew { .. })) => {
                return Err(error.into());
            }
            opened => opened,
        };
        Self::start(config, opened, messages, engine, embedder)
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
        let opened = Opened::read(store)?;
        Self::start(config, Ok(opened), messages, engine, embedder)
    }

    fn start<C: SyncClient, E: Display + Send + 'static>(
        config: Config,
        opened: Result<Opened, StoreError>,
        messages: Receiver<Result<SyncManagerMessage<C>, E>>,
        engine: Box<dyn Engine>,
        embedder: Box<dyn Embedder>,
    ) -> Result<SyncManagerThread, StartError> {
        let retry_delay_ms = config.policy.local_fault_delay_ms;
        let retry_delay = Duration::from_millis(retry_delay_ms);
        let (mut workers, from_workers) = Workers::spawn(&config.storage, retry_delay)?;
        let known_workers = workers.take_known();
        let (mut outbox, batches) = Outbox::new(config.policy.durability);
        let (committed_out, committed) = unbounded();
        let mut journal = Journal::default();
        let (loaded, closed) = match opened {
            Ok(opened) => {
                journal.adopt(opened.journal, opened.next_entry);
                outbox.set_writer(writer::spawn(opened.store, batches, committed_out)?);
                (Some(opened.loaded), None)
            }
            Err(error) => {
                let storage = config.storage;
                let closed = Closed::new(storage, &error, retry_delay_ms, batches, committed_out);
                (None, Some(closed))
            }
        };
        let (control_out, control) = unbounded();
        let (questions_out, answers) = unbounded();
        let barrier = Barrier::new();
        let made_durable = barrier.made_durable();
        let clients = Clients::new();
        let gone = clients.gone();
        let seed = RandomState::new().hash_one(0);
        let scheduler_config = SchedulerConfig::new(config.policy, config.connectivity, seed);
        let manager = Manager {
            scheduler: SyncScheduler::new(scheduler_config),
            clients,
            events: RunningEvents::default(),
            engine,
            embedder,
            news: Vec::new(),
            questions_out,
            barrier,
            outbox,
            misbehaviour: RateLimitedLog::default(),
            journal,
            embedder_calls: EmbedderCalls::default(),
            workers,
            held: HeldAnswers::default(),
            unregistered: Remembered::default(),
            issuer: AuthorityIssuer::new(),
            authority_later: Vec::new(),
            closed,
            ending: false,
        };
        let inputs = Inputs {
            messages,
            control,
            answers,
            made_durable,
            committed,
            from_workers,
            gone,
            alarm: Alarm::new(),
        };
        let thread = spawn_thread(move || manager.run(inputs, loaded))?;
        Ok(SyncManagerThread::new(
            SyncManagerControl {
                sender: control_out,
            },
            Some(thread),
            known_workers,
        ))
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
        let (sender, control) = unbounded();
        let unavailable = Unavailable::new(error.hindrance(), messages, control);
        let thread = spawn_thread(move || unavailable.run())
            .inspect_err(|error| log::error!("nobody refuses what is asked: no thread: {error}"));
        SyncManagerThread::new(SyncManagerControl { sender }, thread.ok(), Vec::new())
    }
}

fn spawn_thread(run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name("SyncManager".to_owned())
        .spawn(run)
}
