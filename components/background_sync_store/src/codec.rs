//! How a record is encoded: a version byte, then the fields. The only place that knows the encoder,
//! so that it can be replaced.

use background_sync_core::{JournalEntry, MAX_TAG_BYTES, MAX_URL_BYTES, StoredRegistration};
use bincode::Options;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Version of the encoding that is written.
pub const SCHEMA_VERSION: u8 = 1;

/// No valid record is longer, in bytes: two URLs, a tag, and room for the numbers.
const MAX_RECORD_BYTES: u64 = (2 * MAX_URL_BYTES + MAX_TAG_BYTES + 256) as u64;

/// A record that can't be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Nothing there.
    #[error("the record is empty")]
    Empty,
    /// Written by a newer version, or garbage.
    #[error("the record has encoding version {0}, which is not known")]
    UnknownVersion(u8),
    /// Does not decode.
    #[error("the record is damaged: {0}")]
    Damaged(String),
}

fn options() -> impl Options {
    bincode::DefaultOptions::new()
        .with_limit(MAX_RECORD_BYTES)
        .reject_trailing_bytes()
}

fn encode_any(value: &impl Serialize) -> Result<Vec<u8>, CodecError> {
    let mut bytes = vec![SCHEMA_VERSION];
    let damaged = |error: bincode::Error| CodecError::Damaged(error.to_string());
    options()
        .serialize_into(&mut bytes, value)
        .map_err(damaged)?;
    Ok(bytes)
}

fn decode_any<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    match bytes.split_first() {
        None => Err(CodecError::Empty),
        Some((&SCHEMA_VERSION, fields)) => options()
            .deserialize(fields)
            .map_err(|error| CodecError::Damaged(error.to_string())),
        Some((&version, _)) => Err(CodecError::UnknownVersion(version)),
    }
}

/// The bytes of a record.
///
/// # Errors
/// If it is longer than any valid record, which its types exclude.
pub fn encode(record: &StoredRegistration) -> Result<Vec<u8>, CodecError> {
    encode_any(record)
}

/// The record of some bytes, of any version that was ever written.
///
/// # Errors
/// If they are none; never panics, whatever they are.
pub fn decode(bytes: &[u8]) -> Result<StoredRegistration, CodecError> {
    decode_any(bytes)
}

/// The bytes of an entry of the journal.
///
/// # Errors
/// If it is longer than any valid record.
pub fn encode_entry(entry: &JournalEntry) -> Result<Vec<u8>, CodecError> {
    encode_any(entry)
}

/// The entry of some bytes, of any version that was ever written.
///
/// # Errors
/// If they are none; never panics, whatever they are.
pub fn decode_entry(bytes: &[u8]) -> Result<JournalEntry, CodecError> {
    decode_any(bytes)
}
