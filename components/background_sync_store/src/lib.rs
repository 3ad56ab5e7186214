//! Durable storage of sync registrations. `DESIGN.md` beside this crate has the schema, what always holds, and what is
//! assumed of the medium.
//!
//! [`RegistrationStore`] is also the seam for fault injection: tests hand the manager a store that fails where they want.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod changes;
mod codec;
mod database;
mod error;
mod fault;
mod log;
mod memory;
mod redb_origins;
mod redb_store;
mod redb_tables;
mod replacement;
mod set_aside;
mod worker_store;

use std::ops::RangeInclusive;
use std::path::PathBuf;

use background_sync_core::{
    JournalEntry, RegistrationId, StoreOp, StoredOrigin, StoredRegistration,
};

pub use background_sync_core::Durability;
pub use codec::{
    CodecError, OTHER_KINDS_VERSION, RECORD_VERSION, SCHEMA_VERSION, decode, decode_entry,
    decode_origin, encode, encode_entry, encode_origin,
};
pub use database::OpenDatabase;
pub use error::StoreError;
pub use log::{LOG_BYTES, LOG_FILE_NAME, LogUse, OpenLog};
pub use memory::MemoryStore;
pub use redb_store::{FILE_NAME, RedbStore};
pub use worker_store::{
    MAX_STORED_WORKERS, WORKERS_FILE_NAME, WorkerStore, decode_worker, encode_worker,
};

/// A record that could not be read. It is kept, out of the way, and does not affect others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Its key.
    pub id: RegistrationId,
    /// What is wrong with it.
    pub reason: String,
}

/// Everything that a store holds.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Loaded {
    /// Its registrations, by ascending id.
    pub records: Vec<StoredRegistration>,
    /// What it keeps about origins. What can't be read is left out.
    pub origins: Vec<StoredOrigin>,
    /// The first id that was never used in this store.
    pub next_id: RegistrationId,
    /// Records that could not be read and are out of the way from now on.
    pub set_aside: Vec<SetAside>,
    /// A whole file that could not be read, under the name that it has now.
    pub set_aside_file: Option<PathBuf>,
}

/// A whole file that turned out to be unreadable while it was used. What could be read of it is in a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSetAside {
    /// The name that it has now.
    pub path: PathBuf,
    /// How many records are only in it.
    pub records: u64,
}

/// A change of the stored journal. First some entries go, then others are put.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct JournalUpdate {
    /// Entries that are new or have changed. None of them is among those that go.
    pub put: Vec<JournalEntry>,
    /// Entries that are gone, by their sequences, and places where there is none.
    pub remove: Vec<RangeInclusive<u64>>,
    /// All entries before this one are gone.
    pub keep_from: u64,
    /// The first sequence that was never used.
    pub next_sequence: u64,
}

impl JournalUpdate {
    /// Adds a later change to this one.
    pub fn merge(&mut self, later: Self) {
        let goes = |entry: &JournalEntry| {
            let mut gone = later.remove.iter();
            gone.any(|range| range.contains(&entry.sequence))
        };
        self.put.retain(|entry| !goes(entry));
        self.put.extend(later.put);
        self.remove.extend(later.remove);
        self.keep_from = self.keep_from.max(later.keep_from);
        self.next_sequence = self.next_sequence.max(later.next_sequence);
    }
}

/// Keeps sync registrations. Not for queries: all of them are in memory, too.
pub trait RegistrationStore: Send {
    /// Loads everything that is stored. Called once, before any commit.
    ///
    /// # Errors
    /// If nothing can be read at all.
    fn load_all(&mut self) -> Result<Loaded, StoreError>;

    /// Applies the operations in order: either all of them, or none and an error. After an error the
    /// store goes on working as soon as its medium does.
    ///
    /// # Errors
    /// If the medium is full, read-only or broken.
    fn commit(&mut self, batch: &[StoreOp], durability: Durability) -> Result<(), StoreError>;

    /// Loads the journal, by ascending sequence. Entries that can't be read are left out.
    ///
    /// # Errors
    /// If nothing can be read at all.
    fn load_journal(&mut self) -> Result<Vec<JournalEntry>, StoreError> {
        Ok(Vec::new())
    }

    /// Brings the stored journal up to date. A store that has none ignores it.
    ///
    /// # Errors
    /// As [`RegistrationStore::commit`].
    fn update_journal(
        &mut self,
        update: &JournalUpdate,
        durability: Durability,
    ) -> Result<(), StoreError> {
        let _ = (update, durability);
        Ok(())
    }

    /// The next sequence of the journal, if its last entries are gone; 0 if they tell it.
    ///
    /// # Errors
    /// If nothing can be read at all.
    fn next_journal_sequence(&mut self) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// The file that has been set aside since the last call. The manager asks after each commit, and reports it.
    fn take_file_set_aside(&mut self) -> Option<FileSetAside> {
        None
    }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
