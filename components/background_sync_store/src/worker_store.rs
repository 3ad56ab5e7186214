//! The scripts of installed service workers, so that an event can start one after a restart of the
//! browser with no page open. A file of its own: scripts are long, rare and can be had again, so
//! they must not slow down or endanger registrations.

use std::fmt;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use background_sync_core::{
    KnownWorker, MAX_STORED_HEADER_BYTES, MAX_STORED_IMPORTS, MAX_URL_BYTES,
    MAX_WORKER_SOURCE_BYTES, NavigationPreloadState, ScopeKey, ScriptUrl, StoredHeaders,
    StoredImports, StoredWorker, UpdateTerms, WorkerSource,
};
use bincode::Options;
use redb::{
    Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, StorageError, TableDefinition,
};
use serde::de::DeserializeOwned;

use crate::fault::Fault;
use crate::{CodecError, OpenDatabase, StoreError, set_aside};

/// Name of the file in the profile folder.
pub const WORKERS_FILE_NAME: &str = "workers.redb";

/// Version of the encoding that is written.
const WORKER_VERSION: u8 = 5;

/// So many workers are kept, in all. One more takes the place of the one that was stored first.
pub const MAX_STORED_WORKERS: u64 = 512;

/// The same of one origin.
pub const MAX_STORED_WORKERS_PER_ORIGIN: usize = 64;

/// No valid record is longer, in bytes.
const MAX_RECORD_BYTES: u64 = (2 * MAX_WORKER_SOURCE_BYTES
    + 3 * MAX_URL_BYTES
    + MAX_STORED_IMPORTS * (2 * MAX_URL_BYTES + 64)
    // A name of no bytes has still its length in front.
    + 4 * MAX_STORED_HEADER_BYTES
    + 64) as u64;

/// Memory for pages of the file, in bytes.
const CACHE_BYTES: usize = 1024 * 1024;

/// By scope, an origin and a scope URL in one key; number of the store operation, then the record.
const WORKERS: TableDefinition<(&str, &str), (u64, &[u8])> = TableDefinition::new("workers");

/// The same numbers in their order, with the keys: nobody must read all scripts to find the oldest. Files from before it
/// get it with their next change.
const ORDER: TableDefinition<u64, (&str, &str)> = TableDefinition::new("order");

/// What is read of all workers when the browser starts: their scripts are long. Files from before it get it when they are
/// read first.
const HEADS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("heads");

/// Version of the encoding of a head.
const HEAD_VERSION: u8 = 2;

/// What a change works on.
struct Tables<'t> {
    heads: redb::Table<'t, (&'static str, &'static str), &'static [u8]>,
    workers: redb::Table<'t, (&'static str, &'static str), (u64, &'static [u8])>,
    order: redb::Table<'t, u64, (&'static str, &'static str)>,
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t redb::WriteTransaction) -> Result<Self, redb::Error> {
        let workers = transaction.open_table(WORKERS)?;
        let mut order = transaction.open_table(ORDER)?;
        let mut heads = transaction.open_table(HEADS)?;
        if heads.len()? != workers.len()? {
            heads.retain(|_, _| false)?;
            for entry in workers.iter()? {
                let (key, value) = entry?;
                let head = decode_worker(value.value().1).map(|worker| encode_head(&worker));
                // One that can't be read has an empty one, so that this is not done again for it.
                let head = head.unwrap_or_default();
                heads.insert(key.value(), head.as_slice())?;
            }
        }
        if order.len()? != workers.len()? {
            order.retain(|_, _| false)?;
            for entry in workers.iter()? {
                let (key, value) = entry?;
                order.insert(value.value().0, key.value())?;
            }
        }
        Ok(Self {
            heads,
            workers,
            order,
        })
    }

    /// For one more of an origin.
    fn make_room(&mut self, origin: &str) -> Result<(), redb::Error> {
        let mut of_origin = Vec::new();
        for entry in self.order.iter()? {
            let (number, key) = entry?;
            if key.value().0 == origin {
                of_origin.push(number.value());
            }
        }
        let oldest = match of_origin.first() {
            Some(first) if of_origin.len() >= MAX_STORED_WORKERS_PER_ORIGIN => Some(*first),
            _ if self.workers.len()? >= MAX_STORED_WORKERS => {
                self.order.first()?.map(|(number, _)| number.value())
            }
            _ => None,
        };
        if let Some(number) = oldest
            && let Some(key) = self.order.remove(number)?
        {
            self.workers.remove(key.value())?;
            self.heads.remove(key.value())?;
        }
        Ok(())
    }

    fn remove(&mut self, key: (&str, &str)) -> Result<(), redb::Error> {
        let number = self.workers.remove(key)?.map(|value| value.value().0);
        if let Some(number) = number {
            self.order.remove(number)?;
        }
        self.heads.remove(key)?;
        Ok(())
    }
}

