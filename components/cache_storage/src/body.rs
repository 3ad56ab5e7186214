//! Bodies. They are written in chunks of any size, and read in chunks that have been verified.
//!
//! A body longer than [`MAX_INLINE_BODY_BYTES`] is a file of chunks of [`CHUNK_BYTES`]; the last one may be shorter. Each
//! chunk is followed by a checksum of its bytes and its place: eight bytes, little-endian.

use std::hash::Hasher;
use std::mem;

use siphasher::sip::SipHasher13;

use crate::codec::StoredBody;
use crate::keys::EntryKey;
use crate::medium::{BodyFile, FileId};
use crate::shared::Shared;
use crate::{CacheError, medium::Medium};

/// The longest body that is stored in the index, in bytes. Longer bodies are files.
pub const MAX_INLINE_BODY_BYTES: usize = 16 * 1024;

/// The number of bytes that are checked, and read, at a time.
pub const CHUNK_BYTES: usize = 64 * 1024;

const CHECKSUM_BYTES: usize = 8;

/// Against damage by chance, not by people: whoever can write the file can write the checksum.
pub(crate) fn checksum(place: u64, bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(place, bytes.len() as u64);
    hasher.write(bytes);
    hasher.finish()
}

/// How long the file of such a body is, in bytes.
pub(crate) fn file_length(body_length: u64) -> u64 {
    body_length + body_length.div_ceil(CHUNK_BYTES as u64) * CHECKSUM_BYTES as u64
}

/// A body that is being written. Dropped before it is committed, it leaves nothing behind.
#[derive(Debug)]
pub struct BodyDraft {
    shared: Shared,
    length: u64,
    /// What is not in the file yet: less than a chunk.
    pending: Vec<u8>,
    file: Option<(FileId, Box<dyn BodyFile>)>,
    chunks: u64,
}

/// A complete body, for the index.
#[derive(Debug)]
pub(crate) struct FinishedBody {
    pub stored: StoredBody,
    /// The bytes of an inline body.
    pub inline: Vec<u8>,
}

impl BodyDraft {
    pub(crate) fn new(shared: Shared) -> Self {
        Self {
            shared,
            length: 0,
            pending: Vec::new(),
            file: None,
            chunks: 0,
        }
    }

    /// The number of bytes so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// [`CacheError::QuotaExceeded`] or [`CacheError::Unavailable`]. The draft is of no use then.
    pub fn append(&mut self, mut bytes: &[u8]) -> Result<(), CacheError> {
        self.shared.reserve(bytes.len() as u64)?;
        self.length += bytes.len() as u64;
        if self.file.is_none() && self.pending.len() + bytes.len() <= MAX_INLINE_BODY_BYTES {
            self.pending.extend_from_slice(bytes);
            return Ok(());
        }
        while self.pending.len() + bytes.len() >= CHUNK_BYTES {
            let (now, later) = bytes.split_at(CHUNK_BYTES - self.pending.len());
            self.pending.extend_from_slice(now);
            self.write_chunk()?;
            bytes = later;
        }
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    fn write_chunk(&mut self) -> Result<(), CacheError> {
        let failed = |error| CacheError::of_io("write a body", &error);
        let file = match &mut self.file {
            Some((_, file)) => file,
            empty @ None => {
                let id = self.shared.new_draft_file();
                let created = self.shared.medium.create(id).map_err(|error| {
                    self.shared.end_draft_file(id);
                    failed(error)
                })?;
                &mut empty.insert((id, created)).1
            }
        };
        let sum = checksum(self.chunks, &self.pending).to_le_bytes();
        self.pending.extend_from_slice(&sum);
        file.append(&self.pending).map_err(failed)?;
        self.pending.clear();
        self.chunks += 1;
        Ok(())
    }

    /// Writes what is left; a file is flushed.
    pub(crate) fn finish(&mut self) -> Result<FinishedBody, CacheError> {
        if self.file.is_none() && self.length <= MAX_INLINE_BODY_BYTES as u64 {
            let inline = mem::take(&mut self.pending);
            let (length, checksum) = (self.length, checksum(0, &inline));
            let stored = StoredBody::Inline { length, checksum };
            return Ok(FinishedBody { stored, inline });
        }
        if !self.pending.is_empty() {
            self.write_chunk()?;
        }
        let Some((id, file)) = &mut self.file else {
            return Err(CacheError::Unavailable);
        };
        file.sync()
            .map_err(|error| CacheError::of_io("flush a body", &error))?;
        let (id, length) = (*id, self.length);
        Ok(FinishedBody {
            stored: StoredBody::File { id, length },
            inline: Vec::new(),
        })
    }

    /// The index may name it: it stays.
    pub(crate) fn keep(mut self) {
        if let Some((id, _)) = self.file.take() {
            self.shared.end_draft_file(id);
        }
    }
}

impl Drop for BodyDraft {
    fn drop(&mut self) {
        self.shared.release(self.length);
        if let Some((id, file)) = self.file.take() {
            drop(file);
            self.shared.end_draft_file(id);
            self.shared.remove_now(id);
        }
    }
}

/// Reads a body that is a file, from the start. The file stays until this is dropped, even if its entry is removed.
#[derive(Debug)]
pub struct BodyReader {
    shared: Shared,
    entry: EntryKey,
    id: FileId,
    length: u64,
    file: Option<Box<dyn BodyFile>>,
    next_chunk: u64,
}

/// The body of a pair that was found.
#[derive(Debug)]
pub enum FoundBody {
    /// A null body.
    None,
    /// A short body, as a whole.
    Inline(Vec<u8>),
    /// A longer body, to be read in chunks.
    File(BodyReader),
}

impl BodyReader {
    pub(crate) fn new(shared: Shared, entry: EntryKey, id: FileId, length: u64) -> Self {
        shared.add_reader(id);
        Self {
            shared,
            entry,
            id,
            length,
            file: None,
            next_chunk: 0,
        }
    }

