//! The folder that keeps site data and pending syncs, held by one kiosk at a time.

use std::env;
use std::fs::{self, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::browser::background_sync::StorageLifetime;
use crate::failure::Failure;
use crate::remote::socket;

/// Name of the lock file inside the profile folder.
const LOCK_FILE_NAME: &str = "kiosk.lock";

/// How long a kiosk waits for whoever has its profile and does not answer on the control socket: a command that reads it is
/// done by then.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// How often it looks meanwhile.
pub const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// A profile folder in use. Dropping it lets another kiosk have it, and deletes it if it was temporary.
pub struct Profile {
    path: PathBuf,
    _lock: File,
    temporary: Option<TemporaryFolder>,
}

impl Profile {
    /// Opens and locks the folder, making it if it does not exist. An operator's command that reads it is waited for.
    ///
    /// # Errors
    /// If it can't be made or written, or another kiosk has it.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        Self::open_unless_used(path)?.ok_or_else(|| {
            Failure::environment(format!(
                "the profile folder {} is in use by another kiosk: stop that one, or choose another folder with --profile",
                path.display()
            ))
        })
    }

    /// As [`Profile::open`]; `None` if another kiosk has it.
    ///
    /// # Errors
    /// If it can't be made or written.
    pub fn open_unless_used(path: &Path) -> Result<Option<Self>, Failure> {
        let deadline = Instant::now() + LOCK_PATIENCE;
        loop {
            if let Some(profile) = Self::open_if_free(path)? {
                return Ok(Some(profile));
            }
            if socket::connect(path).is_ok() || Instant::now() >= deadline {
                return Ok(None);
            }
            // The system tells nobody within a limit that a lock is free.
            thread::sleep(LOCK_PAUSE);
        }
    }

    /// As [`Profile::open`]; `None` if somebody has it at present.
    ///
    /// # Errors
    /// If it can't be made or written.
    pub fn open_if_free(path: &Path) -> Result<Option<Self>, Failure> {
        let unusable = |error: std::io::Error| {
            Failure::environment(format!(
                "the profile folder {} can't be used: {error}; choose another with --profile, or --temporary",
                path.display()
            ))
        };
        // What sites store is nobody else's.
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(unusable)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK_FILE_NAME))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let path = path.canonicalize().map_err(unusable)?;
        Ok(Some(Self {
            path,
            _lock: lock,
            temporary: None,
        }))
    }

    /// Makes a fresh folder that is deleted at the end, also if the process is killed.
    ///
    /// # Errors
    /// If the folder for temporary files can't be written.
    pub fn temporary() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("background-sync-kiosk-").tempdir().map_err(
            |error| {
                Failure::environment(format!(
                    "no temporary profile folder can be made in {}: {error}; set TMPDIR, or use --profile",
                    env::temp_dir().display()
                ))
            },
        )?;
        let mut profile = Self::open(folder.path())?;
        profile.temporary = Some(TemporaryFolder::watch(folder));
        Ok(profile)
    }

    /// How long sync registrations are kept.
    pub fn lifetime(&self) -> StorageLifetime {
        match self.temporary {
            Some(_) => StorageLifetime::Run,
            None => StorageLifetime::Profile,
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How the timeline names it.
    pub fn describe(&self) -> String {
        match self.temporary {
            Some(_) => "a fresh profile".to_owned(),
            None => format!("the profile {}", self.path.display()),
        }
    }
}

/// Removes the folder `$1` once standard input ends. No signal that is meant for the kiosk ends it before.
const REMOVE_AT_END: &str = r#"trap '' HUP INT TERM; read -r _; exec rm -rf -- "$1""#;

/// A folder that a process of its own deletes once this one has ended in any way. IndexedDB of this Servo release has its
/// databases in files, and opens them by name again and again, so that they can't be deleted earlier.
struct TemporaryFolder {
    remover: Option<Child>,
    /// If there is no such process, it is deleted if this one ends in order.
    _folder: Option<tempfile::TempDir>,
}

impl TemporaryFolder {
    fn watch(folder: tempfile::TempDir) -> Self {
        let spawned = Command::new("sh")
            .args(["-c", REMOVE_AT_END, "sh"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            // Whoever reads what the kiosk writes waits until nobody can write there.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        match spawned {
            Ok(remover) => {
                // From here on that process deletes it.
                let _ = folder.keep();
                Self {
                    remover: Some(remover),
                    _folder: None,
                }
            }
            Err(error) => {
                eprintln!(
                    "kiosk: {} will stay if the kiosk is killed, because `sh` can't be started: {error}",
                    folder.path().display()
                );
                Self {
                    remover: None,
                    _folder: Some(folder),
                }
            }
        }
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Some(remover) = &mut self.remover {
            // Ends its input, too. It fails only if somebody else has waited for it.
            let _ = remover.wait();
        }
    }
}

/// Where the profile is when no flag says so.
///
/// # Errors
/// If neither `XDG_DATA_HOME` nor `HOME` is set.
pub fn default_path() -> Result<PathBuf, Failure> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_DATA_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".local/share")))
        .map(|data| data.join("background-sync-kiosk"))
        .ok_or_else(|| {
            Failure::environment(
                "no profile folder is known, because HOME is not set: give one with --profile, or use --temporary",
            )
        })
}
