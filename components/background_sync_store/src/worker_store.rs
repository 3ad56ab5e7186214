//! The scripts of installed service workers, so that an event can start one after a restart of the browser with no page
//! open. They have their own file: scripts are long and rare, and can be fetched again, so they must not slow down or
//! endanger registrations.

mod codec;
mod tables;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;

use std::path::{Path, PathBuf};
use std::{fmt, fs};

use background_sync_core::{KnownWorker, ScopeKey, StoredWorker};
use redb::{Database, ReadableDatabase, ReadableTable, StorageError};

pub use self::codec::{decode_worker, encode_worker};
use self::codec::{encode_head, known_worker};
pub use self::tables::MAX_STORED_WORKERS;
use self::tables::{HEADS, Tables, WORKERS, if_there};
use crate::database::{ReopeningDatabase, open_file};
use crate::fault::Fault;
use crate::{OpenDatabase, StoreError, set_aside};

/// Name of the file in the profile folder.
pub const WORKERS_FILE_NAME: &str = "workers.redb";

/// Memory for pages of the file, in bytes. A worker is read once, when it starts.
const CACHE_BYTES: usize = 256 * 1024;

/// A file that can't be read is kept under another name until there is the next one: scripts are long, and can be had
/// again.
const MAX_FILES_SET_ASIDE: u32 = 1;

/// Keeps workers on disk, or in memory if it has no folder.
pub struct WorkerStore {
    database: ReopeningDatabase,
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
            open_file(path, CACHE_BYTES)
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
        let database = ReopeningDatabase::new(path, open);
        Self { database }
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
            path: self.database.path.clone(),
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
            match if_there(transaction.open_table(WORKERS))? {
                Some(table) => Ok(table.get(key)?.is_some()),
                None => Ok(false),
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
        if !self.database.is_open() && !self.database.path.exists() {
            return Ok(Vec::new());
        }
        let known = self.run(|database| {
            let transaction = database.begin_read()?;
            let Some(table) = if_there(transaction.open_table(HEADS))? else {
                return Ok(None);
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
            let Some(table) = if_there(transaction.open_table(WORKERS))? else {
                return Ok(None);
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
        let reason = match self.database.run(&work) {
            Err(Fault::Damaged(reason)) => reason,
            other => return other.map_err(|fault| self.error(fault)),
        };
        set_aside::move_file(&self.database.path, MAX_FILES_SET_ASIDE, &reason)?;
        self.database.run(&work).map_err(|fault| self.error(fault))
    }

    fn error(&self, fault: Fault) -> StoreError {
        fault.into_error(&self.database.path)
    }
}

impl fmt::Debug for WorkerStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerStore")
            .field("path", &self.database.path)
            .finish_non_exhaustive()
    }
}
