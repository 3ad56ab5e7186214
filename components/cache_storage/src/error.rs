//! Errors. They cross a process boundary to script, so they name no file; what the system said is in the log.

use serde::{Deserialize, Serialize};

/// Why something was refused or failed. In either case, nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum CacheError {
    /// No room: the origin's share is used up, or the disk is full.
    #[error("there is no room left")]
    QuotaExceeded,
    /// Two operations of a batch are about the same request.
    #[error("the batch has two operations about one request")]
    DuplicateRequest,
    /// The method is not GET.
    #[error("only requests whose method is GET are stored")]
    NotGet,
    /// The URL is neither http nor https.
    #[error("only requests whose scheme is http or https are stored")]
    NotHttp,
    /// The response is a partial one.
    #[error("responses with status 206 are not stored")]
    Partial,
    /// The response varies by everything, so it would never match.
    #[error("responses with \"Vary: *\" are not stored")]
    VariesByAll,
    /// The cache, or the body, is gone or never was.
    #[error("there is no such cache or body")]
    NotFound,
    /// URL and headers, a name or a batch are longer than allowed.
    #[error("a request, a response, a name or a list is too long")]
    TooLong,
    /// The body's bytes are not those that were stored.
    #[error("the stored body is damaged")]
    Damaged,
    /// The medium fails, or the index can't be opened.
    #[error("the storage does not work")]
    Unavailable,
}

impl CacheError {
    /// Logs the fault of the medium, and says what it means for the caller.
    pub(crate) fn of_io(what: &str, error: &std::io::Error) -> Self {
        log::warn!("Cache storage can't {what}: {error}");
        if is_full(error) {
            Self::QuotaExceeded
        } else {
            Self::Unavailable
        }
    }

    /// As [`CacheError::of_io`], for the index.
    pub(crate) fn of_index(error: &redb::Error) -> Self {
        match error {
            redb::Error::Io(error) => Self::of_io("use its index", error),
            error => {
                log::warn!("Cache storage can't use its index: {error}");
                Self::Unavailable
            }
        }
    }
}

fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}
