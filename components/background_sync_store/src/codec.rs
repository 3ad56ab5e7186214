//! How a record is encoded: a version byte, then the fields. No other module knows the encoder, so that it can be
//! replaced.

use std::collections::HashMap;

use background_sync_core::{
    JournalEntry, MAX_DATA_BYTES, MAX_DESCRIPTION_BYTES, MAX_LANG_BYTES, MAX_TAG_BYTES,
    MAX_URL_BYTES, RegistrationId, RegistrationKind, RegistrationState, ScopeKey, StoredOrigin,
    StoredRegistration, Tag, WallTime,
};
use bincode::Options;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Version of the files and tables. Since 2 there may be commits in the log that the database does not have yet.
pub const SCHEMA_VERSION: u8 = 2;

/// Version of the encoding of one-shot registrations, the journal, origins, and what is in a frame of the log.
pub const RECORD_VERSION: u8 = 1;

/// Version of the encoding of registrations of other kinds. It is the same but for the kind, which
/// software of version 1 does not know and must not take for damage.
pub const OTHER_KINDS_VERSION: u8 = 2;

/// Ids above are damage: nothing could be stored behind them.
const MAX_ID: u64 = u64::MAX / 2;

/// No valid record is longer, in bytes: two URLs, a tag, the texts of the explainer's registrations,
/// and room for the numbers.
const MAX_RECORD_BYTES: u64 = (2 * MAX_URL_BYTES
    + MAX_TAG_BYTES
    + MAX_DATA_BYTES
    + MAX_DESCRIPTION_BYTES
    + MAX_LANG_BYTES
    + 256) as u64;

/// Most records have room in so many bytes.
const USUAL_RECORD_BYTES: usize = 256;

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
    options_up_to(MAX_RECORD_BYTES)
}

fn options_up_to(bytes: u64) -> impl Options {
    bincode::DefaultOptions::new()
        .with_limit(bytes)
        .reject_trailing_bytes()
}

fn encode_any(version: u8, value: &impl Serialize) -> Result<Vec<u8>, CodecError> {
    encode_with(options(), version, value)
}

fn encode_with(
    options: impl Options,
    version: u8,
    value: &impl Serialize,
) -> Result<Vec<u8>, CodecError> {
    let mut bytes = Vec::with_capacity(USUAL_RECORD_BYTES);
    bytes.push(version);
    let damaged = |error: bincode::Error| CodecError::Damaged(error.to_string());
    options.serialize_into(&mut bytes, value).map_err(damaged)?;
    // Many are kept until the database takes them over.
    bytes.shrink_to_fit();
    Ok(bytes)
}

/// The version byte, if it is one of `known`, and what follows it.
fn fields<'b>(known: &[u8], bytes: &'b [u8]) -> Result<(u8, &'b [u8]), CodecError> {
    match bytes.split_first() {
        None => Err(CodecError::Empty),
        Some((version, fields)) if known.contains(version) => Ok((*version, fields)),
        Some((&version, _)) => Err(CodecError::UnknownVersion(version)),
    }
}

fn version_of(kind: &RegistrationKind) -> u8 {
    match kind {
        RegistrationKind::OneShot => RECORD_VERSION,
        RegistrationKind::Periodic(_) | RegistrationKind::Explainer(_) => OTHER_KINDS_VERSION,
    }
}

fn decode_any<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (_, fields) = fields(&[RECORD_VERSION], bytes)?;
    options()
        .deserialize(fields)
        .map_err(|error| CodecError::Damaged(error.to_string()))
}

/// The bytes of a record.
///
/// # Errors
/// If it is longer than any valid record, which its types exclude.
pub fn encode(record: &StoredRegistration) -> Result<Vec<u8>, CodecError> {
    encode_any(version_of(&record.kind), record)
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
    tag: &'a [u8],
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
    /// The record that is stored under this id, or what is wrong with it.
    pub fn decode_at(
        &mut self,
        id: RegistrationId,
        bytes: &[u8],
    ) -> Result<StoredRegistration, String> {
        match self.decode(bytes) {
            Ok(record) if record.id != id => {
                Err(format!("the record says that its id is {}", record.id.0))
            }
            Ok(_) if id.0 > MAX_ID => Err(format!("no store gets as far as its id, {}", id.0)),
            Ok(record) => Ok(record),
            Err(error) => Err(error.to_string()),
        }
    }

    pub fn decode(&mut self, bytes: &[u8]) -> Result<StoredRegistration, CodecError> {
        let (version, fields) = fields(&[RECORD_VERSION, OTHER_KINDS_VERSION], bytes)?;
        let damaged = |reason: String| CodecError::Damaged(reason);
        let record: BorrowedRecord = options()
            .deserialize(fields)
            .map_err(|error| damaged(error.to_string()))?;
        if version_of(&record.kind) != version {
            let api = record.kind.api();
            return Err(damaged(format!("version {version} has no kind {api:?}")));
        }
        let tag = Tag::try_from(record.tag).map_err(|error| damaged(error.to_string()))?;
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

/// The bytes of what is kept about an origin.
///
/// # Errors
/// If it is longer than any valid record, which its types exclude.
pub fn encode_origin(origin: &StoredOrigin) -> Result<Vec<u8>, CodecError> {
    encode_any(RECORD_VERSION, origin)
}

/// What is kept about an origin, from its bytes.
///
/// # Errors
/// If they are none; never panics, whatever they are.
pub fn decode_origin(bytes: &[u8]) -> Result<StoredOrigin, CodecError> {
    decode_any(bytes)
}

/// The bytes of an entry of the journal.
///
/// # Errors
/// If it is longer than any valid record.
pub fn encode_entry(entry: &JournalEntry) -> Result<Vec<u8>, CodecError> {
    encode_any(RECORD_VERSION, entry)
}

/// The entry of some bytes, of any version that was ever written.
///
/// # Errors
/// If they are none; never panics, whatever they are.
pub fn decode_entry(bytes: &[u8]) -> Result<JournalEntry, CodecError> {
    decode_any(bytes)
}

/// The bytes of something that may be longer than a record.
pub(crate) fn encode_long(
    value: &impl Serialize,
    most_bytes: usize,
) -> Result<Vec<u8>, CodecError> {
    encode_with(options_up_to(most_bytes as u64), RECORD_VERSION, value)
}

/// What was encoded as these bytes, and is not longer.
pub(crate) fn decode_long<T: DeserializeOwned>(
    bytes: &[u8],
    most_bytes: usize,
) -> Result<T, CodecError> {
    let (_, fields) = fields(&[RECORD_VERSION], bytes)?;
    options_up_to(most_bytes as u64)
        .deserialize(fields)
        .map_err(|error| CodecError::Damaged(error.to_string()))
}

/// The first id after this one, if a store gets that far.
pub(crate) fn id_after(id: u64) -> u64 {
    match id <= MAX_ID {
        true => id + 1,
        false => 0,
    }
}
