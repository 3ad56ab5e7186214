//! The store on disk: opening, faults, and starting over.

use std::fmt;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use background_sync_core::{JournalEntry, StoreOp};
use redb::{Database, DatabaseError, StorageError};

use crate::redb_tables as tables;
use crate::{Durability, JournalUpdate, Loaded, RegistrationStore, SCHEMA_VERSION, StoreError};

/// Name of the file in the profile folder.
pub const FILE_NAME: &str = "registrations.redb";

/// Memory for pages of the file, in bytes. Registrations are held in memory anyway.
const CACHE_BYTES: usize = 4 * 1024 * 1024;

/// So many unreadable files are kept beside the good one.
const MAX_FILES_SET_ASIDE: u32 = 10;

/// Opens the database of a store; called again after a fault.
pub type OpenDatabase = Box<dyn Fn(&Path) -> Result<Database, DatabaseError> + Send>;

/// Registrations in a [redb](https://docs.rs/redb) file: one key per registration, each commit
/// atomic. The file belongs to one process at a time.
pub struct RedbStore {
    path: PathBuf,
    open: OpenDatabase,
    /// `None` after a fault: opened again by the next operation.
    database: Option<Database>,
    /// What was read when it was opened, until it is asked for.
    loaded: Option<Loaded>,
    next_id: u64,
    set_aside_file: Option<PathBuf>,
}

/// Why something could not be done with the file.
enum Fault {
    /// For whoever asked.
    Error(StoreError),
    /// The bytes of the file make no sense: it has to be set aside.
    Damaged(String),
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
        let mut store = Self::closed(folder.join(FILE_NAME), Box::new(open_file));
        match store.open_and_read() {
            Err(Fault::Damaged(reason)) => {
                store.set_file_aside(&reason)?;
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
        let (database, loaded, next_id, set_aside_file) = (None, None, 0, None);
        Self {
            path,
            open,
            database,
            loaded,
            next_id,
            set_aside_file,
        }
    }

    /// Opens the file and reads all of it, so that damage shows now.
    fn open_and_read(&mut self) -> Result<(), Fault> {
        let known = u64::from(SCHEMA_VERSION);
        match self.run(tables::read_schema)? {
            Some(found) if found > known => {
                let path = self.path.clone();
                return Err(Fault::Error(StoreError::TooNew { path, found, known }));
            }
            Some(_) => {}
            None => self.run(tables::create_tables)?,
        }
        let loaded = self.run(tables::read_all)?;
        self.next_id = loaded.next_id.0;
        self.loaded = Some(loaded);
        Ok(())
    }

    /// Does something with the open database. After a fault it is closed, because redb refuses to go
    /// on; the next call opens it anew. A file with damaged bytes can make redb panic: that must not
    /// end the browser.
    fn run<T>(
        &mut self,
        work: impl FnOnce(&Database) -> Result<T, redb::Error>,
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
            self.close();
            self.fault(error)
        })
    }

    fn close(&mut self) {
        let database = self.database.take();
        if catch_unwind(AssertUnwindSafe(|| drop(database))).is_err() {
            log::warn!("{} could not be closed cleanly", self.path.display());
        }
    }

    fn fault(&self, error: redb::Error) -> Fault {
        use std::io::ErrorKind::{InvalidData, UnexpectedEof};
        let path = self.path.clone();
        match error {
            redb::Error::DatabaseAlreadyOpen => Fault::Error(StoreError::InUse { path }),
            redb::Error::Io(error) if !matches!(error.kind(), InvalidData | UnexpectedEof) => {
                Fault::Error(StoreError::from_io(&path, error))
            }
            redb::Error::PreviousIo | redb::Error::ValueTooLarge(_) => {
                Fault::Error(StoreError::Medium {
                    path,
                    reason: error.to_string(),
                })
            }
            other => Fault::Damaged(other.to_string()),
        }
    }

    fn error(&self, fault: Fault) -> StoreError {
        match fault {
            Fault::Error(error) => error,
            Fault::Damaged(reason) => StoreError::Medium {
                path: self.path.clone(),
                reason,
            },
        }
    }

    /// Moves the file out of the way.
    fn set_file_aside(&mut self, reason: &str) -> Result<(), StoreError> {
        self.close();
        let name = |number| {
            self.path
                .with_extension(format!("unreadable-{number}.redb"))
        };
        let free = (1..=MAX_FILES_SET_ASIDE)
            .map(name)
            .find(|name| !name.exists());
        // With so many of them, the last is overwritten: a device must not fill up.
        let name = free.unwrap_or_else(|| name(MAX_FILES_SET_ASIDE));
        let from_io = |error| StoreError::from_io(&self.path, error);
        fs::rename(&self.path, &name).map_err(from_io)?;
        log::error!(
            "{} is damaged ({reason}); now {}",
            self.path.display(),
            name.display()
        );
        self.set_aside_file = Some(name);
        Ok(())
    }

    /// What can still be read of a file with damage goes into a new one.
    fn rebuild(&mut self, reason: &str) -> Result<(), Fault> {
        let loaded = self.run(tables::read_all)?;
        let journal = self.run(tables::read_journal).unwrap_or_default();
        self.set_file_aside(reason).map_err(Fault::Error)?;
        self.run(tables::create_tables)?;
        let records: Vec<_> = loaded.records.into_iter().map(StoreOp::Put).collect();
        let next_id = self.next_id;
        self.run(|database| {
            tables::write_batch(database, &records, Durability::Strict, 0)?;
            // The ids that are used up stay used up.
            tables::write_next_id(database, next_id)?;
            let update = JournalUpdate {
                put: journal,
                ..JournalUpdate::default()
            };
            tables::write_journal(database, &update, Durability::Strict)
        })
    }
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

fn open_file(path: &Path) -> Result<Database, DatabaseError> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder.create(path)
}

impl RegistrationStore for RedbStore {
    fn load_all(&mut self) -> Result<Loaded, StoreError> {
        let mut loaded = match self.loaded.take() {
            Some(loaded) => loaded,
            None => self
                .run(tables::read_all)
                .map_err(|fault| self.error(fault))?,
        };
        loaded.set_aside_file = self.set_aside_file.take();
        let (keys, next_id) = (&loaded.set_aside, loaded.next_id.0);
        if !keys.is_empty()
            && let Err(fault) =
                self.run(|database| tables::set_records_aside(database, keys, next_id))
        {
            let error = self.error(fault);
            log::warn!("unreadable records could not be set aside and will be met again: {error}");
        }
        Ok(loaded)
    }

    fn commit(&mut self, batch: &[StoreOp], durability: Durability) -> Result<(), StoreError> {
        let next_id = self.next_id;
        let write = |database: &Database| tables::write_batch(database, batch, durability, next_id);
        let result = match self.run(write) {
            Err(Fault::Damaged(reason)) => self.rebuild(&reason).and_then(|()| self.run(write)),
            result => result,
        };
        self.next_id = result.map_err(|fault| self.error(fault))?;
        Ok(())
    }

    fn load_journal(&mut self) -> Result<Vec<JournalEntry>, StoreError> {
        self.run(tables::read_journal)
            .map_err(|fault| self.error(fault))
    }

    fn update_journal(
        &mut self,
        update: &JournalUpdate,
        durability: Durability,
    ) -> Result<(), StoreError> {
        let write = |database: &Database| tables::write_journal(database, update, durability);
        self.run(write).map_err(|fault| self.error(fault))
    }
}
