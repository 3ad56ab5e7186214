//! Libraries from npm, as their authors published them.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::TestServer;

/// Packages from npm: which ones, and where they are kept.
pub struct Packages {
    /// The folder in the cache. Whatever else is in it stays there.
    pub folder: &'static str,
    /// `package.json`.
    pub manifest: &'static str,
    /// `package-lock.json`, with the hash of each package.
    pub lock: &'static str,
}

/// The libraries of these tests.
const LIBRARIES: Packages = Packages {
    folder: "npm",
    manifest: include_str!("../npm/package.json"),
    lock: include_str!("../npm/package-lock.json"),
};

/// Says that this machine need not have npm and its registry.
const SKIP: &str = "BACKGROUND_SYNC_SKIP_NPM";

/// Serves these files below `/npm/`; each is named as in `node_modules`. Returns whether they are there.
///
/// # Panics
/// If a package has no such file, or if packages can't be had, unless `BACKGROUND_SYNC_SKIP_NPM` is set.
pub fn serve_from_npm(server: &TestServer, files: &[&str]) -> bool {
    static MODULES: OnceLock<Option<PathBuf>> = OnceLock::new();
    let Some(modules) = MODULES.get_or_init(|| LIBRARIES.modules()) else {
        return false;
    };
    for file in files {
        let path = modules.join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!("{}: {error}", path.display());
        });
        server.serve(&format!("/npm/{file}"), "text/javascript", &text);
    }
    true
}

impl Packages {
    /// The folder `node_modules`, with what is downloaded once a machine; `None` if it can't be, and need not be.
    ///
    /// # Panics
    /// If packages can't be had, unless `BACKGROUND_SYNC_SKIP_NPM` is set.
    pub fn modules(&self) -> Option<PathBuf> {
        match self.install() {
            Ok(modules) => Some(modules),
            Err(reason) if env::var_os(SKIP).is_some() => {
                eprintln!("skipped: what needs packages from npm, because {reason}");
                None
            }
            Err(reason) => {
                panic!(
                    "{reason}; install npm, or set {SKIP}=1 to leave out what needs its packages"
                )
            }
        }
    }

    fn install(&self) -> Result<PathBuf, String> {
        let folder = cache().ok_or("no home folder is known")?.join(self.folder);
        let unusable = |error| format!("{} cannot be used: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(unusable)?;
        let modules = folder.join("node_modules");
        // Held until this returns: other processes may run the same tests.
        let lock = File::create(folder.join("lock")).map_err(unusable)?;
        lock.lock().map_err(unusable)?;
        let manifests = [
            ("package.json", self.manifest),
            ("package-lock.json", self.lock),
        ];
        let is_complete = || {
            let read = |(name, text): &(&str, &str)| {
                fs::read_to_string(folder.join(name)).is_ok_and(|found| found == *text)
            };
            // npm writes this file last.
            manifests.iter().all(read) && modules.join(".package-lock.json").is_file()
        };
        if is_complete() {
            return Ok(modules);
        }
        if modules.exists() {
            fs::remove_dir_all(&modules).map_err(unusable)?;
        }
        for (name, text) in manifests {
            fs::write(folder.join(name), text).map_err(unusable)?;
        }
        run_npm(&folder).map(|()| modules)
    }
}

/// Has npm download what the lock file names, and check each package against its hash.
fn run_npm(folder: &Path) -> Result<(), String> {
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder)
        .stdin(Stdio::null());
    match npm.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                !errors.contains("EINTEGRITY"),
                "npm delivers something else than what is pinned: {errors}"
            );
            Err(format!("`npm ci` says: {}", errors.trim()))
        }
        Err(error) => Err(format!("npm cannot be run: {error}")),
    }
}

/// Where builds and downloads are kept, outside of the clone.
fn cache() -> Option<PathBuf> {
    let folder = |name| env::var_os(name).filter(|value| !value.is_empty());
    folder("BACKGROUND_SYNC_CACHE")
        .map(PathBuf::from)
        .or_else(|| {
            folder("XDG_CACHE_HOME")
                .map(PathBuf::from)
                .or_else(|| Some(env::home_dir()?.join(".cache")))
                .map(|cache| cache.join("background-sync-servo"))
        })
}
