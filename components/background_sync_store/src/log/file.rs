//! The log as a file.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use redb::StorageBackend;
use redb::backends::FileBackend;

use crate::replacement::sync_folder;

/// What the log is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogUse {
    /// To read what is in it; a missing one is not made.
    Read,
    /// To write to it; it is made if it is missing, and will be there after a power cut.
    Write,
}

/// Opens the log in a profile. What has its name and is no file, a link included, is not this software's: it is not
/// followed, and has no commits.
pub(crate) fn open_file(
    path: &Path,
    log_use: LogUse,
) -> io::Result<Option<Box<dyn StorageBackend>>> {
    let is_missing = match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => false,
        Ok(_) if log_use == LogUse::Read => {
            log::warn!("{} is no file, so there is no log", path.display());
            return Ok(None);
        }
        Ok(_) => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it is no file",
            ));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && log_use == LogUse::Read => {
            return Ok(None);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(error),
    };
    let may_write = log_use == LogUse::Write;
    let mut options = OpenOptions::new();
    options.read(true).write(may_write).create_new(is_missing);
    let file = options.open(path)?;
    if is_missing {
        // Its name must be there after a power cut, or its commits are not.
        sync_folder(path).map_err(io::Error::other)?;
    }
    let backend = FileBackend::new(file).map_err(io::Error::other)?;
    Ok(Some(Box::new(backend)))
}

/// Whether there is a log that can be moved.
pub(crate) fn is_plain_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}
