//! Copies by content: a file that has not changed keeps its time stamp, so cargo rebuilds only what did. `cp` and `rsync
//! --times` go by time stamps, `rsync --checksum` is not on every machine, and some files are edited on their way.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fs_err as fs;

/// Every file under `folder`, relative to it, sorted. Build results and git's own files are skipped.
pub fn list(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(relative) = waiting.pop() {
        let here = folder.join(&relative);
        let entries = fs::read_dir(&here)?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot list {}", here.display()))?;
            let name = entry.file_name();
            if entry.path().is_dir() {
                if name != "target" && name != ".git" {
                    waiting.push(relative.join(&name));
                }
            } else {
                found.insert(relative.join(&name));
            }
        }
    }
    Ok(found)
}

/// Writes `content` unless the file has it already; returns whether it wrote.
pub fn write_if_different(path: &Path, content: &[u8]) -> Result<bool> {
    match fs::read(path) {
        Ok(present) if present == content => return Ok(false),
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error.into());
        }
        _ => {}
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, content)?;
    Ok(true)
}

/// Copies one file unless the copy has its content already.
pub fn copy_if_different(from: &Path, to: &Path) -> Result<bool> {
    let content = fs::read(from)?;
    write_if_different(to, &content)
}

/// Makes `to` a copy of the folder `from`, as `edit` leaves each file: writes what differs, removes
/// what `from` has not.
pub fn mirror(
    from: &Path,
    to: &Path,
    edit: impl Fn(&Path, Vec<u8>) -> Result<Vec<u8>>,
) -> Result<()> {
    let wanted = list(from)?;
    for file in &wanted {
        let path = from.join(file);
        let content = fs::read(&path)?;
        let content = edit(file, content).with_context(|| path.display().to_string())?;
        write_if_different(&to.join(file), &content)?;
    }
    for file in list(to)?.difference(&wanted) {
        remove(&to.join(file), to)?;
    }
    Ok(())
}

/// Removes a file, and the folders above it that this leaves empty, up to `stop`.
pub fn remove(path: &Path, stop: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error.into());
        }
        _ => {}
    }
    let mut folder = path.parent();
    while let Some(parent) = folder.filter(|parent| *parent != stop && parent.starts_with(stop)) {
        // Fails on the first folder that still holds something, which is where to stop.
        if fs::remove_dir(parent).is_err() {
            break;
        }
        folder = parent.parent();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirror_writes_only_what_differs_and_removes_the_rest() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        write_if_different(&from.join("src/lib.rs"), b"one")?;
        write_if_different(&from.join("src/deep/same.rs"), b"same")?;
        write_if_different(&to.join("src/lib.rs"), b"old")?;
        write_if_different(&to.join("src/deep/same.rs"), b"same")?;
        write_if_different(&to.join("stale/gone.rs"), b"gone")?;
        let before = fs::metadata(to.join("src/deep/same.rs"))?.modified()?;

        mirror(&from, &to, |_, content| Ok(content))?;

        assert_eq!(fs::read(to.join("src/lib.rs"))?, b"one");
        assert_eq!(
            fs::metadata(to.join("src/deep/same.rs"))?.modified()?,
            before
        );
        assert!(!to.join("stale").exists());
        Ok(())
    }
}
