//! The file in which a kiosk that ends leaves the time of the next sync, for whoever has started it: a service whose user may make
//! no timers, or it could run anything.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What follows the time if the device is to be woken for it.
const WAKE: &str = " wake";

/// The file. It is there only while no kiosk runs that was told of it.
#[derive(Debug)]
pub struct NextSyncFile(PathBuf);

impl NextSyncFile {
    /// Takes it over: what another kiosk has left there is gone.
    ///
    /// # Errors
    /// If it can't be removed.
    pub fn take_over(path: &Path) -> io::Result<Self> {
        let file = Self(path.to_owned());
        file.remove()?;
        Ok(file)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Leaves this time there, to be read by this user alone. Whoever reads it finds all of it or nothing.
    ///
    /// # Errors
    /// If its folder can't be written.
    pub fn write(&self, at: SystemTime, wakes_system: bool) -> io::Result<()> {
        let folder = match self.0.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut file = tempfile::Builder::new()
            .prefix(".next-sync-")
            .tempfile_in(folder)?;
        file.write_all(line(at, wakes_system).as_bytes())?;
        file.persist(&self.0)?;
        Ok(())
    }

    /// Leaves no time there.
    ///
    /// # Errors
    /// If there is something that can't be removed.
    pub fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn line(at: SystemTime, wakes_system: bool) -> String {
    let since_1970 = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let wake = if wakes_system { WAKE } else { "" };
    format!("{}{wake}\n", seconds_rounded_up(since_1970))
}

/// Not a moment earlier: then nothing would be due.
fn seconds_rounded_up(time: Duration) -> u64 {
    time.as_secs()
        .saturating_add(u64::from(time.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn after_1970(milliseconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_time_is_a_line() {
        assert_eq!(line(after_1970(1_800_000_000_000), false), "1800000000\n");
        assert_eq!(
            line(after_1970(1_800_000_000_001), true),
            "1800000001 wake\n"
        );
        let before_1970 = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(line(before_1970, false), "0\n");
    }

    #[test]
    fn it_is_whole_and_for_its_user_alone() {
        let folder = tempfile::tempdir().expect("a writable folder");
        let path = folder.path().join("next-sync");
        let file = NextSyncFile::take_over(&path).expect("nothing is there");
        file.write(after_1970(7_000), true)
            .expect("a writable folder");
        file.write(after_1970(8_000), false)
            .expect("a writable folder");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "8\n");
        let mode = fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let files = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(files, 1, "nothing else is left");
    }

    #[test]
    fn what_another_kiosk_has_left_goes() {
        let folder = tempfile::tempdir().expect("a writable folder");
        let path = folder.path().join("next-sync");
        fs::write(&path, "7\n").expect("a writable folder");
        let file = NextSyncFile::take_over(&path).expect("it can be removed");
        assert!(!path.exists());
        file.remove().expect("nothing is there");
        // Not what a link leads to.
        let target = folder.path().join("target");
        fs::write(&target, "mine").expect("a writable folder");
        std::os::unix::fs::symlink(&target, &path).expect("a writable folder");
        file.write(after_1970(7_000), false)
            .expect("a writable folder");
        file.remove().expect("it can be removed");
        assert_eq!(fs::read_to_string(&target).expect("it is there"), "mine");
    }

    #[test]
    fn what_can_not_be_written_is_told() {
        let folder = tempfile::tempdir().expect("a writable folder");
        let path = folder.path().join("nowhere/next-sync");
        let file = NextSyncFile::take_over(&path).expect("nothing is there");
        assert!(file.write(after_1970(7_000), false).is_err());
        let is_folder = NextSyncFile::take_over(folder.path());
        assert!(is_folder.is_err());
    }
}
