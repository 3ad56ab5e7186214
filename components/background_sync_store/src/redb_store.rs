//! The store on disk.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use background_sync_core::{JournalEntry, RegistrationId, StoreOp};
use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition,
};

use crate::{
    Durability, JournalUpdate, Loaded, RegistrationStore, SCHEMA_VERSION, SetAside, StoreError,
    decode, decode_entry, encode, encode_entry,
};

/// Name of the file in the profile folder.
pub const FILE_NAME: &str = "registrations.redb";

/// Memory for pages of the file, in bytes. Registrations are held in memory anyway.
const CACHE_BYTES: usize = 4 * 1024 * 1024;

/// So many unreadable files are kept beside the good one.
const MAX_FILES_SET_ASIDE: u32 = 10;

const REGISTRATIONS: TableDefinition<u64, &[u8]> = TableDefinition::new("registrations");
const SET_ASIDE: TableDefinition<u64, &[u8]> = TableDefinition::new("set_aside");
const JOURNAL: TableDefinition<u64, &[u8]> = TableDefinition::new("journal");
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
const META_SCHEMA: &str = "schema_version";
const META_NEXT_ID: &str = "next_id";

/// Opens the database of a store; called again after a fault.
pub type OpenDatabase = Box<dyn Fn(&Path) -> Result<Database, DatabaseError> + Send>;

