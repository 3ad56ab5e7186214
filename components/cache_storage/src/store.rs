//! The caches of one origin.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use redb::{Database, StorageError};
use serde::{Deserialize, Serialize};

use crate::CacheError;
use crate::batch::{self, Operation};
use crate::body::{BodyDraft, BodyReader, FoundBody};
use crate::finished_batch::{body_of, finish_bodies, refuses_method};
use crate::head::{MAX_NAME_BYTES, QueryOptions, RequestHead, ResponseHead};
use crate::keys::{CacheId, EntryKey};
use crate::medium::Medium;
use crate::open_index::{close, open_index};
use crate::shared::Shared;
use crate::tables::{Change, Fault, Snapshot};

/// What an origin may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of heads and bodies together, in bytes.
    pub max_bytes: u64,
    /// How many caches there may be.
    pub max_caches: usize,
}

/// How many of the pairs that match are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Take {
    /// The one that was added first.
    First,
    /// All.
    All,
}

/// A pair that was found.
#[derive(Debug)]
pub struct Found {
    /// Without a body.
    pub request: RequestHead,
    /// Without its body.
    pub response: ResponseHead,
    /// That body.
    pub body: FoundBody,
}

/// The caches of one origin: their names in order, and what is in them.
#[derive(Debug)]
pub struct CacheStore {
    shared: Shared,
    limits: Limits,
    /// Closed after a fault; the next call opens it again.
    database: Option<Database>,
    /// How many hold each cache, which keeps it when its name is gone.
    held: HashMap<CacheId, usize>,
}

impl CacheStore {
    /// Opens what is on the medium, and removes what no index names. An index that can't be read is set aside, and
    /// an empty one takes its place: a cache is a cache.
    ///
    /// # Errors
    /// [`CacheError::QuotaExceeded`] if there is no room for an index, or [`CacheError::Unavailable`].
    pub fn open(medium: Arc<dyn Medium>, limits: Limits) -> Result<Self, CacheError> {
        let mut store = Self {
            shared: Shared::new(medium, limits.max_bytes),
            limits,
            database: None,
            held: HashMap::new(),
        };
        store.with_database(|_| Ok(()))?;
        Ok(store)
    }

    /// Of all that is stored, heads and bodies, in bytes.
    pub fn stored_bytes(&self) -> u64 {
        self.shared.stored_bytes()
    }

    /// <https://w3c.github.io/ServiceWorker/#cache-storage-has>
    ///
    /// # Errors
    /// [`CacheError::Unavailable`].
    pub fn find_cache(&mut self, name: &[u8]) -> Result<Option<CacheId>, CacheError> {
        self.read(|snapshot| snapshot.cache_of(name))
    }

    /// <https://w3c.github.io/ServiceWorker/#cache-storage-keys>
    ///
    /// # Errors
    /// [`CacheError::Unavailable`].
    pub fn names(&mut self) -> Result<Vec<(CacheId, Vec<u8>)>, CacheError> {
        self.read(Snapshot::names)
    }

    /// Finds or makes a cache, and holds it until [`CacheStore::release_cache`].
    ///
    /// <https://w3c.github.io/ServiceWorker/#cache-storage-open>
    ///
    /// # Errors
    /// [`CacheError::TooLong`], [`CacheError::QuotaExceeded`] or [`CacheError::Unavailable`].
    pub fn open_cache(&mut self, name: &[u8]) -> Result<CacheId, CacheError> {
        if name.len() > MAX_NAME_BYTES {
            return Err(CacheError::TooLong);
        }
        let id = match self.find_cache(name)? {
            Some(id) => id,
            None => {
                if self.names()?.len() >= self.limits.max_caches {
                    return Err(CacheError::QuotaExceeded);
                }
                self.change(|change| Ok(change.create_cache(name)?))?
            }
        };
        *self.held.entry(id).or_default() += 1;
        Ok(id)
    }

    /// Nobody will use it by this holder any more. A cache whose name is gone is removed with its last holder.
    pub fn release_cache(&mut self, cache: CacheId) {
        let Some(count) = self.held.get_mut(&cache) else {
            return;
        };
        *count -= 1;
        if *count > 0 {
            return;
        }
        self.held.remove(&cache);
        if let Err(error) = self.remove_if_doomed(cache) {
            log::warn!("A deleted cache stays until the next start: {error}");
        }
    }

