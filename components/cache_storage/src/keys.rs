//! Identifiers of caches and of stored pairs.

use serde::{Deserialize, Serialize};

/// Names one cache, even after its name is gone. An id is not reused in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CacheId(pub u64);

/// Names one stored pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryKey {
    pub cache: CacheId,
    pub entry: u64,
}
