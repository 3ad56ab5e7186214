//! How a manager is configured, and why it may fail to start.

use std::io;
use std::path::PathBuf;

use background_sync_core::{Connectivity, Policy};
use background_sync_store::StoreError;

/// Where registrations are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In memory only: for private profiles.
    Memory,
    /// In a file in this folder, which is made if it is missing. One process at a time.
    Directory(PathBuf),
}

/// How a [`crate::SyncManager`] starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// When and how often events fire, and how much is kept.
    pub policy: Policy,
    /// Where registrations are kept.
    pub storage: Storage,
    /// Whether there is a network at the start. Changes are told with
    /// [`crate::SyncManagerControl::report_connectivity`].
    pub connectivity: Connectivity,
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl Config {
    /// The standard policy, in memory, online.
    #[must_use]
    pub fn new() -> Self {
        Self {
            policy: Policy::standard(),
            storage: Storage::Memory,
            connectivity: Connectivity::Online,
        }
    }

    /// With this policy.
    #[must_use]
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// With registrations kept in this folder.
    #[must_use]
    pub fn directory(self, folder: impl Into<PathBuf>) -> Self {
        Self {
            storage: Storage::Directory(folder.into()),
            ..self
        }
    }

    /// With this connectivity at the start.
    #[must_use]
    pub fn connectivity(self, connectivity: Connectivity) -> Self {
        Self {
            connectivity,
            ..self
        }
    }
}

/// Why the manager did not start. An engine that goes on without it should use
/// [`crate::SyncManager::spawn_unavailable`], so that pages get a clear error.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The registrations can't be opened, and waiting does not help.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system has no thread left.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] io::Error),
}