    /// Removes the name. What is in the cache is there for who holds it, and no longer.
    ///
    /// <https://w3c.github.io/ServiceWorker/#cache-storage-delete>
    ///
    /// # Errors
    /// [`CacheError::QuotaExceeded`] if the disk is full, or [`CacheError::Unavailable`].
    pub fn delete_cache(&mut self, name: &[u8]) -> Result<bool, CacheError> {
        let held: Vec<CacheId> = self.held.keys().copied().collect();
        self.change(|change| {
            let Some(cache) = change.remove_name(name)? else {
                return Ok(false);
            };
            if !held.contains(&cache) {
                change.remove_cache(cache)?;
            }
            Ok(true)
        })
    }

    /// The pairs of a cache that a request matches, or all of them, in the order in which they were added.
    ///
    /// # Errors
    /// [`CacheError::Unavailable`].
    pub fn query(
        &mut self,
        cache: CacheId,
        request: Option<&RequestHead>,
        options: QueryOptions,
        take: Take,
    ) -> Result<Vec<Found>, CacheError> {
        if refuses_method(request, options) {
            return Ok(Vec::new());
        }
        loop {
            let limit = match take {
                Take::First => 1,
                Take::All => usize::MAX,
            };
            let shared = self.shared.clone();
            let (found, damaged) = self.read(|snapshot| {
                let matched = snapshot.query(cache, request, options, limit)?;
                let mut found = Vec::with_capacity(matched.len());
                let mut damaged = Vec::new();
                for (key, record) in matched {
                    match body_of(snapshot, &shared, key, &record)? {
                        Some(body) => found.push(Found {
                            request: record.request,
                            response: record.response,
                            body,
                        }),
                        None => damaged.push(key),
                    }
                }
                Ok((found, damaged))
            })?;
            if damaged.is_empty() {
                return Ok(found);
            }
            // The next one may match as well.
            log::warn!("{} stored responses have lost their body", damaged.len());
            self.remove_entries(&damaged)?;
        }
    }

    /// The requests of the pairs that a request matches, or of all.
    ///
    /// # Errors
    /// [`CacheError::Unavailable`].
    pub fn keys(
        &mut self,
        cache: CacheId,
        request: Option<&RequestHead>,
        options: QueryOptions,
    ) -> Result<Vec<RequestHead>, CacheError> {
        if refuses_method(request, options) {
            return Ok(Vec::new());
        }
        let matched = self.read(|snapshot| snapshot.query(cache, request, options, usize::MAX))?;
        Ok(matched
            .into_iter()
            .map(|(_, record)| record.request)
            .collect())
    }

    /// A body to be written, for [`Operation::Put`].
    pub fn new_body(&self) -> BodyDraft {
        BodyDraft::new(self.shared.clone())
    }

    /// Does all of a batch, or nothing. It is on the medium when this returns. Says whether a `Delete` has removed
    /// anything.
    ///
    /// <https://w3c.github.io/ServiceWorker/#batch-cache-operations-algorithm>
    ///
    /// # Errors
    /// Any but [`CacheError::Damaged`].
    pub fn commit(
        &mut self,
        cache: CacheId,
        operations: Vec<Operation>,
    ) -> Result<bool, CacheError> {
        batch::check(&operations)?;
        if !self.read(|snapshot| snapshot.exists(cache))? {
            return Err(CacheError::NotFound);
        }
        let (steps, drafts) = finish_bodies(&self.shared, operations)?;
        let max_bytes = self.shared.max_bytes();
        let done = self.change_keeping(drafts, |change| {
            let before = change.stored_bytes;
            let mut deleted = false;
            for step in &steps {
                deleted |= step.apply(change, cache)?;
            }
            // What is stored already may be more than a limit that was lowered: removing is always allowed.
            if change.stored_bytes > max_bytes && change.stored_bytes > before {
                return Err(Fault::Refused(CacheError::QuotaExceeded));
            }
            Ok(deleted)
        })?;
        Ok(done)
    }

