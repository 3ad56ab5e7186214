//! A redb database that is closed after a fault, and opened again by the next operation.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError, StorageError};

use crate::fault::Fault;

/// Opens the database of a store; called again after a fault.
pub type OpenDatabase = Box<dyn Fn(&Path) -> Result<Database, DatabaseError> + Send>;

pub(crate) struct ReopeningDatabase {
    /// Of its file.
    pub path: PathBuf,
    pub open: OpenDatabase,
    /// `None` before the first operation and after a fault.
    database: Option<Database>,
}

impl ReopeningDatabase {
    /// Nothing is opened yet.
    pub fn new(path: PathBuf, open: OpenDatabase) -> Self {
        let database = None;
        Self {
            path,
            open,
            database,
        }
    }

    pub fn is_open(&self) -> bool {
        self.database.is_some()
    }

    /// Does something with the open database. After a fault it is closed, because redb refuses to go
    /// on; the next call opens it anew. A file with damaged bytes, or one that was cut short, can make
    /// redb panic: that must not end the browser.
    pub fn run<T>(
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
            Fault::of(&self.path, error)
        })
    }

    pub fn close(&mut self) {
        let database = self.database.take();
        if catch_unwind(AssertUnwindSafe(|| drop(database))).is_err() {
            log::warn!("{} could not be closed cleanly", self.path.display());
        }
    }
}

/// Opens or makes a file, with so many bytes of memory for its pages.
pub(crate) fn open_file(path: &Path, cache_bytes: usize) -> Result<Database, DatabaseError> {
    let mut builder = Database::builder();
    builder.set_cache_size(cache_bytes);
    builder.create(path)
}
