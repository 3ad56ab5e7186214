//! The redo log: what was committed since the last commit of the database. A commit is one write of whole blocks that hold
//! nothing else, and one flush; the file has its length and its content, zeros, from the start.

mod block;
mod file;
mod frames;

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use redb::StorageBackend;

use crate::changes::Changes;
use crate::codec::encode_long;
use block::{BLOCK_BYTES, Block, CONTENT_BYTES, blocks_for, encode_frame, parse};
pub use file::LogUse;
pub(crate) use file::{is_plain_file, open_file};
pub(crate) use frames::Found;
use frames::read_frames;

/// Name of the log in the profile folder, beside [`crate::FILE_NAME`].
pub const LOG_FILE_NAME: &str = "registrations.log";

const LOG_BLOCKS: usize = 256;

/// These tell whether there are frames, also if one of them is lost.
const FIRST_BLOCKS: usize = 2;

/// Length of a log, in bytes.
pub const LOG_BYTES: usize = LOG_BLOCKS * BLOCK_BYTES;

/// What needs more of the log is written to the database at once: it would only be written twice.
const MAX_FRAME_BLOCKS: usize = LOG_BLOCKS / 4;

/// Most that can be in a frame, in bytes.
const MAX_FRAME_BYTES: usize = MAX_FRAME_BLOCKS * CONTENT_BYTES;

/// After a fault of the log, so many commits go to the database before it is tried again.
const COMMITS_BEFORE_RETRY: u32 = 256;

/// Opens the log of a store; called again after a fault. `None` if there is none to read.
pub type OpenLog = Box<dyn Fn(&Path, LogUse) -> io::Result<Option<Box<dyn StorageBackend>>> + Send>;

pub(crate) struct Log {
    /// Of its file.
    pub path: PathBuf,
    open: OpenLog,
    /// `None` before the first commit.
    medium: Option<Box<dyn StorageBackend>>,
    /// What marks the frames that count. `None` if it is not known what the database says: nothing can be written until
    /// it has a new one.
    epoch: Option<u64>,
    /// The first block without a frame of the epoch.
    next_block: usize,
    next_frame: u32,
    /// Commits before the log is tried again.
    pause: u32,
}

impl Log {
    /// Nothing is opened yet.
    pub fn new(path: PathBuf, open: OpenLog) -> Self {
        Self {
            path,
            open,
            medium: None,
            epoch: None,
            next_block: 0,
            next_frame: 0,
            pause: 0,
        }
    }

    /// Reads what the database, which has this epoch, lacks. A log that is not of this database is left alone, and written
    /// over later.
    pub fn read(&mut self, epoch: Option<u64>) -> io::Result<Found> {
        self.epoch = epoch;
        let Some(epoch) = epoch else {
            return Ok(Found::default());
        };
        let Some(medium) = (self.open)(&self.path, LogUse::Read)? else {
            return Ok(Found::default());
        };
        let length = usize::try_from(medium.len()?).unwrap_or(usize::MAX);
        let blocks = (length / BLOCK_BYTES).min(LOG_BLOCKS);
        let mut bytes = vec![0; blocks * BLOCK_BYTES];
        let at_first = FIRST_BLOCKS.min(blocks) * BLOCK_BYTES;
        let (first, others) = bytes.split_at_mut(at_first);
        // Each epoch begins with the first block, so most starts read no more of it.
        medium.read(0, first)?;
        let mut first = first.chunks_exact(BLOCK_BYTES);
        if first.all(|block| parse(block, epoch) == Block::Old) {
            return Ok(Found::default());
        }
        medium.read(at_first as u64, others)?;
        Ok(read_frames(&bytes, epoch, MAX_FRAME_BYTES))
    }

