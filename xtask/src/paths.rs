//! Where everything lives: the source tree, and the cache in which Servo is assembled and built.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

/// Overrides the folder in which Servo is assembled and built.
pub const CACHE_VARIABLE: &str = "BACKGROUND_SYNC_CACHE";

/// A path that a user has given, wherever it is used from.
pub fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is not a usable path", path.display()))
}

/// The folders that every command works on.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The source tree.
    pub root: PathBuf,
    /// The cache: the same for every clone, so that a fresh one reuses what was built.
    pub cache: PathBuf,
}

impl Paths {
    /// The source tree that this tool was built from, and the cache the environment asks for.
    pub fn find() -> Result<Self> {
        let manifest_dir = env::var_os("CARGO_MANIFEST_DIR")
            .map(PathBuf::from)
            .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        let root = manifest_dir
            .parent()
            .map(Path::to_path_buf)
            .unwrap_or(manifest_dir);
        let cache = match env::var_os(CACHE_VARIABLE).filter(|value| !value.is_empty()) {
            Some(cache) => std::path::absolute(&cache)
                .with_context(|| format!("{CACHE_VARIABLE} is not a usable path"))?,
            None => env::var_os("XDG_CACHE_HOME")
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
                .or_else(|| env::home_dir().map(|home| home.join(".cache")))
                .ok_or_else(|| {
                    anyhow!("no home folder to keep Servo's build in: set {CACHE_VARIABLE}")
                })?
                .join("background-sync-servo"),
        };
        Ok(Self { root, cache })
    }

    /// The assembled workspace.
    pub fn tree(&self) -> PathBuf {
        self.cache.join("tree")
    }

    /// The git repository that holds Servo's patched crates.
    pub fn crates(&self) -> PathBuf {
        self.tree().join("crates")
    }

    /// The workspace for series that are not the whole one.
    pub fn parts(&self) -> PathBuf {
        self.cache.join("parts")
    }

    /// The bare git repository in which the series is turned into commits.
    pub fn staging(&self) -> PathBuf {
        self.cache.join("staging.git")
    }

    /// Cargo's target folder for the assembled workspace.
    pub fn target(&self) -> PathBuf {
        self.cache.join("target")
    }

    /// For `XDG_RUNTIME_DIR`, where the system sets none.
    pub fn runtime(&self) -> PathBuf {
        self.cache.join("runtime")
    }

    /// Complete logs of the builds.
    pub fn logs(&self) -> PathBuf {
        self.cache.join("logs")
    }

    /// The folder of the patch series.
    pub fn patches(&self) -> PathBuf {
        self.root.join("servo/patches")
    }

    /// The list of patches.
    pub fn series(&self) -> PathBuf {
        self.root.join("servo/series")
    }

    /// The package that pins Servo's version.
    pub fn pin(&self) -> PathBuf {
        self.root.join("servo/pin/Cargo.toml")
    }

    /// The lock file of the assembled workspace, as committed.
    pub fn lock_file(&self) -> PathBuf {
        self.root.join("servo/Cargo.lock")
    }

    /// Holds the cache for this process alone until the file is dropped.
    pub fn hold_cache(&self) -> Result<File> {
        fs::create_dir_all(&self.cache)
            .with_context(|| format!("cannot create the cache {}", self.cache.display()))?;
        let path = self.cache.join("lock");
        let file = File::create(&path)
            .with_context(|| format!("cannot write to the cache: {}", path.display()))?;
        if file.try_lock().is_err() {
            eprintln!("Waiting for another command that assembles Servo in this cache.");
            file.lock()
                .with_context(|| format!("cannot lock {}", path.display()))?;
        }
        Ok(file)
    }
}
