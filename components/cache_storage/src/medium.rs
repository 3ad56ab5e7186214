//! The interface to the disk: nothing else touches it.

use std::fmt::Debug;
use std::io;

use redb::{Database, DatabaseError};
use serde::{Deserialize, Serialize};

/// Names the file of a body. It is not reused while a store is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileId(pub u64);

/// Where a store is: an index and any number of files. The production one is [`crate::FolderMedium`]; tests hand in one
/// that fails, or forgets what was not flushed.
pub trait Medium: Debug + Send + Sync {
    /// Opens the index, or creates an empty one.
    ///
    /// # Errors
    /// What the medium or the index's format says.
    fn open_index(&self) -> Result<Database, DatabaseError>;

    /// Moves an index that can't be read out of the way, so that the next one starts empty.
    ///
    /// # Errors
    /// What the medium says.
    fn set_index_aside(&self) -> io::Result<()>;

    /// Creates an empty file. If there is a file of that name, it belongs to nobody and is replaced.
    ///
    /// # Errors
    /// What the medium says.
    fn create(&self, file: FileId) -> io::Result<Box<dyn BodyFile>>;

    /// Opens a file to read it.
    ///
    /// # Errors
    /// What the medium says.
    fn open(&self, file: FileId) -> io::Result<Box<dyn BodyFile>>;

    /// How long a file is, in bytes.
    ///
    /// # Errors
    /// What the medium says.
    fn len(&self, file: FileId) -> io::Result<u64>;

    /// Removes a file. Whoever is reading it may go on, where the system allows that.
    ///
    /// # Errors
    /// What the medium says.
    fn remove(&self, file: FileId) -> io::Result<()>;

    /// Lists all files.
    ///
    /// # Errors
    /// What the medium says.
    fn list(&self) -> io::Result<Vec<FileId>>;

    /// Flushes the names of all files that were created: they are on the medium when this returns.
    ///
    /// # Errors
    /// What the medium says.
    fn sync_names(&self) -> io::Result<()>;
}

/// An open file. Dropping it closes it.
pub trait BodyFile: Debug + Send {
    /// Appends bytes.
    ///
    /// # Errors
    /// What the medium says.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Fills `bytes` from `offset` on.
    ///
    /// # Errors
    /// What the medium says; `UnexpectedEof` if there are not so many.
    fn read_exact_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Flushes what was written: it is on the medium when this returns.
    ///
    /// # Errors
    /// What the medium says.
    fn sync(&mut self) -> io::Result<()>;
}