    /// Writes a frame and waits for the medium. If that can't be done, for any reason, it returns `false`: then the changes
    /// belong into the database.
    pub fn append(&mut self, changes: &Changes) -> bool {
        if self.pause > 0 {
            self.pause -= 1;
            return false;
        }
        let room = MAX_FRAME_BLOCKS.min(LOG_BLOCKS - self.next_block);
        let (Some(epoch), true) = (self.epoch, blocks_for(changes.bytes()) <= room) else {
            return false;
        };
        let Ok(content) = encode_long(changes, MAX_FRAME_BYTES) else {
            return false;
        };
        let Some(blocks) = encode_frame(epoch, self.next_frame, &content) else {
            return false;
        };
        let end = self.next_block + blocks.len() / BLOCK_BYTES;
        if end > LOG_BLOCKS {
            return false;
        }
        if let Err(error) = self.open_medium() {
            self.give_up_for_now(&error);
            return false;
        }
        if let Err(error) = self.write(&blocks) {
            self.give_up_for_now(&error);
            self.void(self.next_block..end);
            return false;
        }
        self.next_block = end;
        self.next_frame += 1;
        true
    }

    fn give_up_for_now(&mut self, error: &io::Error) {
        log::warn!(
            "{} can't be used, so commits go to the database: {error}",
            self.path.display()
        );
        self.pause = COMMITS_BEFORE_RETRY;
    }

    /// Takes back a frame that may be on the medium or not. The new epoch of the next checkpoint makes it void, but that may
    /// fail as well: then the commit has failed, and must not be there at the next start. If the medium does not even take
    /// zeros, it may be.
    fn void(&mut self, blocks: Range<usize>) {
        self.epoch = None;
        if let Some(medium) = self.medium.take() {
            let zeros = vec![0; blocks.len() * BLOCK_BYTES];
            let _ = medium.write((blocks.start * BLOCK_BYTES) as u64, &zeros);
        }
    }

    fn write(&self, blocks: &[u8]) -> io::Result<()> {
        let Some(medium) = &self.medium else {
            return Err(io::ErrorKind::NotFound.into());
        };
        medium.write((self.next_block * BLOCK_BYTES) as u64, blocks)?;
        medium.sync_data()
    }

    /// Opens the file, which has all its blocks afterwards.
    fn open_medium(&mut self) -> io::Result<()> {
        if self.medium.is_some() {
            return Ok(());
        }
        let opened = (self.open)(&self.path, LogUse::Write)?;
        let medium = opened.ok_or(io::ErrorKind::NotFound)?;
        // Nothing in it counts any more: that was written to the database when it was read.
        if medium.len()? < LOG_BYTES as u64
            && let Err(error) = fill(&*medium)
        {
            // The database may need the room.
            let _ = medium.set_len(0);
            return Err(error);
        }
        self.medium = Some(medium);
        Ok(())
    }

    /// Whether the database needs a new epoch with its next commit.
    pub fn needs_new_epoch(&self) -> bool {
        self.epoch.is_none() || self.next_block > 0
    }

    /// What the database says is not known for now, or it has all that is in the log.
    pub fn end_epoch(&mut self) {
        self.epoch = None;
    }

    /// The database has all that was in the log, and this epoch.
    pub fn start_epoch(&mut self, epoch: u64) {
        self.epoch = Some(epoch);
        self.next_block = 0;
        self.next_frame = 0;
    }
}

/// Makes room for all blocks, so that a commit changes nothing but the content of some.
fn fill(medium: &dyn StorageBackend) -> io::Result<()> {
    medium.set_len(LOG_BYTES as u64)?;
    // Block by block, as it is written later: Linux keeps what it was given at once in one piece, and counts a block that
    // changes as all of it.
    for block in 0..LOG_BLOCKS {
        medium.write((block * BLOCK_BYTES) as u64, &[0; BLOCK_BYTES])?;
    }
    medium.sync_data()
}

/// A number that no other epoch has: it tells frames of this database and this time from all others.
pub(crate) fn new_epoch() -> u64 {
    RandomState::new().hash_one(std::time::SystemTime::now())
}