/// A file that can't be read is kept under another name until there is the next one: scripts are long, and can be had
/// again.
const MAX_FILES_SET_ASIDE: u32 = 1;

/// Keeps workers on disk, or in memory if it has no folder.
pub struct WorkerStore {
    path: PathBuf,
    open: OpenDatabase,
    /// `None` before the first operation and after a fault: opened by the next one.
    database: Option<Database>,
}

impl WorkerStore {
    /// The file in `folder`. Nothing is opened before the first operation, which makes both if they are missing. A file
    /// that can't be read is set aside: its workers are stored again when their pages are opened.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        let open = |path: &Path| {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(StorageError::from)?;
            }
            open_file(path)
        };
        Self::with(folder.join(WORKERS_FILE_NAME), Box::new(open))
    }

    /// As [`WorkerStore::in_folder`], opened now.
    ///
    /// # Errors
    /// [`StoreError`] if the folder or the file can't be written, or another process uses it.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let mut store = Self::in_folder(folder);
        store.run(|_| Ok(()))?;
        Ok(store)
    }

    /// A store on a database of the caller's own, as [`crate::RedbStore::open_with`].
    #[must_use]
    pub fn with(path: PathBuf, open: OpenDatabase) -> Self {
        let database = None;
        Self {
            path,
            open,
            database,
        }
    }

    /// A store that forgets with its process.
    #[must_use]
    pub fn in_memory() -> Self {
        let backend = redb::backends::InMemoryBackend::new;
        let open = move |_: &Path| Database::builder().create_with_backend(backend());
        Self::with(PathBuf::from("(memory)"), Box::new(open))
    }

    /// Keeps a worker in the place of what was kept of its scope before.
    ///
    /// # Errors
    /// If the medium is full, read-only or broken.
    pub fn put(&mut self, scope: &ScopeKey, worker: &StoredWorker) -> Result<(), StoreError> {
        let bytes = encode_worker(worker).map_err(|error| StoreError::Medium {
            path: self.path.clone(),
            reason: error.to_string(),
        })?;
        self.change(&|tables| {
            let key = (scope.origin.as_str(), scope.scope.as_str());
            let newest = tables.order.last()?.map_or(0, |(number, _)| number.value());
            tables.remove(key)?;
            tables.make_room(scope.origin.as_str())?;
            let number = newest.saturating_add(1);
            tables.workers.insert(key, (number, bytes.as_slice()))?;
            tables.heads.insert(key, encode_head(worker).as_slice())?;
            tables.order.insert(number, key)?;
            Ok(())
        })
    }

    /// Forgets what was kept of a scope.
    ///
    /// # Errors
    /// As [`WorkerStore::put`].
    pub fn remove(&mut self, scope: &ScopeKey) -> Result<(), StoreError> {
        let key = (scope.origin.as_str(), scope.scope.as_str());
        // Usually there is none, and a commit would take its time.
        let is_there = self.run(|database| {
            let transaction = database.begin_read()?;
            match transaction.open_table(WORKERS) {
                Ok(table) => Ok(table.get(key)?.is_some()),
                Err(redb::TableError::TableDoesNotExist(_)) => Ok(false),
                Err(error) => Err(error.into()),
            }
        })?;
        match is_there {
            true => self.change(&|tables| tables.remove(key)),
            false => Ok(()),
        }
    }

    /// Forgets what was kept of all scopes that are chosen.
    ///
    /// # Errors
    /// As [`WorkerStore::put`].
    pub fn remove_chosen(&mut self, chosen: impl Fn(&ScopeKey) -> bool) -> Result<(), StoreError> {
        let is_chosen = |(origin, scope): (&str, &str)| match (origin.try_into(), scope.try_into())
        {
            (Ok(origin), Ok(scope)) => chosen(&ScopeKey { origin, scope }),
            // What is no scope belongs to nobody who could want it.
            _ => true,
        };
        self.change(&|tables| {
            tables.workers.retain(|key, _| !is_chosen(key))?;
            tables.order.retain(|_, key| !is_chosen(key))?;
            tables.heads.retain(|key, _| !is_chosen(key))?;
            Ok(())
        })
    }

    /// All that are kept, without their scripts. None if there is no file yet, which is not made for this.
    ///
    /// # Errors
    /// If the medium is broken, or the file is from before this was kept and can't be written.
    pub fn known(&mut self) -> Result<Vec<KnownWorker>, StoreError> {
        if self.database.is_none() && !self.path.exists() {
            return Ok(Vec::new());
        }
        let known = self.run(|database| {
            let transaction = database.begin_read()?;
            let table = match transaction.open_table(HEADS) {
                Ok(table) => table,
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let mut known = Vec::new();
            for entry in table.iter()? {
                let (key, head) = entry?;
                known.extend(known_worker(key.value(), head.value()));
            }
            Ok(Some(known))
        })?;
        match known {
            Some(known) => Ok(known),
            // Opening the tables makes it.
            None => {
                self.change(&|_| Ok(()))?;
                self.known()
            }
        }
    }

    /// What was kept of a scope. A record that can't be read is none.
    ///
    /// # Errors
    /// If the medium is broken.
    pub fn load(&mut self, scope: &ScopeKey) -> Result<Option<StoredWorker>, StoreError> {
        self.run(|database| {
            let transaction = database.begin_read()?;
            let table = match transaction.open_table(WORKERS) {
                Ok(table) => table,
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let Some(found) = table.get((scope.origin.as_str(), scope.scope.as_str()))? else {
                return Ok(None);
            };
            let worker = decode_worker(found.value().1);
            if let Err(error) = &worker {
                log::error!("the worker that was kept of {scope} can't be read: {error}");
            }
            Ok(worker.ok())
        })
    }

    fn change(
        &mut self,
        work: &dyn Fn(&mut Tables<'_>) -> Result<(), redb::Error>,
    ) -> Result<(), StoreError> {
        self.run(|database| {
            let transaction = database.begin_write()?;
            work(&mut Tables::open(&transaction)?)?;
            transaction.commit()?;
            Ok(())
        })
    }

    /// Does something with the open database. A file with damage is set aside, and an empty one takes its place.
    fn run<T>(
        &mut self,
        work: impl Fn(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let reason = match self.attempt(&work) {
            Err(Fault::Damaged(reason)) => reason,
            other => return other.map_err(|fault| fault.into_error(&self.path)),
        };
        set_aside::move_file(&self.path, MAX_FILES_SET_ASIDE, &reason)?;
        self.attempt(&work)
            .map_err(|fault| fault.into_error(&self.path))
    }

    /// After a fault the database is closed, because redb refuses to go on. A file that was cut short can make it panic.
    fn attempt<T>(
        &mut self,
        work: &impl Fn(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, Fault> {
        let contained = AssertUnwindSafe(|| -> Result<T, redb::Error> {
            let database = match &mut self.database {
                Some(database) => database,
                closed @ None => closed.insert((self.open)(&self.path)?),
            };
            work(database)
        });
        let panicked = |_| Err(StorageError::Corrupted("reading it went wrong".to_owned()).into());
        let result = catch_unwind(contained).unwrap_or_else(panicked);
        result.map_err(|error| {
            let database = self.database.take();
            if catch_unwind(AssertUnwindSafe(|| drop(database))).is_err() {
                log::warn!("{} could not be closed cleanly", self.path.display());
            }
            Fault::of(&self.path, error)
        })
    }
}

impl fmt::Debug for WorkerStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

fn open_file(path: &Path) -> Result<Database, redb::DatabaseError> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder.create(path)
}

fn options() -> impl Options {
    bincode::DefaultOptions::new()
        .with_limit(MAX_RECORD_BYTES)
        .reject_trailing_bytes()
}

/// The bytes of the record of a worker.
///
/// # Errors
/// If it is longer than any valid record, which its types exclude.
pub fn encode_worker(worker: &StoredWorker) -> Result<Vec<u8>, CodecError> {
    let mut bytes = vec![WORKER_VERSION];
    options()
        .serialize_into(&mut bytes, worker)
        .map_err(|error| CodecError::Damaged(error.to_string()))?;
    Ok(bytes)
}

/// The worker of some bytes, of any version that was ever written.
///
/// # Errors
/// If they are none; never panics, whatever they are.
pub fn decode_worker(bytes: &[u8]) -> Result<StoredWorker, CodecError> {
    match bytes.split_first() {
        None => Err(CodecError::Empty),
        Some((&WORKER_VERSION, fields)) => decode_fields(fields),
        // Before navigation preload was kept.
        Some((&4, fields)) => {
            let (script_url, source, imports, headers, updates, handles_fetch) =
                decode_fields(fields)?;
            Ok(StoredWorker {
                headers,
                updates,
                handles_fetch,
                ..without_terms(script_url, source, imports)
            })
        }
        // Before it was kept whether a worker listens to `fetch` events: it may.
        Some((&3, fields)) => {
            let (script_url, source, imports, headers, updates) = decode_fields(fields)?;
            Ok(StoredWorker {
                headers,
                updates,
                ..without_terms(script_url, source, imports)
            })
        }
        // Before policies were kept.
        Some((&2, fields)) => {
            let (script_url, source, imports) = decode_fields(fields)?;
            Ok(without_terms(script_url, source, imports))
        }
        // Before imported scripts were kept.
        Some((&1, fields)) => {
            let (script_url, source) = decode_fields(fields)?;
            Ok(without_terms(script_url, source, StoredImports::default()))
        }
        Some((&version, _)) => Err(CodecError::UnknownVersion(version)),
    }
}

fn encode_head(worker: &StoredWorker) -> Vec<u8> {
    let mut bytes = vec![HEAD_VERSION];
    // Its parts are shorter than a record may be: it can't fail.
    let head = (
        &worker.script_url,
        worker.updates.via_cache,
        worker.handles_fetch,
    );
    match options().serialize_into(&mut bytes, &head) {
        Ok(()) => bytes,
        Err(_) => Vec::new(),
    }
}

/// `None` for what can't be read: such a worker is found when an event needs it.
fn known_worker((origin, scope): (&str, &str), head: &[u8]) -> Option<KnownWorker> {
    let (script_url, via_cache, handles_fetch) = match head.split_first() {
        Some((&HEAD_VERSION, fields)) => decode_fields(fields).ok()?,
        // Before it was kept whether a worker listens to `fetch` events: it may.
        Some((&1, fields)) => {
            let (script_url, via_cache) = decode_fields(fields).ok()?;
            (script_url, via_cache, true)
        }
        _ => return None,
    };
    let scope = ScopeKey {
        origin: origin.try_into().ok()?,
        scope: scope.try_into().ok()?,
    };
    Some(KnownWorker {
        scope,
        script_url,
        via_cache,
        handles_fetch,
    })
}

fn decode_fields<T: DeserializeOwned>(fields: &[u8]) -> Result<T, CodecError> {
    options()
        .deserialize(fields)
        .map_err(|error| CodecError::Damaged(error.to_string()))
}

fn without_terms(
    script_url: ScriptUrl,
    source: WorkerSource,
    imports: StoredImports,
) -> StoredWorker {
    StoredWorker {
        script_url,
        source,
        imports,
        headers: StoredHeaders::default(),
        updates: UpdateTerms::default(),
        handles_fetch: true,
        navigation_preload: NavigationPreloadState::default(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
