//! Opening the store: what it finds, and what may be missing.

use std::fs;
use std::path::{Path, PathBuf};

use super::{FILE_NAME, RedbStore};
use crate::changes::Changes;
use crate::database::{OpenDatabase, ReopeningDatabase, open_file};
use crate::fault::Fault;
use crate::log::{self as redo_log, Found, LOG_BYTES, Log, OpenLog, new_epoch};
use crate::redb_tables as tables;
use crate::{FileSetAside, LOG_FILE_NAME, SCHEMA_VERSION, StoreError, replacement, set_aside};

/// Memory for pages of the file, in bytes. Registrations are held in memory anyway: more would keep what was read at the start
/// for good. With 4 MiB, a `register()` writes 8 % less.
const CACHE_BYTES: usize = 64 * 1024;

/// So many ids and sequences are left out if frames of the log can't be read, because those may have used some. No record or
/// entry takes less than 4 bytes, so a whole log has no more.
const NUMBERS_LEFT_OUT: u64 = LOG_BYTES as u64 / 4;

/// What was lost when a store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Losses {
    /// Commits in the log that can't be read.
    frames: u32,
}

impl RedbStore {
    /// Opens the files in `folder`; makes folder and database if they are missing. A file that can't be read at all
    /// is set aside under another name.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::NotWritable`], [`StoreError::TooNew`],
    /// [`StoreError::Full`] or [`StoreError::Medium`].
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(|error| StoreError::from_io(folder, error))?;
        let path = folder.join(FILE_NAME);
        replacement::finish(&path)?;
        let log_path = folder.join(LOG_FILE_NAME);
        let open = |path: &Path| open_file(path, CACHE_BYTES);
        let log = Log::new(log_path.clone(), Box::new(redo_log::open_file));
        let mut store = Self::closed(path.clone(), Box::new(open), Some(log));
        let set_aside = |path, reason: &str| {
            set_aside::move_file(path, replacement::MAX_FILES_SET_ASIDE, reason)
        };
        match store.open_and_read() {
            Err(Fault::Damaged(reason)) => {
                store.database.close();
                let path = set_aside(&path, &reason)?;
                if redo_log::is_plain_file(&log_path) {
                    // Its frames tell what has changed in the other.
                    set_aside(&log_path, "its database is")?;
                }
                store.set_aside = Some(FileSetAside { path, records: 0 });
                store.open_and_read().map_err(|fault| store.error(fault))?;
            }
            Ok(Losses { frames: 1.. }) if store.logged.is_empty() => {
                // What could be read of it is in the database.
                let path = set_aside(&log_path, "commits in it can't be read")?;
                store.set_aside = Some(FileSetAside { path, records: 0 });
            }
            other => drop(other.map_err(|fault| store.error(fault))?),
        }
        Ok(store)
    }

    /// A store on a database of the caller's own, for media that are no file, and for tests with
    /// media that fail. It has no log, so each strict commit is one of the database. `path` is only for messages.
    ///
    /// # Errors
    /// As [`RedbStore::open`].
    pub fn open_with(path: PathBuf, open: OpenDatabase) -> Result<Self, StoreError> {
        let mut store = Self::closed(path, open, None);
        store.open_and_read().map_err(|fault| store.error(fault))?;
        Ok(store)
    }

    /// The same with a log. Nothing is set aside.
    ///
    /// # Errors
    /// As [`RedbStore::open`].
    pub fn open_with_log(
        path: PathBuf,
        open: OpenDatabase,
        open_log: OpenLog,
    ) -> Result<Self, StoreError> {
        let log = Log::new(path.with_file_name(LOG_FILE_NAME), open_log);
        let mut store = Self::closed(path, open, Some(log));
        store.open_and_read().map_err(|fault| store.error(fault))?;
        Ok(store)
    }

    fn closed(path: PathBuf, open: OpenDatabase, log: Option<Log>) -> Self {
        Self {
            database: ReopeningDatabase::new(path, open),
            log,
            logged: Changes::default(),
            logged_bytes: 0,
            relaxed: Changes::default(),
            loaded: None,
            next_id: 0,
            set_aside: None,
        }
    }

    /// Opens the files and reads all of them, so that damage shows now.
    fn open_and_read(&mut self) -> Result<Losses, Fault> {
        let known = u64::from(SCHEMA_VERSION);
        match self.database.run(tables::read_schema)? {
            Some(found) if found > known => {
                let path = self.database.path.clone();
                return Err(Fault::Error(StoreError::TooNew { path, found, known }));
            }
            Some(_) => {}
            None => self
                .database
                .run(|database| tables::create_tables(database, new_epoch()))?,
        }
        let loaded = self.database.run(tables::read_all)?;
        let epoch = self.database.run(tables::read_log_epoch)?;
        self.next_id = loaded.next_id.0;
        self.loaded = Some(loaded);
        let Some(log) = &mut self.log else {
            return Ok(Losses::default());
        };
        match log.read(epoch) {
            Ok(found) => self.take_over(found),
            Err(error) => Err(Fault::Error(StoreError::from_io(&log.path, error))),
        }
    }

    /// Has the database take over what was found in the log. If that can't be done now, the next commit does it.
    fn take_over(&mut self, found: Found) -> Result<Losses, Fault> {
        let losses = Losses {
            frames: found.damaged,
        };
        if found.changes.is_empty() && !found.has_losses() {
            return Ok(losses);
        }
        let has_losses = found.has_losses();
        let mut changes = found.changes;
        if has_losses {
            log::warn!(
                "{} commits in the log can't be read; the last one may be missing, too: {}",
                found.damaged,
                found.is_torn
            );
            let next_id = self.next_id.max(changes.next_id);
            changes.next_id = next_id.saturating_add(NUMBERS_LEFT_OUT);
            let mut journal = self.database.run(tables::read_journal)?;
            changes.apply_to_journal(&mut journal);
            let after_last = journal
                .last()
                .map_or(0, |entry| entry.sequence.saturating_add(1));
            let stored = self.database.run(tables::read_next_entry)?;
            let next_entry = changes.next_entry.max(stored).max(after_last);
            changes.next_entry = next_entry.saturating_add(NUMBERS_LEFT_OUT);
        }
        if let Some(loaded) = &mut self.loaded {
            changes.apply(loaded);
        }
        self.next_id = self.next_id.max(changes.next_id);
        self.logged_bytes = changes.bytes();
        self.logged = changes;
        if let Some(log) = &mut self.log {
            log.end_epoch();
        }
        if let Err(error) = self.checkpoint(&Changes::default()) {
            log::warn!("what is in the log is not in the database yet: {error}");
        }
        Ok(losses)
    }
}