/// Registrations in a [redb](https://docs.rs/redb) file: one key per registration, each commit
/// atomic. The file belongs to one process at a time.
pub struct RedbStore {
    path: PathBuf,
    open: OpenDatabase,
    /// `None` after a fault: opened again by the next operation.
    database: Option<Database>,
    next_id: u64,
    set_aside_file: Option<PathBuf>,
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
        let mut store = Self::closed(path, Box::new(open_file));
        let database = match store.open_file() {
            Err(OpenFault::Unreadable(reason)) => {
                log::error!(
                    "{} can't be read ({reason}) and is set aside",
                    store.path.display()
                );
                store.set_file_aside()?;
                store
                    .open_file()
                    .map_err(|fault| fault.into_error(&store.path))?
            }
            other => other.map_err(|fault| fault.into_error(&store.path))?,
        };
        store.prepare(&database)?;
        store.database = Some(database);
        Ok(store)
    }

    /// A store on a database of the caller's own, for media that are no file, and for tests with
    /// media that fail. `path` is only for messages.
    ///
    /// # Errors
    /// As [`RedbStore::open`].
    pub fn open_with(path: PathBuf, open: OpenDatabase) -> Result<Self, StoreError> {
        let mut store = Self::closed(path, open);
        let database = store
            .open_file()
            .map_err(|fault| fault.into_error(&store.path))?;
        store.prepare(&database)?;
        store.database = Some(database);
        Ok(store)
    }

    fn closed(path: PathBuf, open: OpenDatabase) -> Self {
        Self {
            path,
            open,
            database: None,
            next_id: 0,
            set_aside_file: None,
        }
    }

    fn open_file(&self) -> Result<Database, OpenFault> {
        (self.open)(&self.path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => OpenFault::Error(StoreError::InUse {
                path: self.path.clone(),
            }),
            DatabaseError::Storage(StorageError::Io(error))
                if error.kind() != std::io::ErrorKind::InvalidData
                    && error.kind() != std::io::ErrorKind::UnexpectedEof =>
            {
                OpenFault::Error(StoreError::from_io(&self.path, error))
            }
            other => OpenFault::Unreadable(other.to_string()),
        })
    }

    /// Moves the file out of the way.
    fn set_file_aside(&mut self) -> Result<(), StoreError> {
        let names = (1..=MAX_FILES_SET_ASIDE).map(|number| {
            self.path
                .with_extension(format!("unreadable-{number}.redb"))
        });
        // With so many of them, the last is overwritten: a device must not fill up.
        let Some(name) = names.reduce(|name, next| if name.exists() { next } else { name }) else {
            return Ok(());
        };
        fs::rename(&self.path, &name).map_err(|error| StoreError::from_io(&self.path, error))?;
        self.set_aside_file = Some(name);
        Ok(())
    }

    /// Makes the tables, checks the schema version.
    fn prepare(&self, database: &Database) -> Result<(), StoreError> {
        let medium = |error: redb::Error| self.fault(error);
        let known = u64::from(SCHEMA_VERSION);
        if let Some(found) = read_schema(database).map_err(medium)? {
            if found > known {
                return Err(StoreError::TooNew {
                    path: self.path.clone(),
                    found,
                    known,
                });
            }
            return Ok(());
        }
        let write = || -> Result<(), redb::Error> {
            let transaction = database.begin_write()?;
            transaction.open_table(REGISTRATIONS)?;
            transaction.open_table(SET_ASIDE)?;
            transaction.open_table(META)?.insert(META_SCHEMA, known)?;
            transaction.commit()?;
            Ok(())
        };
        write().map_err(medium)
    }

    fn fault(&self, error: redb::Error) -> StoreError {
        match error {
            redb::Error::Io(error) => StoreError::from_io(&self.path, error),
            other => StoreError::Medium {
                path: self.path.clone(),
                reason: other.to_string(),
            },
        }
    }

    /// The open database. After a fault it is opened anew, because redb refuses to go on.
    fn database(&mut self) -> Result<&Database, StoreError> {
        if self.database.is_none() {
            let database = self
                .open_file()
                .map_err(|fault| fault.into_error(&self.path))?;
            self.database = Some(database);
        }
        self.database
            .as_ref()
            .ok_or_else(|| StoreError::Other("the registrations file is not open".to_owned()))
    }

    /// Moves unreadable records to a table of their own.
    fn set_records_aside(&mut self, keys: &[SetAside]) -> Result<(), StoreError> {
        let move_all = |database: &Database| -> Result<(), redb::Error> {
            let transaction = database.begin_write()?;
            {
                let mut registrations = transaction.open_table(REGISTRATIONS)?;
                let mut set_aside = transaction.open_table(SET_ASIDE)?;
                for SetAside { id, .. } in keys {
                    if let Some(value) = registrations.remove(id.0)? {
                        set_aside.insert(id.0, value.value())?;
                    }
                }
            }
            transaction.commit()?;
            Ok(())
        };
        let result = move_all(self.database()?);
        result.map_err(|error| self.fault(error))
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

/// Why the file did not open.
enum OpenFault {
    Error(StoreError),
    /// It is no database, or a broken one.
    Unreadable(String),
}

impl OpenFault {
    fn into_error(self, path: &Path) -> StoreError {
        match self {
            Self::Error(error) => error,
            Self::Unreadable(reason) => StoreError::Medium {
                path: path.to_owned(),
                reason,
            },
        }
    }
}

fn read_schema(database: &Database) -> Result<Option<u64>, redb::Error> {
    let transaction = database.begin_read()?;
    match transaction.open_table(META) {
        Ok(meta) => Ok(meta.get(META_SCHEMA)?.map(|version| version.value())),
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn read_all(database: &Database) -> Result<Loaded, redb::Error> {
    let transaction = database.begin_read()?;
    let mut loaded = Loaded::default();
    let stored_next = transaction.open_table(META)?.get(META_NEXT_ID)?;
    let mut next_id = stored_next.map_or(0, |next| next.value());
    for entry in transaction.open_table(REGISTRATIONS)?.iter()? {
        let (key, value) = entry?;
        let id = RegistrationId(key.value());
        next_id = next_id.max(id.0.saturating_add(1));
        match decode(value.value()) {
            Ok(record) if record.id == id => loaded.records.push(record),
            Ok(record) => {
                let reason = format!("the record says that its id is {}", record.id.0);
                loaded.set_aside.push(SetAside { id, reason });
            }
            Err(error) => loaded.set_aside.push(SetAside {
                id,
                reason: error.to_string(),
            }),
        }
    }
    loaded.next_id = RegistrationId(next_id);
    Ok(loaded)
}

/// Applies a batch; returns the first id that was never used.
fn write_batch(
    database: &Database,
    batch: &[StoreOp],
    durability: Durability,
    next_id: u64,
) -> Result<u64, redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(to_redb(durability))?;
    let mut new_next_id = next_id;
    {
        let mut registrations = transaction.open_table(REGISTRATIONS)?;
        for op in batch {
            match op {
                StoreOp::Put(record) => {
                    let bytes = encode(record)
                        .map_err(|error| StorageError::Corrupted(error.to_string()))?;
                    registrations.insert(record.id.0, bytes.as_slice())?;
                    new_next_id = new_next_id.max(record.id.0.saturating_add(1));
                }
                StoreOp::Remove(id) => drop(registrations.remove(id.0)?),
            }
        }
    }
    if new_next_id > next_id {
        transaction
            .open_table(META)?
            .insert(META_NEXT_ID, new_next_id)?;
    }
    transaction.commit()?;
    Ok(new_next_id)
}

fn to_redb(durability: Durability) -> redb::Durability {
    match durability {
        Durability::Strict => redb::Durability::Immediate,
        Durability::Relaxed => redb::Durability::None,
    }
}

fn read_journal(database: &Database) -> Result<Vec<JournalEntry>, redb::Error> {
    let transaction = database.begin_read()?;
    let table = match transaction.open_table(JOURNAL) {
        Ok(table) => table,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut entries = Vec::new();
    for entry in table.iter()? {
        let (key, value) = entry?;
        match decode_entry(value.value()) {
            Ok(entry) if entry.sequence == key.value() => entries.push(entry),
            _ => log::warn!("entry {} of the journal can't be read", key.value()),
        }
    }
    Ok(entries)
}

fn write_journal(
    database: &Database,
    update: &JournalUpdate,
    durability: Durability,
) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(to_redb(durability))?;
    {
        let mut table = transaction.open_table(JOURNAL)?;
        for entry in &update.put {
            // One that is too long is not worth a fault.
            if let Ok(bytes) = encode_entry(entry) {
                table.insert(entry.sequence, bytes.as_slice())?;
            }
        }
        for sequence in &update.remove {
            table.remove(sequence)?;
        }
        table.retain_in(..update.keep_from, |_, _| false)?;
    }
    transaction.commit()?;
    Ok(())
}

impl RegistrationStore for RedbStore {
    fn load_all(&mut self) -> Result<Loaded, StoreError> {
        let result = read_all(self.database()?);
        let mut loaded = result.map_err(|error| self.fault(error))?;
        self.next_id = loaded.next_id.0;
        loaded.set_aside_file = self.set_aside_file.take();
        if !loaded.set_aside.is_empty()
            && let Err(error) = self.set_records_aside(&loaded.set_aside)
        {
            log::warn!("unreadable records could not be set aside and will be met again: {error}");
        }
        Ok(loaded)
    }

    fn commit(&mut self, batch: &[StoreOp], durability: Durability) -> Result<(), StoreError> {
        let next_id = self.next_id;
        match write_batch(self.database()?, batch, durability, next_id) {
            Ok(next_id) => {
                self.next_id = next_id;
                Ok(())
            }
            Err(error) => {
                let fault = self.fault(error);
                self.database = None;
                Err(fault)
            }
        }
    }

    fn load_journal(&mut self) -> Result<Vec<JournalEntry>, StoreError> {
        let result = read_journal(self.database()?);
        result.map_err(|error| self.fault(error))
    }

    fn update_journal(
        &mut self,
        update: &JournalUpdate,
        durability: Durability,
    ) -> Result<(), StoreError> {
        let result = write_journal(self.database()?, update, durability);
        result.map_err(|error| {
            let fault = self.fault(error);
            self.database = None;
            fault
        })
    }
}
