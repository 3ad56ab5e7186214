//! Durable request response lists with streamed bodies, for the Cache API. This crate knows no engine, no origin and no
//! thread: a host gives each origin a [`CacheStore`] with its own folder.
//!
//! An index has the heads of requests and responses, and short bodies. Longer bodies are in files beside it. A body is
//! written and flushed before the index names it, and [`CacheStore::commit`] is one commit of the index: everything or
//! nothing. If a crash leaves bodies that the index does not name, they are removed when the store is next opened.
//!
//! [`Medium`] is the only code that touches the disk, and the seam for fault injection.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod batch;
mod body;
mod codec;
mod error;
mod finished_batch;
mod folder;
mod head;
mod keys;
mod matching;
mod medium;
mod memory;
mod open_index;
mod shared;
mod store;
mod tables;

pub use batch::{MAX_OPERATIONS, Operation, check_put};
pub use body::{BodyDraft, BodyReader, CHUNK_BYTES, FoundBody, MAX_INLINE_BODY_BYTES};
pub use codec::{CodecError, EntryRecord, SCHEMA_VERSION, StoredBody, decode_entry, encode_entry};
pub use error::CacheError;
pub use folder::FolderMedium;
pub use head::{
    Header, MAX_HEAD_BYTES, MAX_NAME_BYTES, QueryOptions, RequestHead, ResponseHead, ResponseKind,
};
pub use keys::CacheId;
pub use matching::request_matches;
pub use medium::{BodyFile, FileId, Medium};
pub use memory::MemoryMedium;
pub use store::{CacheStore, Found, Limits, Take};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
