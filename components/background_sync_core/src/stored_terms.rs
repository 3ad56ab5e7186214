//! What a stored service worker runs under: the headers that its policies are made from, and how it is updated.

use serde::{Deserialize, Serialize};

use crate::time::WallTime;

/// The most bytes that the names and values of a worker's stored headers may have together.
pub const MAX_STORED_HEADER_BYTES: usize = 64 * 1024;

/// The headers are longer than [`MAX_STORED_HEADER_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at most {MAX_STORED_HEADER_BYTES} bytes of headers are kept with a worker")]
pub struct HeadersTooLong;

/// The headers of a worker script's response that its
/// [policy container](https://html.spec.whatwg.org/multipage/#policy-container) is made from: a worker that is started
/// without the network has the policies that it was installed with. Not for other headers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(String, String)>", into = "Vec<(String, String)>")]
pub struct StoredHeaders(Vec<(String, String)>);

impl TryFrom<Vec<(String, String)>> for StoredHeaders {
    type Error = HeadersTooLong;

    fn try_from(headers: Vec<(String, String)>) -> Result<Self, HeadersTooLong> {
        let bytes = |(name, value): &(String, String)| name.len() + value.len();
        if headers.iter().map(bytes).sum::<usize>() > MAX_STORED_HEADER_BYTES {
            return Err(HeadersTooLong);
        }
        Ok(Self(headers))
    }
}

impl From<StoredHeaders> for Vec<(String, String)> {
    fn from(headers: StoredHeaders) -> Self {
        headers.0
    }
}

/// Which of a worker's scripts may be taken from the HTTP cache when it is checked for an update.
///
/// <https://w3c.github.io/ServiceWorker/#enumdef-serviceworkerupdateviacache>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum UpdateViaCache {
    /// Imported scripts, but not the worker's own.
    #[default]
    Imports,
    /// All of them.
    All,
    /// None of them.
    None,
}

/// What is known of a worker's updates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateTerms {
    /// The registration's
    /// [update via cache mode](https://w3c.github.io/ServiceWorker/#dfn-update-via-cache).
    pub via_cache: UpdateViaCache,
    /// The registration's
    /// [last update check time](https://w3c.github.io/ServiceWorker/#service-worker-registration-last-update-check-time)
    /// when the worker was stored; `None` in records from before it was kept.
    pub last_check: Option<WallTime>,
}
