//! The workers that can be started without their pages: kept by a thread of their own, because their
//! scripts are long and nobody waits for them.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use background_sync_core::{Call, ScopeKey, StoreFault, StoredWorker};
use background_sync_store::{StoreError, WorkerStore};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use crate::{Clear, StartError, Storage};

/// So many scripts may wait for the thread; more are dropped with a warning. Each can be as long as
/// a worker's script.
const MAX_WAITING_SCRIPTS: usize = 64;

/// So many requests of other kinds may wait for the thread, and so many that failed for their next try; more are dropped
/// with a warning. They are short, and there is room for more scopes than have registrations.
const MAX_WAITING_REQUESTS: usize = 65_536;

/// So many scopes are remembered as looked up. One more makes all of them forgotten, which costs each
/// one more look: peers may name as many as they like.
const MAX_REMEMBERED_SCOPES: usize = 65_536;

enum Request {
    Put(ScopeKey, StoredWorker),
    Remove(ScopeKey),
    Load(ScopeKey),
    /// The call is told the first outcome.
    Clear(Clear, Option<Call>),
}

/// What the thread has for the manager.
pub(crate) enum FromWorkers {
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

/// The manager's end.
pub(crate) struct Workers {
    /// Until it ends.
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    waiting_scripts: Arc<AtomicUsize>,
    /// Scopes that were looked up since the browser started. Once is enough: a worker that was
    /// started and is gone again is the engine's to start.
    asked: Remembered,
}

/// Scopes, by their hashes: their names may be long.
#[derive(Default)]
struct Remembered {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl Remembered {
    /// Returns whether it was not there.
    fn insert(&mut self, scope: &ScopeKey) -> bool {
        if self.hashes.len() >= MAX_REMEMBERED_SCOPES {
            self.hashes.clear();
        }
        self.hashes.insert(self.hasher.hash_one(scope))
    }
}

impl Workers {
    /// Starts the thread, which opens the store when there is something to do. It has ended when the returned value is
    /// dropped. A store that can't be opened costs starts without a page until it can be, and no registration. What
    /// failed is tried again after `retry_delay`.
    pub fn spawn(
        storage: &Storage,
        retry_delay: Duration,
    ) -> Result<(Self, Receiver<FromWorkers>), StartError> {
        let store = match storage {
            Storage::Memory => WorkerStore::in_memory(),
            Storage::Directory(folder) => WorkerStore::in_folder(folder),
        };
        let (requests, requests_in) = unbounded();
        let (to_manager, from_workers) = unbounded();
        let waiting_scripts = Arc::default();
        let mut keeper = Keeper {
            store,
            to_manager,
            waiting_scripts: Arc::clone(&waiting_scripts),
            retry_delay,
            failed: VecDeque::new(),
        };
        let thread = thread::Builder::new()
            .name("SyncWorkers".to_owned())
            .spawn(move || keeper.run(&requests_in))?;
        let workers = Self {
            requests: Some(requests),
            thread: Some(thread),
            waiting_scripts,
            asked: Remembered::default(),
        };
        Ok((workers, from_workers))
    }

    pub fn put(&mut self, scope: ScopeKey, worker: StoredWorker) {
        self.asked.insert(&scope);
        if self.waiting_scripts.load(Ordering::Relaxed) >= MAX_WAITING_SCRIPTS {
            log::warn!("the service worker of {scope} is not kept: too many change at once");
            return;
        }
        self.waiting_scripts.fetch_add(1, Ordering::Relaxed);
        self.send(Request::Put(scope, worker));
    }

    pub fn remove(&mut self, scope: ScopeKey) {
        self.send(Request::Remove(scope));
    }

    /// Forgets all that are chosen; answered with [`FromWorkers::Cleared`].
    pub fn clear(&mut self, what: Clear, call: Call) {
        self.send(Request::Clear(what, Some(call)));
    }

    /// Looks for a worker of `scope`, unless that was done before.
    pub fn revive(&mut self, scope: &ScopeKey) {
        if self.asked.insert(scope) {
            self.send(Request::Load(scope.clone()));
        }
    }

    fn send(&self, request: Request) {
        // Until it ends.
        let Some(requests) = &self.requests else {
            return;
        };
        if requests.len() >= MAX_WAITING_REQUESTS {
            log::warn!("too much is asked about service workers at once: something is left out");
            return;
        }
        // An error means that the thread had panicked.
        let _ = requests.send(request);
    }
}

/// What waits is done, and the file is closed: the next manager can open it.
impl Drop for Workers {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the SyncWorkers thread had panicked");
        }
    }
}

/// The thread's end.
struct Keeper {
    store: WorkerStore,
    to_manager: Sender<FromWorkers>,
    waiting_scripts: Arc<AtomicUsize>,
    retry_delay: Duration,
    /// What is tried again, in its order.
    failed: VecDeque<Request>,
}

impl Keeper {
    fn run(&mut self, requests: &Receiver<Request>) {
        let mut retry_at = Instant::now();
        loop {
            let request = match self.failed.is_empty() {
                true => requests.recv().map_err(RecvTimeoutError::from),
                false => requests.recv_deadline(retry_at),
            };
            let nothing_failed = self.failed.is_empty();
            match request {
                Ok(request) => self.handle(request),
                Err(RecvTimeoutError::Timeout) => {
                    self.retry();
                    retry_at = Instant::now() + self.retry_delay;
                }
                // What was to be removed must not be there after a restart.
                Err(RecvTimeoutError::Disconnected) => return self.retry(),
            }
            if nothing_failed {
                retry_at = Instant::now() + self.retry_delay;
            }
        }
    }

    fn retry(&mut self) {
        for request in std::mem::take(&mut self.failed) {
            self.handle(request);
        }
    }

    fn handle(&mut self, mut request: Request) {
        if let Request::Put(scope, _) = &request {
            self.waiting_scripts.fetch_sub(1, Ordering::Relaxed);
            // What was removed before it must not take it away later.
            if self.failed.iter().any(|failed| failed.removes(scope)) {
                self.retry();
            }
            if self.failed.iter().any(|failed| failed.removes(scope)) {
                log::warn!("the service worker of {scope} is not kept: another can't be removed");
                return;
            }
        }
        let result = self.attempt(&request);
        if let Request::Clear(_, call) = &mut request
            && let Some(call) = call.take()
        {
            let reason = |error: &StoreError| StoreFault {
                reason: error.to_string(),
            };
            let result = result.as_ref().map_err(reason).copied();
            // An error means that the manager is gone.
            let _ = self.to_manager.send(FromWorkers::Cleared { call, result });
        }
        let Err(error) = result else { return };
        if matches!(request, Request::Put(..)) {
            log::warn!(
                "after a restart, a service worker will not start without its page: {error}"
            );
        } else if self.failed.len() < MAX_WAITING_REQUESTS {
            log::warn!("what is kept of service workers can't be used: {error}");
            self.failed.push_back(request);
        }
    }

    fn attempt(&mut self, request: &Request) -> Result<(), StoreError> {
        match request {
            Request::Put(scope, worker) => self.store.put(scope, worker),
            Request::Remove(scope) => self.store.remove(scope),
            Request::Clear(what, _) => self.store.remove_chosen(|scope| what.chooses(scope)),
            Request::Load(scope) => {
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
    fn removes(&self, scope: &ScopeKey) -> bool {
        match self {
            Self::Remove(removed) => removed == scope,
            Self::Clear(what, _) => what.chooses(scope),
            Self::Put(..) | Self::Load(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
