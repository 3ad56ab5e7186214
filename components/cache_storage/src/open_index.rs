//! Opens the index of a store, and sets aside one that can't be read.

use std::panic::{AssertUnwindSafe, catch_unwind};

use redb::{Database, DatabaseError, StorageError};

use crate::CacheError;
use crate::codec::SCHEMA_VERSION;
use crate::shared::Shared;
use crate::tables;

/// Of caches nothing must be saved: an index that can't be read is set aside, and an empty one takes its place.
pub(crate) fn open_index(shared: &Shared) -> Result<Database, CacheError> {
    let first = open_checked(shared);
    let reason = match first {
        Ok(database) => return Ok(database),
        Err(OpenError::Failed(error)) => return Err(CacheError::of_index(&error)),
        Err(OpenError::Unreadable(reason)) => reason,
    };
    log::warn!("An index of cached responses is set aside, and all of them with it: {reason}");
    shared
        .medium
        .set_index_aside()
        .map_err(|error| CacheError::of_io("set its index aside", &error))?;
    match open_checked(shared) {
        Ok(database) => Ok(database),
        Err(OpenError::Failed(error)) => Err(CacheError::of_index(&error)),
        Err(OpenError::Unreadable(_)) => Err(CacheError::Unavailable),
    }
}

enum OpenError {
    Failed(redb::Error),
    Unreadable(String),
}

impl From<redb::Error> for OpenError {
    fn from(error: redb::Error) -> Self {
        use std::io::ErrorKind::{InvalidData, UnexpectedEof};
        match &error {
            redb::Error::Io(io) if !matches!(io.kind(), InvalidData | UnexpectedEof) => {
                Self::Failed(error)
            }
            redb::Error::DatabaseAlreadyOpen | redb::Error::PreviousIo => Self::Failed(error),
            _ => Self::Unreadable(error.to_string()),
        }
    }
}

fn open_checked(shared: &Shared) -> Result<Database, OpenError> {
    let opened = catch_unwind(AssertUnwindSafe(|| shared.medium.open_index()));
    let unreadable = |_| {
        let reason = "reading it went wrong".to_owned();
        Err(DatabaseError::Storage(StorageError::Corrupted(reason)))
    };
    let database = opened
        .unwrap_or_else(unreadable)
        .map_err(redb::Error::from)?;
    match tables::schema(&database)? {
        None => tables::create(&database, u64::from(SCHEMA_VERSION))?,
        Some(version) if version == u64::from(SCHEMA_VERSION) => {}
        Some(version) => {
            let reason = format!("its version {version} is not known");
            return Err(OpenError::Unreadable(reason));
        }
    }
    Ok(database)
}

/// Damaged bytes can make redb panic.
pub(crate) fn close(database: Option<Database>) {
    if catch_unwind(AssertUnwindSafe(|| drop(database))).is_err() {
        log::warn!("An index of cached responses could not be closed cleanly");
    }
}
