//! A batch whose bodies are complete, and the bodies of pairs that a query finds.

use crate::CacheError;
use crate::batch::Operation;
use crate::body::{BodyDraft, BodyReader, FinishedBody, FoundBody, checksum, file_length};
use crate::codec::{EntryRecord, StoredBody};
use crate::head::{QueryOptions, RequestHead};
use crate::keys::{CacheId, EntryKey};
use crate::shared::Shared;
use crate::tables::{Change, Fault, Snapshot};

/// Writes and flushes what is left of all bodies, and their names, before the index names them.
pub(crate) fn finish_bodies(
    shared: &Shared,
    operations: Vec<Operation>,
) -> Result<(Vec<Step>, Vec<BodyDraft>), CacheError> {
    let mut steps = Vec::with_capacity(operations.len());
    let mut drafts = Vec::new();
    let mut has_files = false;
    for operation in operations {
        let (request, response, draft) = match operation {
            Operation::Delete { request, options } => {
                steps.push(Step::Delete { request, options });
                continue;
            }
            Operation::Put {
                request,
                response,
                body,
            } => (request, response, body),
        };
        let mut body = FinishedBody {
            stored: StoredBody::None,
            inline: Vec::new(),
        };
        if let Some(mut draft) = draft {
            body = draft.finish()?;
            has_files |= matches!(body.stored, StoredBody::File { .. });
            drafts.push(draft);
        }
        let record = EntryRecord {
            request,
            response,
            body: body.stored,
        };
        steps.push(Step::Put { record, body });
    }
    if has_files {
        shared
            .medium
            .sync_names()
            .map_err(|error| CacheError::of_io("flush the names of bodies", &error))?;
    }
    Ok((steps, drafts))
}

/// One operation whose body is complete.
pub(crate) enum Step {
    Put {
        record: EntryRecord,
        body: FinishedBody,
    },
    Delete {
        request: RequestHead,
        options: QueryOptions,
    },
}

impl Step {
    /// Says whether it was a `Delete` that has removed something.
    pub fn apply(&self, change: &mut Change, cache: CacheId) -> Result<bool, Fault> {
        match self {
            Self::Put { record, body } => {
                change.remove_matching(cache, &record.request, QueryOptions::default())?;
                change.add_entry(cache, record, body)?;
                Ok(false)
            }
            Self::Delete { request, options } => {
                if refuses_method(Some(request), *options) {
                    return Ok(false);
                }
                Ok(change.remove_matching(cache, request, *options)? > 0)
            }
        }
    }
}

/// Only GET is stored, so that other methods match nothing unless they are ignored.
pub(crate) fn refuses_method(request: Option<&RequestHead>, options: QueryOptions) -> bool {
    request.is_some_and(|request| request.method != "GET") && !options.ignore_method
}

/// `None` if the body is not what was stored.
pub(crate) fn body_of(
    snapshot: &Snapshot,
    shared: &Shared,
    key: EntryKey,
    record: &EntryRecord,
) -> Result<Option<FoundBody>, redb::Error> {
    Ok(match record.body {
        StoredBody::None => Some(FoundBody::None),
        StoredBody::Inline {
            checksum: stored, ..
        } => snapshot
            .inline_body(key)?
            .filter(|bytes| checksum(0, bytes) == stored)
            .map(FoundBody::Inline),
        StoredBody::File { id, length } => match shared.medium.len(id) {
            Ok(found) if found == file_length(length) => {
                let reader = BodyReader::new(shared.clone(), key, id, length);
                Some(FoundBody::File(reader))
            }
            Ok(_) => None,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            // It may be there again: the read will tell.
            Err(_) => {
                let reader = BodyReader::new(shared.clone(), key, id, length);
                Some(FoundBody::File(reader))
            }
        },
    })
}
