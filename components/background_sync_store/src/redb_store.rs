//! The store on disk: a database, and a log of what it does not have yet.

mod opening;

use std::fmt;

use background_sync_core::{JournalEntry, RegistrationId, StoreOp};
use redb::Database;

use crate::changes::Changes;
use crate::database::ReopeningDatabase;
use crate::fault::Fault;
use crate::log::{Log, new_epoch};
use crate::redb_tables as tables;
use crate::{
    CodecError, Durability, FileSetAside, JournalUpdate, Loaded, RegistrationStore, StoreError,
    replacement,
};

/// Name of the database in the profile folder.
pub const FILE_NAME: &str = "registrations.redb";

/// What waits for the database is in memory, too, up to about so many bytes: of what is in the log, and of what is relaxed.
/// With more of it, the database takes over everything.
const MAX_WAITING_BYTES: usize = 256 * 1024;

/// Registrations in a [redb](https://docs.rs/redb) file, behind a log that takes one write and one flush a commit. Each
/// commit is atomic. The files belong to one process at a time.
pub struct RedbStore {
    database: ReopeningDatabase,
    log: Option<Log>,
    /// What the log has, and the database does not.
    logged: Changes,
    /// It takes no more memory than this.
    logged_bytes: usize,
    /// What neither has.
    relaxed: Changes,
    /// What was read when it was opened, until it is asked for.
    loaded: Option<Loaded>,
    next_id: u64,
    /// Until it is asked for.
    set_aside: Option<FileSetAside>,
}

impl RedbStore {
    fn error(&self, fault: Fault) -> StoreError {
        fault.into_error(&self.database.path)
    }

    fn too_long(&self, error: &CodecError) -> StoreError {
        StoreError::Medium {
            path: self.database.path.clone(),
            reason: error.to_string(),
        }
    }

    fn store(&mut self, changes: Changes, durability: Durability) -> Result<(), StoreError> {
        // Out of date in a moment.
        self.loaded = None;
        if durability == Durability::Relaxed
            && self.relaxed.bytes() + changes.bytes() <= MAX_WAITING_BYTES
        {
            self.next_id = self.next_id.max(changes.next_id);
            self.relaxed.merge(changes);
            return Ok(());
        }
        let mut new = self.relaxed.clone();
        new.merge(changes);
        if new.is_empty() {
            return Ok(());
        }
        new.next_id = new.next_id.max(self.next_id);
        if let (Some(log), false) = (&mut self.log, self.database.is_open()) {
            // With it the lock is gone, and somebody else may have used both.
            log.end_epoch();
        }
        let logged_bytes = self.logged_bytes + new.bytes();
        let log = self.log.as_mut();
        let mut log = log.filter(|_| logged_bytes <= MAX_WAITING_BYTES);
        if !log.as_mut().is_some_and(|log| log.append(&new)) {
            return self.checkpoint(&new);
        }
        self.next_id = new.next_id;
        self.relaxed = Changes::default();
        self.logged.merge(new);
        self.logged_bytes = logged_bytes;
        Ok(())
    }

    /// Has the database take over what is in the log, and these changes, in one commit. What is relaxed is among them.
    fn checkpoint(&mut self, new: &Changes) -> Result<(), StoreError> {
        let needs_new_epoch = self.log.as_ref().is_some_and(Log::needs_new_epoch);
        let mut epoch = needs_new_epoch.then(new_epoch);
        let next_id = self.next_id.max(new.next_id);
        let logged = std::mem::take(&mut self.logged);
        let changes = [&logged, new];
        let write = |database: &Database| tables::write_changes(database, &changes, next_id, epoch);
        let mut written = self.database.run(write);
        if let Err(Fault::Damaged(reason)) = &written {
            let new_file = new_epoch();
            written = self.rebuild(reason, &changes, next_id, new_file);
            epoch = Some(new_file);
        }
        match written {
            Ok(()) => {
                self.next_id = next_id;
                self.logged_bytes = 0;
                self.relaxed = Changes::default();
                if let (Some(log), Some(epoch)) = (&mut self.log, epoch) {
                    log.start_epoch(epoch);
                }
                Ok(())
            }
            Err(fault) => {
                self.logged = logged;
                if let Some(log) = &mut self.log {
                    // The database has the old epoch or the new one.
                    log.end_epoch();
                }
                Err(self.error(fault))
            }
        }
    }

    /// What can still be read of a file with damage goes into a new one, with these changes, which takes its place when it
    /// is complete: until then nothing has changed, and the next commit tries again.
    fn rebuild(
        &mut self,
        reason: &str,
        changes: &[&Changes],
        next_id: u64,
        log_epoch: u64,
    ) -> Result<(), Fault> {
        let loaded = self.database.run(tables::read_all)?;
        let journal = self.database.run(tables::read_journal).unwrap_or_default();
        let next_entry = self
            .database
            .run(tables::read_next_entry)
            .unwrap_or_default();
        self.database.close();
        let records = u64::try_from(loaded.set_aside.len()).unwrap_or(u64::MAX);
        let old = Changes::of_everything(loaded, journal, next_entry);
        let replaced = replacement::replace(&self.database.path, reason, |path| {
            let database = (self.database.open)(path)?;
            tables::create_tables(&database, log_epoch)?;
            let all: Vec<_> = [&old].into_iter().chain(changes.iter().copied()).collect();
            tables::write_changes(&database, &all, next_id, Some(log_epoch))
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

/// Closed, it is a database that has everything, and a log that counts for nothing.
impl Drop for RedbStore {
    fn drop(&mut self) {
        if self.logged.is_empty() && self.relaxed.is_empty() {
            return;
        }
        let relaxed = std::mem::take(&mut self.relaxed);
        if let Err(error) = self.checkpoint(&relaxed) {
            // What was durable is so: it is in the log, and read at the next start.
            log::warn!("{error}");
        }
    }
}

impl RegistrationStore for RedbStore {
    fn load_all(&mut self) -> Result<Loaded, StoreError> {
        let mut loaded = match self.loaded.take() {
            Some(loaded) => loaded,
            None => {
                let read = self.database.run(tables::read_all);
                let mut loaded = read.map_err(|fault| self.error(fault))?;
                self.logged.apply(&mut loaded);
                self.relaxed.apply(&mut loaded);
                loaded
            }
        };
        loaded.next_id = loaded.next_id.max(RegistrationId(self.next_id));
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
        let changes = Changes::of(batch).map_err(|error| self.too_long(&error))?;
        self.store(changes, durability)
    }

    fn load_journal(&mut self) -> Result<Vec<JournalEntry>, StoreError> {
        let read = self.database.run(tables::read_journal);
        let mut journal = read.map_err(|fault| self.error(fault))?;
        self.logged.apply_to_journal(&mut journal);
        self.relaxed.apply_to_journal(&mut journal);
        Ok(journal)
    }

    fn update_journal(
        &mut self,
        update: &JournalUpdate,
        durability: Durability,
    ) -> Result<(), StoreError> {
        self.store(Changes::of_journal(update), durability)
    }

    fn next_journal_sequence(&mut self) -> Result<u64, StoreError> {
        let read = self.database.run(tables::read_next_entry);
        let stored = read.map_err(|fault| self.error(fault))?;
        let waiting = self.logged.next_entry.max(self.relaxed.next_entry);
        Ok(stored.max(waiting))
    }

    fn take_file_set_aside(&mut self) -> Option<FileSetAside> {
        self.set_aside.take()
    }
}
