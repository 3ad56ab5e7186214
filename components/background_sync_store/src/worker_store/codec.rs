//! How a stored worker is encoded.

use background_sync_core::{
    KnownWorker, MAX_STORED_HEADER_BYTES, MAX_STORED_IMPORTS, MAX_URL_BYTES,
    MAX_WORKER_SOURCE_BYTES, NavigationPreloadState, ScopeKey, ScriptUrl, StoredHeaders,
    StoredImports, StoredWorker, UpdateTerms, WorkerSource,
};
use bincode::Options;
use serde::de::DeserializeOwned;

use crate::CodecError;

/// Version of the encoding that is written.
pub(super) const WORKER_VERSION: u8 = 5;

/// Version of the encoding of a head.
const HEAD_VERSION: u8 = 2;

/// No valid record is longer, in bytes.
const MAX_RECORD_BYTES: u64 = (2 * MAX_WORKER_SOURCE_BYTES
    + 3 * MAX_URL_BYTES
    + MAX_STORED_IMPORTS * (2 * MAX_URL_BYTES + 64)
    // A name of no bytes has still its length in front.
    + 4 * MAX_STORED_HEADER_BYTES
    + 64) as u64;

/// The bytes of the record of a worker.
///
/// # Errors
/// If it is longer than any valid record, which its types exclude.
pub fn encode_worker(worker: &StoredWorker) -> Result<Vec<u8>, CodecError> {
    let mut bytes = vec![WORKER_VERSION];
    options()
        .serialize_into(&mut bytes, worker)
        .map_err(|error| CodecError::Damaged(error.to_string()))?;
    Ok(bytes)
}

/// The worker of some bytes, of any version that was ever written.
///
/// # Errors
/// If they are none; never panics, whatever they are.
pub fn decode_worker(bytes: &[u8]) -> Result<StoredWorker, CodecError> {
    match bytes.split_first() {
        None => Err(CodecError::Empty),
        Some((&WORKER_VERSION, fields)) => decode_fields(fields),
        // Before navigation preload was kept.
        Some((&4, fields)) => {
            let (script_url, source, imports, headers, updates, handles_fetch) =
                decode_fields(fields)?;
            Ok(StoredWorker {
                headers,
                updates,
                handles_fetch,
                ..without_terms(script_url, source, imports)
            })
        }
        // Before it was kept whether a worker listens to `fetch` events: it may.
        Some((&3, fields)) => {
            let (script_url, source, imports, headers, updates) = decode_fields(fields)?;
            Ok(StoredWorker {
                headers,
                updates,
                ..without_terms(script_url, source, imports)
            })
        }
        // Before policies were kept.
        Some((&2, fields)) => {
            let (script_url, source, imports) = decode_fields(fields)?;
            Ok(without_terms(script_url, source, imports))
        }
        // Before imported scripts were kept.
        Some((&1, fields)) => {
            let (script_url, source) = decode_fields(fields)?;
            Ok(without_terms(script_url, source, StoredImports::default()))
        }
        Some((&version, _)) => Err(CodecError::UnknownVersion(version)),
    }
}

pub(super) fn encode_head(worker: &StoredWorker) -> Vec<u8> {
    let mut bytes = vec![HEAD_VERSION];
    // Its parts are shorter than a record may be: it can't fail.
    let head = (
        &worker.script_url,
        worker.updates.via_cache,
        worker.handles_fetch,
    );
    match options().serialize_into(&mut bytes, &head) {
        Ok(()) => bytes,
        Err(_) => Vec::new(),
    }
}

/// `None` for what can't be read: such a worker is found when an event needs it.
pub(super) fn known_worker((origin, scope): (&str, &str), head: &[u8]) -> Option<KnownWorker> {
    let (script_url, via_cache, handles_fetch) = match head.split_first() {
        Some((&HEAD_VERSION, fields)) => decode_fields(fields).ok()?,
        // Before it was kept whether a worker listens to `fetch` events: it may.
        Some((&1, fields)) => {
            let (script_url, via_cache) = decode_fields(fields).ok()?;
            (script_url, via_cache, true)
        }
        _ => return None,
    };
    let scope = ScopeKey {
        origin: origin.try_into().ok()?,
        scope: scope.try_into().ok()?,
    };
    Some(KnownWorker {
        scope,
        script_url,
        via_cache,
        handles_fetch,
    })
}

fn decode_fields<T: DeserializeOwned>(fields: &[u8]) -> Result<T, CodecError> {
    options()
        .deserialize(fields)
        .map_err(|error| CodecError::Damaged(error.to_string()))
}

fn without_terms(
    script_url: ScriptUrl,
    source: WorkerSource,
    imports: StoredImports,
) -> StoredWorker {
    StoredWorker {
        script_url,
        source,
        imports,
        headers: StoredHeaders::default(),
        updates: UpdateTerms::default(),
        handles_fetch: true,
        navigation_preload: NavigationPreloadState::default(),
    }
}

fn options() -> impl Options {
    bincode::DefaultOptions::new()
        .with_limit(MAX_RECORD_BYTES)
        .reject_trailing_bytes()
}
