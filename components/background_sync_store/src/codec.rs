//! How a record is encoded: a version byte, then the fields. The only place that knows the encoder,
//! so that it can be replaced.

use std::collections::HashMap;

use background_sync_core::{
    JournalEntry, MAX_TAG_BYTES, MAX_URL_BYTES, RegistrationId, RegistrationKind,
    RegistrationState, ScopeKey, StoredRegistration, WallTime,
};
use bincode::Options;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

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

/// What follows a known version byte.
fn fields(bytes: &[u8]) -> Result<&[u8], CodecError> {
    match bytes.split_first() {
        None => Err(CodecError::Empty),
        Some((&SCHEMA_VERSION, fields)) => Ok(fields),
        Some((&version, _)) => Err(CodecError::UnknownVersion(version)),
    }
}

fn decode_any<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let fields = fields(bytes)?;
    options()
        .deserialize(fields)
        .map_err(|error| CodecError::Damaged(error.to_string()))
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
    Decoder::default().decode(bytes)
}

/// A [`StoredRegistration`] whose texts are still in the file. The same fields in the same order.
#[derive(Deserialize)]
struct BorrowedRecord<'a> {
    id: RegistrationId,
    #[serde(borrow)]
    scope: BorrowedScope<'a>,
    kind: RegistrationKind,
    tag: &'a str,
    state: RegistrationState,
    attempts: u32,
    interruptions: u32,
    registered_at: WallTime,
    retry_at: Option<WallTime>,
}

#[derive(Deserialize)]
struct BorrowedScope<'a> {
    origin: &'a str,
    scope: &'a str,
}

/// Reads many records: service worker registrations that they have in common are kept once.
#[derive(Default)]
pub(crate) struct Decoder {
    scopes: HashMap<String, ScopeKey>,
    key: String,
}

impl Decoder {
    pub fn decode(&mut self, bytes: &[u8]) -> Result<StoredRegistration, CodecError> {
        let fields = fields(bytes)?;
        let damaged = |reason: String| CodecError::Damaged(reason);
        let record: BorrowedRecord = options()
            .deserialize(fields)
            .map_err(|error| damaged(error.to_string()))?;
        let tag = record
            .tag
            .try_into()
            .map_err(|error| damaged(format!("{error}")))?;
        Ok(StoredRegistration {
            id: record.id,
            scope: self.scope(&record.scope).map_err(damaged)?,
            kind: record.kind,
            tag,
            state: record.state,
            attempts: record.attempts,
            interruptions: record.interruptions,
            registered_at: record.registered_at,
            retry_at: record.retry_at,
        })
    }

    fn scope(&mut self, scope: &BorrowedScope<'_>) -> Result<ScopeKey, String> {
        // The length keeps the two apart, whatever they contain.
        self.key.clear();
        self.key.push_str(&scope.origin.len().to_string());
        self.key.push(' ');
        self.key.push_str(scope.origin);
        self.key.push_str(scope.scope);
        if let Some(known) = self.scopes.get(&self.key) {
            return Ok(known.clone());
        }
        let key = ScopeKey {
            origin: scope
                .origin
                .try_into()
                .map_err(|error| format!("{error}"))?,
            scope: scope.scope.try_into().map_err(|error| format!("{error}"))?,
        };
        self.scopes.insert(self.key.clone(), key.clone());
        Ok(key)
    }
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
