//! The script of a service worker, with a limit on its length.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest worker script that is kept for a start without a page, in bytes.
pub const MAX_WORKER_SOURCE_BYTES: usize = 4 * 1024 * 1024;

/// A worker script was longer than [`MAX_WORKER_SOURCE_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the script has {bytes} bytes; at most {MAX_WORKER_SOURCE_BYTES} are kept")]
pub struct SourceTooLong {
    /// Length of the refused script, in bytes.
    pub bytes: usize,
}

/// The script of a service worker, as it was installed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct WorkerSource(Vec<u8>);

impl WorkerSource {
    /// The bytes of the script.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<Vec<u8>> for WorkerSource {
    type Error = SourceTooLong;

    fn try_from(source: Vec<u8>) -> Result<Self, SourceTooLong> {
        match source.len() {
            bytes if bytes > MAX_WORKER_SOURCE_BYTES => Err(SourceTooLong { bytes }),
            _ => Ok(Self(source)),
        }
    }
}

impl From<WorkerSource> for Vec<u8> {
    fn from(source: WorkerSource) -> Self {
        source.0
    }
}

/// Shown by its length: logs are no place for scripts.
impl fmt::Debug for WorkerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkerSource({} bytes)", self.0.len())
    }
}
