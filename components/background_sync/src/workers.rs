//! The workers that can be started without their pages: kept by a thread of their own, because their
//! scripts are long and nobody waits for them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
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
    Other(Task),
}

/// What is tried again until it is done.
enum Task {
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

/// The manager's end.
pub(crate) struct Workers {
    /// Until it ends.
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    /// Of which [`FromWorkers::PutDone`] is still to come, and how often.
    being_put: HashMap<ScopeKey, usize>,
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
        let mut keeper = Keeper {
            store,
            to_manager,
            retry_delay,
            failed: VecDeque::new(),
        };
        let thread = thread::Builder::new()
            .name("SyncWorkers".to_owned())
            .spawn(move || keeper.run(&requests_in))?;
        let workers = Self {
            requests: Some(requests),
            thread: Some(thread),
            being_put: HashMap::new(),
            asked: Remembered::default(),
        };
        Ok((workers, from_workers))
    }

    pub fn put(&mut self, scope: ScopeKey, worker: StoredWorker) {
        self.asked.insert(&scope);
        if self.being_put.values().sum::<usize>() >= MAX_WAITING_SCRIPTS {
            log::warn!("the service worker of {scope} is not kept: too many change at once");
            return;
        }
        if self.send(Request::Put(scope.clone(), worker)) {
            *self.being_put.entry(scope).or_default() += 1;
        }
    }

    /// Whether the worker of `scope` may not be stored yet.
    pub fn is_being_put(&self, scope: &ScopeKey) -> bool {
        !self.being_put.is_empty() && self.being_put.contains_key(scope)
    }

    /// Returns whether nothing of `scope` is on its way any more.
    pub fn handle_put_done(&mut self, scope: &ScopeKey) -> bool {
        let Some(count) = self.being_put.get_mut(scope) else {
            return true;
        };
        *count -= 1;
        let is_last = *count == 0;
        if is_last {
            self.being_put.remove(scope);
        }
        is_last
    }

    pub fn remove(&mut self, scope: ScopeKey) {
        self.send(Request::Other(Task::Remove(scope)));
    }

    /// The thread has ended: nothing is on its way any more.
    pub fn give_up_puts(&mut self) {
        self.being_put.clear();
    }

    /// Forgets all that are chosen; answered with [`FromWorkers::Cleared`].
    pub fn clear(&mut self, what: Clear, call: Call) {
        self.send(Request::Other(Task::Clear(what, Some(call))));
    }

    /// Looks for a worker of `scope`, unless that was done before.
    pub fn revive(&mut self, scope: &ScopeKey) {
        if self.asked.insert(scope) {
            self.send(Request::Other(Task::Load(scope.clone())));
        }
    }

    /// Returns whether the thread has it.
    fn send(&self, request: Request) -> bool {
        // Until it ends.
        let Some(requests) = &self.requests else {
            return false;
        };
        if requests.len() >= MAX_WAITING_REQUESTS {
            log::warn!("too much is asked about service workers at once: something is left out");
            return false;
        }
        // An error means that the thread had panicked.
        requests.send(request).is_ok()
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
    retry_delay: Duration,
    /// What is tried again, in its order.
    failed: VecDeque<Task>,
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
        for task in std::mem::take(&mut self.failed) {
            self.try_now_or_later(task);
        }
    }

    fn handle(&mut self, request: Request) {
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
        }
        // An error means that the manager is gone.
        let _ = self.to_manager.send(FromWorkers::PutDone { scope });
    }

    fn try_now_or_later(&mut self, mut task: Task) {
        let result = self.attempt(&task);
        if let Task::Clear(_, call) = &mut task
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
        if self.failed.len() < MAX_WAITING_REQUESTS {
            log::warn!("what is kept of service workers can't be used: {error}");
            self.failed.push_back(task);
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

impl Task {
    fn removes(&self, scope: &ScopeKey) -> bool {
        match self {
            Self::Remove(removed) => removed == scope,
            Self::Clear(what, _) => what.chooses(scope),
            Self::Load(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
