//! A medium in memory, which ends with the process.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use redb::backends::InMemoryBackend;
use redb::{Database, DatabaseError};

use crate::medium::{BodyFile, FileId, Medium};

type Bytes = Arc<Mutex<Vec<u8>>>;

/// Keeps all of it in memory, for profiles that leave no trace and bodies that are not large. An index that is opened
/// again is empty.
#[derive(Debug, Default)]
pub struct MemoryMedium {
    files: Mutex<BTreeMap<FileId, Bytes>>,
}

impl MemoryMedium {
    fn find(&self, file: FileId) -> io::Result<Bytes> {
        let files = self.files.lock();
        Ok(files.get(&file).ok_or(io::ErrorKind::NotFound)?.clone())
    }
}

impl Medium for MemoryMedium {
    fn open_index(&self) -> Result<Database, DatabaseError> {
        Database::builder().create_with_backend(InMemoryBackend::new())
    }

    fn set_index_aside(&self) -> io::Result<()> {
        Ok(())
    }

    fn create(&self, file: FileId) -> io::Result<Box<dyn BodyFile>> {
        let bytes = Bytes::default();
        self.files.lock().insert(file, bytes.clone());
        Ok(Box::new(InMemory(bytes)))
    }

    fn open(&self, file: FileId) -> io::Result<Box<dyn BodyFile>> {
        Ok(Box::new(InMemory(self.find(file)?)))
    }

    fn len(&self, file: FileId) -> io::Result<u64> {
        Ok(self.find(file)?.lock().len() as u64)
    }

    fn remove(&self, file: FileId) -> io::Result<()> {
        self.files.lock().remove(&file);
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<FileId>> {
        Ok(self.files.lock().keys().copied().collect())
    }

    fn sync_names(&self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct InMemory(Bytes);

impl BodyFile for InMemory {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().extend_from_slice(bytes);
        Ok(())
    }

    fn read_exact_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let all = self.0.lock();
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let end = start.saturating_add(bytes.len());
        let from = all.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?;
        bytes.copy_from_slice(from);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
