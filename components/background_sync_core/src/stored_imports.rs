//! The scripts that a stored service worker has imported.

use serde::{Deserialize, Serialize};

use crate::types::ScriptUrl;
use crate::worker_source::{MAX_WORKER_SOURCE_BYTES, WorkerSource};

/// The most imported scripts that are stored with a worker. Together, they may be as long as a worker's script.
pub const MAX_STORED_IMPORTS: usize = 128;

/// A script that a service worker has imported while it was installed: an entry of its
/// [script resource map](https://w3c.github.io/ServiceWorker/#dfn-script-resource-map).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredImport {
    /// The URL that was asked for.
    pub url: ScriptUrl,
    /// The URL that it came from, after redirects.
    pub final_url: ScriptUrl,
    /// The script.
    pub source: WorkerSource,
    /// Whether its errors are hidden from the worker, as it is of another origin.
    pub muted_errors: bool,
}

/// There are more scripts than [`MAX_STORED_IMPORTS`], or together they are longer than [`MAX_WORKER_SOURCE_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "at most {MAX_STORED_IMPORTS} imported scripts of {MAX_WORKER_SOURCE_BYTES} bytes in all are kept"
)]
pub struct TooManyImports;

/// All scripts that a service worker has imported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<StoredImport>", into = "Vec<StoredImport>")]
pub struct StoredImports(Vec<StoredImport>);

impl TryFrom<Vec<StoredImport>> for StoredImports {
    type Error = TooManyImports;

    fn try_from(imports: Vec<StoredImport>) -> Result<Self, TooManyImports> {
        let bytes = |import: &StoredImport| import.source.as_bytes().len();
        let all_bytes: usize = imports.iter().map(bytes).sum();
        if imports.len() > MAX_STORED_IMPORTS || all_bytes > MAX_WORKER_SOURCE_BYTES {
            return Err(TooManyImports);
        }
        Ok(Self(imports))
    }
}

impl From<StoredImports> for Vec<StoredImport> {
    fn from(imports: StoredImports) -> Self {
        imports.0
    }
}
