//! Workers that can be started without their pages. Their scripts are long and nobody waits for them, so they have a
//! thread of their own.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use background_sync_core::{Call, KnownWorker, ScopeKey, StoreFault, StoredWorker};
use background_sync_store::{StoreError, WorkerStore};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use super::remembered_scopes::RememberedScopes;
use crate::config::{StartError, Storage};
use crate::embedder::Clear;

/// So many scripts may wait for the thread; more are dropped with a warning. Each can be as long as
/// a worker's script.
const MAX_WAITING_SCRIPTS: usize = 64;

/// The same of one origin.
const MAX_WAITING_SCRIPTS_PER_ORIGIN: usize = 8;

/// So many requests of other kinds may wait for the thread, and so many that failed for their next try; more are dropped
/// with a warning. There is room for more scopes than have registrations.
const MAX_WAITING_REQUESTS: usize = 65_536;

/// So many bytes of scopes may be in them.
const MAX_WAITING_TEXT_BYTES: usize = 64 * 1024 * 1024;

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

/// A worker of which [`FromWorkers::PutDone`] is still to come.
#[derive(Default)]
struct BeingPut {
    /// How often.
    times: usize,
    /// Answers to `register()` that wait for it: from then on, the sync fires also after a restart with no page open.
    answers: Vec<Call>,
}

/// The manager's end.
pub(crate) struct Workers {
    /// Until it ends.
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    /// Of scopes in requests that wait.
    text_bytes: Arc<AtomicUsize>,
    being_put: HashMap<ScopeKey, BeingPut>,
    /// Scopes that were looked up since the browser started. Once is enough: a worker that was
    /// started and is gone again is the engine's to start.
    asked: RememberedScopes,
    /// Service worker registrations that were removed and not made again: a page may not have heard of it yet.
    unregistered: RememberedScopes,
    /// Whether anything was cleared in this run.
    cleared: bool,
}

/// The store, and what an earlier run has kept in it.
pub(crate) struct OpenedWorkers {
    store: WorkerStore,
    known: Vec<KnownWorker>,
}

impl OpenedWorkers {
    /// A store that can't be opened costs starts without a page until it can be, and no registration.
    pub fn open(storage: &Storage) -> Self {
        let mut store = match storage {
            Storage::Memory => WorkerStore::in_memory(),
            Storage::Directory(folder) => WorkerStore::in_folder(folder),
        };
        // Now, so that the first page finds them. Pages do not wait for a file that can't be read.
        let known = store.known().unwrap_or_else(|error| {
            log::warn!("service workers are known once an event starts them: {error}");
            Vec::new()
        });
        Self { store, known }
    }
}

impl Workers {
    /// Starts the thread. It has ended when the returned value is dropped. What failed is tried again after `retry_delay`.
    /// Also returns what an earlier run has kept.
    pub fn spawn(
        OpenedWorkers { store, known }: OpenedWorkers,
        retry_delay: Duration,
    ) -> Result<(Self, Receiver<FromWorkers>, Vec<KnownWorker>), StartError> {
        let (requests, requests_in) = unbounded();
        let (to_manager, from_workers) = unbounded();
        let text_bytes = Arc::default();
        let mut keeper = Keeper {
            store,
            to_manager,
            text_bytes: Arc::clone(&text_bytes),
            retry_delay,
            failed: VecDeque::new(),
        };
        let thread = thread::Builder::new()
            .name("SyncWorkers".to_owned())
            .spawn(move || keeper.run(&requests_in))?;
        let workers = Self {
            requests: Some(requests),
            thread: Some(thread),
            text_bytes,
            being_put: HashMap::new(),
            asked: RememberedScopes::default(),
            unregistered: RememberedScopes::default(),
            cleared: false,
        };
        Ok((workers, from_workers, known))
    }

