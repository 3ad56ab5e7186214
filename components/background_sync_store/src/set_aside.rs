//! Keeps files that can't be read under another name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Moves a file out of the way; returns its new name. With `most` of them there already, the last is overwritten: a
/// device must not fill up.
pub(crate) fn move_file(path: &Path, most: u32, reason: &str) -> Result<PathBuf, StoreError> {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let name = |number| path.with_extension(format!("unreadable-{number}.{extension}"));
    let free = (1..=most).map(name).find(|name| !name.exists());
    let name = free.unwrap_or_else(|| name(most));
    fs::rename(path, &name).map_err(|error| StoreError::from_io(path, error))?;
    log::error!(
        "{} is damaged ({reason}); now {}",
        path.display(),
        name.display()
    );
    Ok(name)
}
