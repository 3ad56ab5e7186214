//! The workers that can be started without their pages: kept by a thread of their own, because their
//! scripts are long and nobody waits for them.

use std::collections::HashSet;
use std::thread;

use background_sync_core::{ScopeKey, StoredWorker};
use background_sync_store::{StoreError, WorkerStore};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use crate::{StartError, Storage};

/// So many changes may wait for the thread; more are dropped with a warning. Each can be as long as
/// a worker's script.
const MAX_WAITING_REQUESTS: usize = 64;

enum Request {
    Put(ScopeKey, StoredWorker),
    Remove(ScopeKey),
    Load(ScopeKey),
}

/// A worker that was kept, and is to be started.
pub(crate) struct Revived {
    pub scope: ScopeKey,
    pub worker: StoredWorker,
}

/// The manager's end.
pub(crate) struct Workers {
    requests: Sender<Request>,
    /// Scopes that were looked up since the browser started. Once is enough: a worker that was
    /// started and is gone again is the engine's to start.
    asked: HashSet<ScopeKey>,
}

impl Workers {
    /// Opens the store and starts its thread. It ends when the returned value is dropped. A store
    /// that can't be opened costs starts without a page, no registration.
    pub fn spawn(storage: &Storage) -> Result<(Self, Receiver<Revived>), StartError> {
        let on_disk = match storage {
            Storage::Memory => None,
            Storage::Directory(folder) => WorkerStore::open(folder)
                .inspect_err(|error| {
                    log::error!("service workers are kept in memory only: {error}")
                })
                .ok(),
        };
        let store = on_disk.map_or_else(WorkerStore::in_memory, Ok)?;
        let (requests, requests_in) = bounded(MAX_WAITING_REQUESTS);
        let (revived_out, revived) = unbounded();
        thread::Builder::new()
            .name("SyncWorkers".to_owned())
            .spawn(move || run(store, &requests_in, &revived_out))?;
        let asked = HashSet::new();
        Ok((Self { requests, asked }, revived))
    }

    pub fn put(&mut self, scope: ScopeKey, worker: StoredWorker) {
        self.asked.insert(scope.clone());
        self.send(Request::Put(scope, worker));
    }

    pub fn remove(&mut self, scope: ScopeKey) {
        self.send(Request::Remove(scope));
    }

    /// Looks for a worker of `scope`, unless that was done before.
    pub fn revive(&mut self, scope: &ScopeKey) {
        if self.asked.insert(scope.clone()) {
            self.send(Request::Load(scope.clone()));
        }
    }

    fn send(&self, request: Request) {
        if self.requests.try_send(request).is_err() {
            log::warn!("a service worker could not be kept: too many changes at once");
        }
    }
}

fn run(mut store: WorkerStore, requests: &Receiver<Request>, revived: &Sender<Revived>) {
    let warn = |result: Result<(), StoreError>| {
        if let Err(error) = result {
            log::warn!(
                "after a restart, a service worker will not start without its page: {error}"
            );
        }
    };
    for request in requests {
        match request {
            Request::Put(scope, worker) => warn(store.put(&scope, &worker)),
            Request::Remove(scope) => warn(store.remove(&scope)),
            Request::Load(scope) => match store.load(&scope) {
                Ok(Some(worker)) => {
                    if revived.send(Revived { scope, worker }).is_err() {
                        return;
                    }
                }
                Ok(None) => log::debug!("no service worker is kept of {scope}"),
                Err(error) => log::warn!("the service worker of {scope} can't be read: {error}"),
            },
        }
    }
}
