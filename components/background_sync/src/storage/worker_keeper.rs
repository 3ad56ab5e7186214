//! The thread that keeps workers: their scripts are long, and nobody waits for them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use background_sync_core::{Call, ScopeKey, StoreFault, StoredWorker};
use background_sync_store::{StoreError, WorkerStore};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::embedder::Clear;

/// So many requests of other kinds may wait for the thread, and so many that failed for their next try; more are dropped
/// with a warning. There is room for more scopes than have registrations.
pub(super) const MAX_WAITING_REQUESTS: usize = 65_536;

pub(super) enum Request {
    Put(ScopeKey, StoredWorker),
    Other(Task),
}

/// What is tried again until it is done.
pub(super) enum Task {
    Remove(ScopeKey),
    Load(ScopeKey),
    /// The call is told the first outcome.
    Clear(Clear, Option<Call>),
}

/// What the thread has for the manager.
pub(crate) enum FromWorkers {
    /// What it takes to start a worker was stored, or could not be.
    PutDone { scope: ScopeKey },
    /// A worker that was kept, and is to be started.
    Revived {
        scope: ScopeKey,
        worker: StoredWorker,
    },
    /// An error means that it is tried again.
    Cleared {
        call: Call,
        result: Result<(), StoreFault>,
    },
}

/// The thread's end.
pub(super) struct WorkerKeeper {
    store: WorkerStore,
    to_manager: Sender<FromWorkers>,
    text_bytes: Arc<AtomicUsize>,
    retry_delay: Duration,
    /// What is tried again, in its order.
    failed: VecDeque<Task>,
}

impl WorkerKeeper {
    pub fn new(
        store: WorkerStore,
        to_manager: Sender<FromWorkers>,
        text_bytes: Arc<AtomicUsize>,
        retry_delay: Duration,
    ) -> Self {
        Self {
            store,
            to_manager,
            text_bytes,
            retry_delay,
            failed: VecDeque::new(),
        }
    }

    /// Until nobody asks any more.
    pub fn run(&mut self, requests: &Receiver<Request>) {
        let mut retry_at = Instant::now();
        loop {
            // Also if there is always something else to do.
            if !self.failed.is_empty() && retry_at <= Instant::now() {
                self.retry();
                retry_at = Instant::now() + self.retry_delay;
            }
            let request = match self.failed.is_empty() {
                true => requests.recv().map_err(RecvTimeoutError::from),
                false => requests.recv_deadline(retry_at),
            };
            let nothing_failed = self.failed.is_empty();
            match request {
                Ok(request) => self.handle(request),
                Err(RecvTimeoutError::Timeout) => {}
                // What was to be removed must not be there after a restart.
                Err(RecvTimeoutError::Disconnected) => return self.retry(),
            }
            if nothing_failed {
                retry_at = Instant::now() + self.retry_delay;
            }
        }
    }

    fn retry(&mut self) {
        for task in std::mem::take(&mut self.failed) {
            self.try_now_or_later(task);
        }
    }

    fn handle(&mut self, request: Request) {
        self.text_bytes
            .fetch_sub(request.text_bytes(), Ordering::Relaxed);
        match request {
            Request::Put(scope, worker) => self.put(scope, &worker),
            Request::Other(task) => self.try_now_or_later(task),
        }
    }

    fn put(&mut self, scope: ScopeKey, worker: &StoredWorker) {
        // What was removed before it must not take it away later.
        if self.failed.iter().any(|failed| failed.removes(&scope)) {
            self.retry();
        }
        if self.failed.iter().any(|failed| failed.removes(&scope)) {
            log::warn!("the service worker of {scope} is not kept: another can't be removed");
        } else if let Err(error) = self.store.put(&scope, worker) {
            log::warn!(
                "after a restart, a service worker will not start without its page: {error}"
            );
            // Nor will the version before.
            self.try_now_or_later(Task::Remove(scope.clone()));
        }
        // An error means that the manager is gone.
        let _ = self.to_manager.send(FromWorkers::PutDone { scope });
    }

    fn try_now_or_later(&mut self, mut task: Task) {
        let result = self.attempt(&task);
        if let Task::Clear(_, call) = &mut task
            && let Some(call) = call.take()
        {
            let result = result.as_ref().map_err(StoreFault::from).copied();
            // An error means that the manager is gone.
            let _ = self.to_manager.send(FromWorkers::Cleared { call, result });
        }
        let Err(error) = result else { return };
        log::warn!("what is kept of service workers can't be used: {error}");
        if self.failed.len() < MAX_WAITING_REQUESTS {
            self.failed.push_back(task);
        } else {
            log::warn!("too much of that has failed: something is not tried again");
        }
    }

    fn attempt(&mut self, task: &Task) -> Result<(), StoreError> {
        match task {
            Task::Remove(scope) => self.store.remove(scope),
            Task::Clear(what, _) => self.store.remove_chosen(|scope| what.chooses(scope)),
            Task::Load(scope) => {
                match self.store.load(scope)? {
                    Some(worker) => {
                        let scope = scope.clone();
                        // An error means that the manager is gone.
                        let _ = self.to_manager.send(FromWorkers::Revived { scope, worker });
                    }
                    None => log::debug!("no service worker is kept of {scope}"),
                }
                Ok(())
            }
        }
    }
}

impl Request {
    /// Of a scope. What is cleared is the embedder's, and not counted.
    pub fn text_bytes(&self) -> usize {
        match self {
            Self::Put(scope, _) | Self::Other(Task::Remove(scope) | Task::Load(scope)) => {
                scope.origin.as_str().len() + scope.scope.as_str().len()
            }
            Self::Other(Task::Clear(..)) => 0,
        }
    }
}

impl Task {
    fn removes(&self, scope: &ScopeKey) -> bool {
        match self {
            Self::Remove(removed) => removed == scope,
            Self::Clear(what, _) => what.chooses(scope),
            Self::Load(_) => false,
        }
    }
}
