//! How a stored pair is encoded: a version byte, then the fields. No other module knows the encoder.

use bincode::Options;
use serde::{Deserialize, Serialize};

use crate::head::{MAX_HEAD_BYTES, RequestHead, ResponseHead};
use crate::medium::FileId;

/// Version of the tables and of the encoding.
pub const SCHEMA_VERSION: u8 = 1;

/// Where the body of a stored response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoredBody {
    /// It is null.
    None,
    /// In the index.
    Inline {
        /// In bytes.
        length: u64,
        /// Of its bytes.
        checksum: u64,
    },
    /// In a file.
    File {
        /// Which one.
        id: FileId,
        /// Of the body, in bytes, without checksums.
        length: u64,
    },
}

impl StoredBody {
    /// Of the body, in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Inline { length, .. } | Self::File { length, .. } => *length,
        }
    }
}

/// A stored pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryRecord {
    /// Without a body.
    pub request: RequestHead,
    /// Without its body.
    pub response: ResponseHead,
    /// That body.
    pub body: StoredBody,
}

/// A record that can't be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Nothing there.
    #[error("the record is empty")]
    Empty,
    /// Written by a newer version, or garbage.
    #[error("the record has encoding version {0}, which is not known")]
    UnknownVersion(u8),
    /// Does not decode, or is too long.
    #[error("the record is damaged: {0}")]
    Damaged(String),
}

fn options() -> impl Options {
    bincode::DefaultOptions::new()
        .with_limit(MAX_HEAD_BYTES as u64)
        .reject_trailing_bytes()
}

fn damaged(error: bincode::Error) -> CodecError {
    CodecError::Damaged(error.to_string())
}

/// The bytes of a pair.
///
/// # Errors
/// If they are more than [`MAX_HEAD_BYTES`].
pub fn encode_entry(record: &EntryRecord) -> Result<Vec<u8>, CodecError> {
    let mut bytes = vec![SCHEMA_VERSION];
    options()
        .serialize_into(&mut bytes, record)
        .map_err(damaged)?;
    Ok(bytes)
}

/// The pair of some bytes, of any version that was ever written.
///
/// # Errors
/// If they are none; never panics, whatever they are.
pub fn decode_entry(bytes: &[u8]) -> Result<EntryRecord, CodecError> {
    match bytes.split_first() {
        None => Err(CodecError::Empty),
        Some((&SCHEMA_VERSION, fields)) => options().deserialize(fields).map_err(damaged),
        Some((&version, _)) => Err(CodecError::UnknownVersion(version)),
    }
}
