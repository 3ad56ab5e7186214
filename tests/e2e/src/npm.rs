//! Libraries from npm, as their authors published them.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::TestServer;

/// Versions, and in the lock file the hashes, of what is used.
const MANIFESTS: [(&str, &str); 2] = [
    ("package.json", include_str!("../npm/package.json")),
    (
        "package-lock.json",
        include_str!("../npm/package-lock.json"),
    ),
];

/// Says that this machine need not have npm and its registry.
const SKIP: &str = "BACKGROUND_SYNC_SKIP_NPM";

/// Serves these files below `/npm/`; each is named as in `node_modules`. Returns whether they are there.
///
/// # Panics
/// If a package has no such file, or if packages can't be had, unless `BACKGROUND_SYNC_SKIP_NPM` is set.
pub fn serve_from_npm(server: &TestServer, files: &[&str]) -> bool {
    let Some(modules) = modules() else {
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

/// The folder of the packages, downloaded once a machine.
fn modules() -> Option<&'static Path> {
    static MODULES: OnceLock<Option<PathBuf>> = OnceLock::new();
    let modules = MODULES.get_or_init(|| match install() {
        Ok(modules) => Some(modules),
        Err(reason) if env::var_os(SKIP).is_some() => {
            eprintln!("skipped: what needs packages from npm, because {reason}");
            None
        }
        Err(reason) => {
            panic!("{reason}; install npm, or set {SKIP}=1 to leave out what needs its packages")
        }
    });
    modules.as_deref()
}

fn install() -> Result<PathBuf, String> {
    let folder = cache().ok_or("no home folder is known")?.join("npm");
    let unusable = |error| format!("{} cannot be used: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(unusable)?;
    let modules = folder.join("node_modules");
    // Held until this returns: other processes may run the same tests.
    let lock = File::create(folder.join("lock")).map_err(unusable)?;
    lock.lock().map_err(unusable)?;
    let is_complete = || {
        let read = |(name, text): &(&str, &str)| {
            fs::read_to_string(folder.join(name)).is_ok_and(|found| found == *text)
        };
        // npm writes this file last.
        MANIFESTS.iter().all(read) && modules.join(".package-lock.json").is_file()
    };
    if is_complete() {
        return Ok(modules);
    }
    if modules.exists() {
        fs::remove_dir_all(&modules).map_err(unusable)?;
    }
    for (name, text) in MANIFESTS {
        fs::write(folder.join(name), text).map_err(unusable)?;
    }
    // Checks each package against the hash in the lock file.
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .stdin(Stdio::null());
    match npm.output() {
        Ok(output) if output.status.success() => Ok(modules),
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