    /// Removes the entry of a body that turned out to be damaged.
    ///
    /// # Errors
    /// [`CacheError::Unavailable`].
    pub fn forget(&mut self, damaged: &BodyReader) -> Result<(), CacheError> {
        self.remove_entries(&[damaged.entry()])
    }

    fn remove_if_doomed(&mut self, cache: CacheId) -> Result<(), CacheError> {
        if !self.read(Snapshot::doomed)?.contains(&cache) {
            return Ok(());
        }
        self.change(|change| Ok(change.remove_cache(cache)?))
    }

    fn remove_entries(&mut self, keys: &[EntryKey]) -> Result<(), CacheError> {
        self.change(|change| {
            for key in keys {
                change.remove_entry(*key)?;
            }
            Ok(())
        })
    }

    fn read<T>(
        &mut self,
        work: impl FnOnce(&Snapshot) -> Result<T, redb::Error>,
    ) -> Result<T, CacheError> {
        self.with_database(|database| Ok(work(&Snapshot::new(database)?)?))
    }

    fn change<T>(
        &mut self,
        work: impl FnOnce(&mut Change) -> Result<T, Fault>,
    ) -> Result<T, CacheError> {
        self.change_keeping(Vec::new(), work)
    }

    /// Commits a change that may name the files of `drafts`. Whether a commit that failed is on the medium is not
    /// known: then the files stay, and the index is opened anew, which removes them if it does not name them.
    fn change_keeping<T>(
        &mut self,
        drafts: Vec<BodyDraft>,
        work: impl FnOnce(&mut Change) -> Result<T, Fault>,
    ) -> Result<T, CacheError> {
        let mut drafts = drafts;
        let (result, removed, stored) = self.with_database(|database| {
            let mut change = Change::begin(database)?;
            let result = work(&mut change)?;
            let removed = std::mem::take(&mut change.removed_files);
            let stored = change.stored_bytes;
            drafts.drain(..).for_each(BodyDraft::keep);
            change.commit()?;
            Ok((result, removed, stored))
        })?;
        self.shared.set_stored_bytes(stored);
        for file in removed {
            self.shared.remove_file(file);
        }
        Ok(result)
    }

    /// Does something with the open index. After a fault of its own it is closed; the next call opens it. Damaged bytes
    /// can make redb panic: that must not end the browser.
    fn with_database<T>(
        &mut self,
        work: impl FnOnce(&Database) -> Result<T, Fault>,
    ) -> Result<T, CacheError> {
        if self.database.is_none() {
            self.database = Some(open_index(&self.shared)?);
            if let Err(error) = self.sweep() {
                close(self.database.take());
                return Err(error);
            }
        }
        let Some(database) = &self.database else {
            return Err(CacheError::Unavailable);
        };
        let contained = AssertUnwindSafe(|| work(database));
        let panicked = |_| Err(StorageError::Corrupted("reading it went wrong".to_owned()).into());
        match catch_unwind(contained).unwrap_or_else(panicked) {
            Ok(done) => Ok(done),
            Err(Fault::Refused(error)) => Err(error),
            Err(Fault::Index(error)) => {
                close(self.database.take());
                Err(CacheError::of_index(&error))
            }
        }
    }

    /// After an index was opened: removes deleted caches that nobody holds, and files that it does not name.
    fn sweep(&mut self) -> Result<(), CacheError> {
        let doomed = self.read(Snapshot::doomed)?;
        for cache in doomed {
            if !self.held.contains_key(&cache) {
                self.change(|change| Ok(change.remove_cache(cache)?))?;
            }
        }
        let (named, stored) =
            self.read(|snapshot| Ok((snapshot.files()?, snapshot.stored_bytes()?)))?;
        self.shared.set_stored_bytes(stored);
        let found = self
            .shared
            .medium
            .list()
            .map_err(|error| CacheError::of_io("list the bodies", &error))?;
        let last = named.iter().chain(&found).max();
        self.shared
            .next_file_from(last.map_or(0, |file| file.0.saturating_add(1)));
        let named: std::collections::HashSet<_> = named.into_iter().collect();
        for file in found {
            if !named.contains(&file) && !self.shared.is_in_use(file) {
                self.shared.remove_now(file);
            }
        }
        Ok(())
    }
}