    pub fn put(&mut self, scope: ScopeKey, worker: StoredWorker) {
        self.unregistered.remove(&scope);
        self.asked.insert(&scope);
        let being_put = self.being_put.iter();
        let of_origin = being_put.filter(|(other, _)| other.origin == scope.origin);
        let of_origin: usize = of_origin.map(|(_, put)| put.times).sum();
        let in_all: usize = self.being_put.values().map(|put| put.times).sum();
        if in_all >= MAX_WAITING_SCRIPTS || of_origin >= MAX_WAITING_SCRIPTS_PER_ORIGIN {
            log::warn!("the service worker of {scope} is not kept: too many change at once");
            // Nor is the version before, which would come back after a restart.
            return self.remove(scope);
        }
        if self.send(Request::Put(scope.clone(), worker)) {
            self.being_put.entry(scope).or_default().times += 1;
        }
    }

    /// Keeps the answer to a call until the worker of `scope` is stored. Returns whether it has to wait for that.
    pub fn keep_answer(&mut self, scope: &ScopeKey, call: Call) -> bool {
        let being_put = self.being_put.get_mut(scope);
        being_put.map(|put| put.answers.push(call)).is_some()
    }

    /// Returns the calls whose answers need not wait any more.
    pub fn handle_put_done(&mut self, scope: &ScopeKey) -> Vec<Call> {
        let Some(put) = self.being_put.get_mut(scope) else {
            return Vec::new();
        };
        put.times -= 1;
        if put.times > 0 {
            return Vec::new();
        }
        let done = self.being_put.remove(scope);
        done.map(|put| put.answers).unwrap_or_default()
    }

    /// No worker will be stored any more. Returns the calls whose answers have waited for one.
    pub fn give_up_puts(&mut self) -> Vec<Call> {
        let given_up = self.being_put.drain();
        given_up.flat_map(|(_, put)| put.answers).collect()
    }

    /// Its service worker registration has an active worker.
    pub fn handle_activated(&mut self, scope: &ScopeKey) {
        self.unregistered.remove(scope);
    }

    /// Its service worker registration was removed.
    pub fn handle_unregistered(&mut self, scope: ScopeKey) {
        self.unregistered.insert(&scope);
        self.remove(scope);
    }

    /// Whether its service worker registration was removed, and not made again.
    pub fn is_unregistered(&self, scope: &ScopeKey) -> bool {
        self.unregistered.contains(scope)
    }

    pub fn remove(&mut self, scope: ScopeKey) {
        self.send(Request::Other(Task::Remove(scope)));
    }

    /// Forgets all that are chosen; answered with [`FromWorkers::Cleared`], unless this returns that it can't be.
    pub fn clear(&mut self, what: Clear, call: Call) -> bool {
        self.cleared = true;
        self.asked = RememberedScopes::default();
        let request = Request::Other(Task::Clear(what, Some(call)));
        // It is the embedder's, so there are never too many.
        let requests = self.requests.as_ref();
        requests.is_some_and(|requests| requests.send(request).is_ok())
    }

    /// Whether what was kept of a worker may have been cleared although it is still there, and it was not asked for anew.
    pub fn ask_again(&mut self, scope: &ScopeKey) -> bool {
        self.cleared && self.asked.insert(scope)
    }

    /// Looks for a worker of `scope`, unless that was done before.
    pub fn revive(&mut self, scope: &ScopeKey) {
        if self.asked.contains(scope) {
            return;
        }
        if self.send(Request::Other(Task::Load(scope.clone()))) {
            self.asked.insert(scope);
        }
    }

    /// Returns whether the thread has it.
    fn send(&self, request: Request) -> bool {
        // Until it ends.
        let Some(requests) = &self.requests else {
            return false;
        };
        let bytes = request.text_bytes();
        if requests.len() >= MAX_WAITING_REQUESTS
            || self.text_bytes.load(Ordering::Relaxed) + bytes > MAX_WAITING_TEXT_BYTES
        {
            log::warn!("too much is asked about service workers at once: something is left out");
            return false;
        }
        self.text_bytes.fetch_add(bytes, Ordering::Relaxed);
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
    text_bytes: Arc<AtomicUsize>,
    retry_delay: Duration,
    /// What is tried again, in its order.
    failed: VecDeque<Task>,
}

impl Keeper {
    fn run(&mut self, requests: &Receiver<Request>) {
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
    fn text_bytes(&self) -> usize {
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

#[cfg(test)]
mod tests;
