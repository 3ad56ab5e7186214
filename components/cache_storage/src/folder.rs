//! A medium that is a folder on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError};

use crate::medium::{BodyFile, FileId, Medium};

const INDEX_NAME: &str = "index.redb";
/// The name of an index that was set aside. Only the last one is kept.
const UNREADABLE_INDEX_NAME: &str = "index.unreadable.redb";
const BODIES_NAME: &str = "bodies";
/// The memory for cached pages of the index, in bytes.
const INDEX_CACHE_BYTES: usize = 4 * 1024 * 1024;

/// The index, and a folder with the bodies beside it.
#[derive(Debug)]
pub struct FolderMedium {
    folder: PathBuf,
    bodies: PathBuf,
}

impl FolderMedium {
    /// Uses this folder, and creates it if it is missing. Nobody else may use it.
    ///
    /// # Errors
    /// If there can be no such folder.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let bodies = folder.join(BODIES_NAME);
        if !bodies.is_dir() {
            fs::create_dir_all(&bodies)?;
            sync_folder(folder)?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            bodies,
        })
    }

    fn path(&self, file: FileId) -> PathBuf {
        self.bodies.join(format!("{:016x}", file.0))
    }
}

impl Medium for FolderMedium {
    fn open_index(&self) -> Result<Database, DatabaseError> {
        let path = self.folder.join(INDEX_NAME);
        let is_new = !path.exists();
        let mut builder = Database::builder();
        builder.set_cache_size(INDEX_CACHE_BYTES);
        let database = builder.create(path)?;
        if is_new {
            sync_folder(&self.folder)?;
        }
        Ok(database)
    }

    fn set_index_aside(&self) -> io::Result<()> {
        let from = self.folder.join(INDEX_NAME);
        fs::rename(from, self.folder.join(UNREADABLE_INDEX_NAME))
    }

    fn create(&self, file: FileId) -> io::Result<Box<dyn BodyFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        Ok(Box::new(OpenFile(options.open(self.path(file))?)))
    }

    fn open(&self, file: FileId) -> io::Result<Box<dyn BodyFile>> {
        Ok(Box::new(OpenFile(File::open(self.path(file))?)))
    }

    fn len(&self, file: FileId) -> io::Result<u64> {
        Ok(fs::metadata(self.path(file))?.len())
    }

    fn remove(&self, file: FileId) -> io::Result<()> {
        match fs::remove_file(self.path(file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    fn list(&self) -> io::Result<Vec<FileId>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.bodies)? {
            let name = entry?.file_name();
            let number = name.to_str().map(|name| u64::from_str_radix(name, 16));
            if let Some(Ok(number)) = number {
                files.push(FileId(number));
            }
        }
        Ok(files)
    }

    fn sync_names(&self) -> io::Result<()> {
        sync_folder(&self.bodies)
    }
}

/// Elsewhere than on Unix folders can't be opened; there, names are durable with the files.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[derive(Debug)]
struct OpenFile(File);

impl BodyFile for OpenFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn read_exact_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(offset))?;
        self.0.read_exact(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}
