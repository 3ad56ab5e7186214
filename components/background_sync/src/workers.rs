//! The workers that can be started without their pages: kept by a thread of their own, because their
//! scripts are long and nobody waits for them.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::thread::{self, JoinHandle};

use background_sync_core::{ScopeKey, StoredWorker};
use background_sync_store::{StoreError, WorkerStore};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use crate::{StartError, Storage};

/// So many changes may wait for the thread; more are dropped with a warning. Each can be as long as
/// a worker's script.
const MAX_WAITING_REQUESTS: usize = 64;

/// So many scopes are remembered as looked up. One more makes all of them forgotten, which costs each
/// one more look: peers may name as many as they like.
const MAX_REMEMBERED_SCOPES: usize = 65_536;

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
    /// Until it ends.
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
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
    /// Opens the store and starts its thread. It has ended when the returned value is dropped. A store
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
        let store = on_disk.unwrap_or_else(WorkerStore::in_memory);
        let (requests, requests_in) = bounded(MAX_WAITING_REQUESTS);
        let (revived_out, revived) = unbounded();
        let thread = thread::Builder::new()
            .name("SyncWorkers".to_owned())
            .spawn(move || run(store, &requests_in, &revived_out))?;
        let workers = Self {
            requests: Some(requests),
            thread: Some(thread),
            asked: Remembered::default(),
        };
        Ok((workers, revived))
    }

    pub fn put(&mut self, scope: ScopeKey, worker: StoredWorker) {
        self.asked.insert(&scope);
        self.send(Request::Put(scope, worker));
    }

    pub fn remove(&mut self, scope: ScopeKey) {
        self.send(Request::Remove(scope));
    }

    /// Looks for a worker of `scope`, unless that was done before.
    pub fn revive(&mut self, scope: &ScopeKey) {
        if self.asked.insert(scope) {
            self.send(Request::Load(scope.clone()));
        }
    }

    fn send(&self, request: Request) {
        let requests = self.requests.as_ref();
        if requests.is_none_or(|requests| requests.try_send(request).is_err()) {
            log::warn!("a service worker could not be kept: too many changes at once");
        }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_closed_and_complete_when_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::Directory(folder.path().to_owned());
        for round in 0..20_u8 {
            let (mut workers, revived) = Workers::spawn(&storage).unwrap();
            let scope = |round: u8| ScopeKey {
                origin: "https://a.example".try_into().unwrap(),
                scope: format!("https://a.example/{round}").try_into().unwrap(),
            };
            if let Some(before) = round.checked_sub(1) {
                workers.revive(&scope(before));
                let revived = revived.recv_timeout(std::time::Duration::from_secs(10));
                assert_eq!(revived.unwrap().worker.source.as_bytes(), [before]);
            }
            let worker = StoredWorker {
                script_url: "https://a.example/sw.js".try_into().unwrap(),
                source: vec![round].try_into().unwrap(),
            };
            workers.put(scope(round), worker);
        }
    }

    #[test]
    fn scopes_that_peers_name_do_not_add_up() {
        let mut remembered = Remembered::default();
        let scope = |number: usize| ScopeKey {
            origin: "https://a.example".try_into().unwrap(),
            scope: format!("https://a.example/{number}").try_into().unwrap(),
        };
        assert!(remembered.insert(&scope(0)) && !remembered.insert(&scope(0)));
        for number in 0..MAX_REMEMBERED_SCOPES + 10 {
            remembered.insert(&scope(number));
        }
        assert!(remembered.hashes.len() <= MAX_REMEMBERED_SCOPES);
    }
}
