//! What the profiles lie on: on some file systems a synchronized write costs nothing.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use procfs::process::{MountInfo, Process};

/// Those that are kept in memory.
const IN_MEMORY: [&str; 3] = ["tmpfs", "ramfs", "devtmpfs"];

/// The file system of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Medium {
    /// Its type, as the system calls it: `ext4`.
    kind: String,
}

impl Medium {
    /// The one that this folder lies on.
    pub fn of(folder: &Path) -> Result<Self> {
        let folder = folder
            .canonicalize()
            .with_context(|| format!("cannot use the folder {}", folder.display()))?;
        let mounts = Process::myself().and_then(|process| process.mountinfo());
        let mounts = mounts.context("cannot list the file systems")?;
        let kind = kind_of(&folder, mounts.into_iter());
        let kind = kind.with_context(|| format!("no file system has {}", folder.display()))?;
        Ok(Self { kind })
    }

    /// Whether nothing on it survives a power cut, however it is written.
    pub fn is_memory(&self) -> bool {
        IN_MEMORY.contains(&self.kind.as_str())
    }
}

impl fmt::Display for Medium {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.kind)
    }
}

/// The type of the innermost mount that has this folder; of several at one place the last one hides the others.
fn kind_of(folder: &Path, mounts: impl Iterator<Item = MountInfo>) -> Option<String> {
    mounts
        .filter(|mount| folder.starts_with(&mount.mount_point))
        .max_by_key(|mount| mount.mount_point.components().count())
        .map(|mount| mount.fs_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
        21 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
        22 21 0:19 / /dev/shm rw - tmpfs tmpfs rw\n\
        23 21 0:20 / /home rw - ext4 /dev/vdb rw\n\
        24 21 0:21 / /home rw - btrfs /dev/vdc rw";

    fn kind(folder: &str) -> Option<String> {
        let mounts = MOUNTS.lines().map(MountInfo::from_line);
        kind_of(Path::new(folder), mounts.map(|m| m.expect("a mount")))
    }

    #[test]
    fn the_innermost_and_last_mount_counts() {
        assert_eq!(kind("/tmp/x").as_deref(), Some("ext4"));
        assert_eq!(kind("/dev/shm/x").as_deref(), Some("tmpfs"));
        assert_eq!(kind("/dev/shmx").as_deref(), Some("ext4"));
        assert_eq!(kind("/home/me").as_deref(), Some("btrfs"));
    }

    #[test]
    fn what_is_in_memory_is_recognized() {
        let medium = |kind: &str| Medium { kind: kind.into() };
        assert!(medium("tmpfs").is_memory());
        assert!(!medium("overlay").is_memory());
    }

    #[test]
    fn a_folder_of_this_machine_has_a_file_system() -> Result<()> {
        let folder = tempfile::tempdir()?;
        assert_ne!(Medium::of(folder.path())?.to_string(), "");
        assert!(Medium::of(&folder.path().join("absent")).is_err());
        Ok(())
    }
}
