//! Identifiers of caches and of stored pairs.

use serde::{Deserialize, Serialize};

/// One cache, also after its name is gone. Not used twice in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CacheId(pub u64);

/// One stored pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryKey {
    pub cache: CacheId,
    pub entry: u64,
}
