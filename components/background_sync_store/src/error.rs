//! Errors of the stores.

use std::io;
use std::path::{Path, PathBuf};

use background_sync_core::{StorageProblem, StoreFault};

/// Why a store can't be opened or can't commit. The text is for the people who run the browser: what is
/// wrong, where, and what to do. For script there is [`StoreError::problem`].
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the file open.
    #[error("another browser uses this profile ({}); close it or use another profile folder", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The folder or the file can't be made or written.
    #[error("cannot write to {}: {source}; make it writable for this user or use another profile folder", .path.display())]
    NotWritable {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A newer version of this software made the file.
    #[error("{} has schema version {found}, and this browser knows up to {known}; use the newer browser or another profile folder", .path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u64,
        /// The newest version that this software knows.
        known: u64,
    },
    /// There is no space left on the medium.
    #[error("the disk of {} is full; free some space", .path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Reading or writing failed.
    #[error("cannot use {}: {reason}", .path.display())]
    Medium {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A fault that a test or an embedder's own store reports.
    #[error("{0}")]
    Other(String),
}

impl StoreError {
    /// Which kind of problem it is, as script may be told.
    #[must_use]
    pub fn problem(&self) -> StorageProblem {
        match self {
            Self::InUse { .. } => StorageProblem::InUse,
            Self::NotWritable { .. } => StorageProblem::NotWritable,
            Self::TooNew { .. } => StorageProblem::TooNew,
            Self::Full { .. } => StorageProblem::Full,
            Self::Medium { .. } => StorageProblem::Damaged,
            Self::Other(_) => StorageProblem::Failed,
        }
    }

    pub(crate) fn from_io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::AlreadyExists
            | io::ErrorKind::IsADirectory => Self::NotWritable { path, source },
            _ => Self::Medium {
                path,
                reason: source.to_string(),
            },
        }
    }
}

impl From<&StoreError> for StoreFault {
    fn from(error: &StoreError) -> Self {
        Self::new(error.problem(), error.to_string())
    }
}