    /// The length of the whole body, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The entry that it belongs to, so that the entry can be removed if the body is damaged.
    pub(crate) fn entry(&self) -> EntryKey {
        self.entry
    }

    /// The next [`CHUNK_BYTES`], or fewer at the end; then `None`. The file is open from the first call to the last.
    ///
    /// # Errors
    /// [`CacheError::Damaged`] or [`CacheError::Unavailable`].
    pub fn read(&mut self) -> Result<Option<Vec<u8>>, CacheError> {
        let start = self.next_chunk * CHUNK_BYTES as u64;
        if start >= self.length {
            self.file = None;
            return Ok(None);
        }
        let length = usize::try_from(self.length - start)
            .unwrap_or(CHUNK_BYTES)
            .min(CHUNK_BYTES);
        let mut bytes = vec![0; length + CHECKSUM_BYTES];
        let offset = self.next_chunk * (CHUNK_BYTES + CHECKSUM_BYTES) as u64;
        self.file()?
            .read_exact_at(offset, &mut bytes)
            .map_err(read_error)?;
        let stored = bytes.split_off(length);
        if stored != checksum(self.next_chunk, &bytes).to_le_bytes() {
            log::warn!("The body of a stored response is damaged");
            return Err(CacheError::Damaged);
        }
        self.next_chunk += 1;
        Ok(Some(bytes))
    }

    /// Closes the file; the next read opens it again. For hosts that have too many open.
    pub fn close_file(&mut self) {
        self.file = None;
    }

    /// Whether the file is open.
    pub fn is_open(&self) -> bool {
        self.file.is_some()
    }

    fn file(&mut self) -> Result<&mut dyn BodyFile, CacheError> {
        let medium: &dyn Medium = &*self.shared.medium;
        let file = match &mut self.file {
            Some(file) => file,
            closed @ None => closed.insert(medium.open(self.id).map_err(read_error)?),
        };
        Ok(&mut **file)
    }
}

fn read_error(error: std::io::Error) -> CacheError {
    use std::io::ErrorKind::{NotFound, UnexpectedEof};
    let known = CacheError::of_io("read a body", &error);
    match error.kind() {
        NotFound | UnexpectedEof => CacheError::Damaged,
        _ => known,
    }
}

impl Drop for BodyReader {
    fn drop(&mut self) {
        self.file = None;
        self.shared.remove_reader(self.id);
    }
}
