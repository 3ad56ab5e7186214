//! Replaces a damaged file: the new file is written beside it, then put in its place.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::fault::Fault;
use crate::{StoreError, set_aside};

/// So many unreadable files are kept beside the good one.
pub(crate) const MAX_FILES_SET_ASIDE: u32 = 10;

/// Has `write` make the new file, and exchanges the two. Returns the name that the damaged one has then. After an error
/// the damaged one is where it was.
pub(crate) fn replace(
    path: &Path,
    reason: &str,
    write: impl FnOnce(&Path) -> Result<(), redb::Error>,
) -> Result<PathBuf, Fault> {
    let not_a_file = || StoreError::Medium {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    if !path.is_file() {
        return Err(Fault::Error(not_a_file()));
    }
    let new = name(path);
    // One that could not be finished.
    remove(&new).map_err(Fault::Error)?;
    if let Err(error) = write(&new) {
        if let Err(error) = remove(&new) {
            log::warn!("{error}");
        }
        // Whatever is wrong with the new file, the damaged one stays.
        let error = Fault::of(&new, error).into_error(&new);
        return Err(Fault::Error(error));
    }
    let damaged = set_aside::move_file(path, MAX_FILES_SET_ASIDE, reason).map_err(Fault::Error)?;
    // Whoever is interrupted here finishes it when the store is opened.
    let put_in_place = fs::rename(&new, path).map_err(|error| StoreError::from_io(path, error));
    put_in_place
        .and_then(|()| sync_folder(path))
        .map_err(Fault::Error)?;
    Ok(damaged)
}

/// Ends an exchange that was interrupted. A new file beside the old one may be incomplete, and is left alone.
pub(crate) fn finish(path: &Path) -> Result<(), StoreError> {
    if path.exists() {
        return Ok(());
    }
    match fs::rename(name(path), path) {
        Ok(()) => sync_folder(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::from_io(path, error)),
    }
}

fn name(path: &Path) -> PathBuf {
    path.with_extension("new.redb")
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::from_io(path, error))
        }
        _ => Ok(()),
    }
}

/// Makes the new names durable, where the system can.
pub(crate) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| StoreError::from_io(folder, error))?;
    }
    Ok(())
}
