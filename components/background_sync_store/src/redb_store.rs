//! The store on disk: opening, faults, and starting over.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use background_sync_core::{JournalEntry, RegistrationId, StoreOp};
use redb::Database;

use crate::database::{OpenDatabase, ReopeningDatabase, open_file};
use crate::fault::Fault;
use crate::redb_tables as tables;
use crate::{
    Durability, FileSetAside, JournalUpdate, Loaded, RegistrationStore, SCHEMA_VERSION, StoreError,
    replacement, set_aside,
};

/// Name of the file in the profile folder.
pub const FILE_NAME: &str = "registrations.redb";

/// Memory for pages of the file, in bytes. Registrations are held in memory anyway.
const CACHE_BYTES: usize = 4 * 1024 * 1024;

/// Registrations in a [redb](https://docs.rs/redb) file: one key per registration, each commit
/// atomic. The file belongs to one process at a time.
pub struct RedbStore {
    database: ReopeningDatabase,
    /// What was read when it was opened, until it is asked for.
    loaded: Option<Loaded>,
    next_id: u64,
    /// Until it is asked for.
    set_aside: Option<FileSetAside>,
}

impl RedbStore {
    /// Opens the file in `folder`; makes both if they are missing. A file that can't be read at all
    /// is set aside under another name.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::NotWritable`], [`StoreError::TooNew`],
    /// [`StoreError::Full`] or [`StoreError::Medium`].
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(|error| StoreError::from_io(folder, error))?;
        let path = folder.join(FILE_NAME);
        replacement::finish(&path)?;
        let open = |path: &Path| open_file(path, CACHE_BYTES);
        let mut store = Self::closed(path.clone(), Box::new(open));
        match store.open_and_read() {
            Err(Fault::Damaged(reason)) => {
                store.database.close();
                let path = set_aside::move_file(&path, replacement::MAX_FILES_SET_ASIDE, &reason)?;
                store.set_aside = Some(FileSetAside { path, records: 0 });
                store.open_and_read().map_err(|fault| store.error(fault))?;
            }
            other => other.map_err(|fault| store.error(fault))?,
        }
        Ok(store)
    }

    /// A store on a database of the caller's own, for media that are no file, and for tests with
    /// media that fail. `path` is only for messages.
    ///
    /// # Errors
    /// As [`RedbStore::open`].
    pub fn open_with(path: PathBuf, open: OpenDatabase) -> Result<Self, StoreError> {
        let mut store = Self::closed(path, open);
        store.open_and_read().map_err(|fault| store.error(fault))?;
        Ok(store)
    }

    fn closed(path: PathBuf, open: OpenDatabase) -> Self {
        let (loaded, next_id, set_aside) = (None, 0, None);
        Self {
            database: ReopeningDatabase::new(path, open),
            loaded,
            next_id,
            set_aside,
        }
    }

    /// Opens the file and reads all of it, so that damage shows now.
    fn open_and_read(&mut self) -> Result<(), Fault> {
        let known = u64::from(SCHEMA_VERSION);
        match self.database.run(tables::read_schema)? {
            Some(found) if found > known => {
                let path = self.database.path.clone();
                return Err(Fault::Error(StoreError::TooNew { path, found, known }));
            }
            Some(_) => {}
            None => self.database.run(tables::create_tables)?,
        }
        let loaded = self.database.run(tables::read_all)?;
        self.next_id = loaded.next_id.0;
        self.loaded = Some(loaded);
        Ok(())
    }

    fn error(&self, fault: Fault) -> StoreError {
        fault.into_error(&self.database.path)
    }

    /// What can still be read of a file with damage goes into a new one, which takes its place when it is complete:
    /// until then nothing has changed, and the next commit tries again.
    fn rebuild(&mut self, reason: &str) -> Result<(), Fault> {
        let mut loaded = self.database.run(tables::read_all)?;
        let journal = self.database.run(tables::read_journal).unwrap_or_default();
        let next_entry = self
            .database
            .run(tables::read_next_entry)
            .unwrap_or_default();
        self.database.close();
        loaded.next_id = RegistrationId(self.next_id);
        let records = u64::try_from(loaded.set_aside.len()).unwrap_or(u64::MAX);
        let replaced = replacement::replace(&self.database.path, reason, |path| {
            let database = (self.database.open)(path)?;
            tables::create_tables(&database)?;
            tables::write_everything(&database, loaded, journal, next_entry)
        });
        let path = replaced?;
        self.set_aside = Some(FileSetAside { path, records });
        Ok(())
    }
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore")
            .field("path", &self.database.path)
            .finish_non_exhaustive()
    }
}

impl RegistrationStore for RedbStore {
    fn load_all(&mut self) -> Result<Loaded, StoreError> {
        let mut loaded = match self.loaded.take() {
            Some(loaded) => loaded,
            None => self
                .database
                .run(tables::read_all)
                .map_err(|fault| self.error(fault))?,
        };
        loaded.set_aside_file = self.set_aside.take().map(|file| file.path);
        let (keys, next_id) = (&loaded.set_aside, loaded.next_id.0);
        if !keys.is_empty()
            && let Err(fault) = self
                .database
                .run(|database| tables::set_records_aside(database, keys, next_id))
        {
            let error = self.error(fault);
            log::warn!("unreadable records could not be set aside and will be met again: {error}");
        }
        Ok(loaded)
    }

    fn commit(&mut self, batch: &[StoreOp], durability: Durability) -> Result<(), StoreError> {
        let next_id = self.next_id;
        let write = |database: &Database| tables::write_batch(database, batch, durability, next_id);
        let result = match self.database.run(write) {
            Err(Fault::Damaged(reason)) => self
                .rebuild(&reason)
                .and_then(|()| self.database.run(write)),
            result => result,
        };
        self.next_id = result.map_err(|fault| self.error(fault))?;
        Ok(())
    }

    fn load_journal(&mut self) -> Result<Vec<JournalEntry>, StoreError> {
        self.database
            .run(tables::read_journal)
            .map_err(|fault| self.error(fault))
    }

    fn update_journal(
        &mut self,
        update: &JournalUpdate,
        durability: Durability,
    ) -> Result<(), StoreError> {
        let write = |database: &Database| tables::write_journal(database, update, durability);
        self.database.run(write).map_err(|fault| self.error(fault))
    }

    fn next_journal_sequence(&mut self) -> Result<u64, StoreError> {
        self.database
            .run(tables::read_next_entry)
            .map_err(|fault| self.error(fault))
    }

    fn take_file_set_aside(&mut self) -> Option<FileSetAside> {
        self.set_aside.take()
    }
}
