/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What requests ask of the records of an object store or an index, and what they bring for the indexes.

use malloc_size_of_derive::MallocSizeOf;
use serde::{Deserialize, Serialize};

use crate::indexeddb::{IndexedDBKeyRange, IndexedDBKeyType, IndexedDBRecord};

/// <https://w3c.github.io/IndexedDB/#cursor-direction>
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, MallocSizeOf, PartialEq, Serialize)]
pub enum RecordDirection {
    #[default]
    Next,
    /// Of records with the same key, only the first.
    NextUnique,
    Prev,
    /// Of records with the same key, only the first, too.
    PrevUnique,
}

impl RecordDirection {
    pub fn is_unique(self) -> bool {
        matches!(self, Self::NextUnique | Self::PrevUnique)
    }

    pub fn is_backwards(self) -> bool {
        matches!(self, Self::Prev | Self::PrevUnique)
    }
}

/// Where a query starts, in its direction.
#[derive(Clone, Debug, Deserialize, MallocSizeOf, Serialize)]
pub struct RecordStart {
    pub key: IndexedDBKeyType,
    /// Among the records of an index with this key. `None`: before all of them, or behind, if this start is exclusive.
    pub primary_key: Option<IndexedDBKeyType>,
    /// Whether a record right here is one of them.
    pub inclusive: bool,
}

/// What is wanted of each record.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, MallocSizeOf, PartialEq, Serialize)]
pub enum RecordParts {
    /// Values stay behind: they are empty in the answer.
    #[default]
    Keys,
    KeysAndValue,
}

/// Records of an object store or one of its indexes, in the order of their keys.
#[derive(Clone, Debug, Default, Deserialize, MallocSizeOf, Serialize)]
pub struct RecordQuery {
    /// The name of an index; `None` is the object store.
    pub index: Option<String>,
    pub range: IndexedDBKeyRange,
    pub direction: RecordDirection,
    pub start: Option<RecordStart>,
    /// So many records are passed over first.
    pub skipped: u32,
    /// At most so many records; `None` is all.
    pub limit: Option<u32>,
    pub parts: RecordParts,
}

/// The keys by which an index finds a record: none, one, or, with `multiEntry`, many.
#[derive(Clone, Debug, Deserialize, MallocSizeOf, Serialize)]
pub struct IndexKeys {
    /// The name of the index.
    pub index: String,
    pub keys: IndexKeySource,
}

/// Where the keys come from.
#[derive(Clone, Debug, Deserialize, MallocSizeOf, Serialize)]
pub enum IndexKeySource {
    /// Script has found them in the value.
    Extracted(Vec<IndexedDBKeyType>),
    /// The index has the key path of its object store, of which the key is yet to be generated.
    GeneratedKey,
    /// One key, an array of these; `None` is the key that is yet to be generated.
    Compound(Vec<Option<IndexedDBKeyType>>),
}

impl IndexKeySource {
    /// The keys of a record of which the own key is known by now.
    pub fn into_keys(self, primary_key: &IndexedDBKeyType) -> Vec<IndexedDBKeyType> {
        match self {
            Self::Extracted(keys) => keys,
            Self::GeneratedKey => vec![primary_key.clone()],
            Self::Compound(parts) => {
                let part = |part: Option<_>| part.unwrap_or_else(|| primary_key.clone());
                vec![IndexedDBKeyType::Array(
                    parts.into_iter().map(part).collect(),
                )]
            }
        }
    }
}

/// The index keys of a record that is stored already.
#[derive(Clone, Debug, Deserialize, MallocSizeOf, Serialize)]
pub struct IndexedRecord {
    pub primary_key: IndexedDBKeyType,
    pub index_keys: Vec<IndexKeys>,
}

/// The answer to `getAll()`: of each record, the value.
#[derive(Clone, Debug, Deserialize, MallocSizeOf, Serialize)]
pub struct RecordValues(pub Vec<IndexedDBRecord>);

/// The answer to `getAllRecords()`.
#[derive(Clone, Debug, Deserialize, MallocSizeOf, Serialize)]
pub struct RecordSnapshots(pub Vec<IndexedDBRecord>);
