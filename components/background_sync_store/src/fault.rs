//! What a fault of the database means for its file.

use std::path::Path;

use crate::StoreError;

/// Why something could not be done with the file.
pub(crate) enum Fault {
    /// For whoever asked.
    Error(StoreError),
    /// The bytes of the file make no sense: it has to be set aside.
    Damaged(String),
}

impl Fault {
    pub fn of(path: &Path, error: redb::Error) -> Self {
        use std::io::ErrorKind::{InvalidData, UnexpectedEof};
        let path = path.to_owned();
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::Error(StoreError::InUse { path }),
            redb::Error::Io(error) if !matches!(error.kind(), InvalidData | UnexpectedEof) => {
                Self::Error(StoreError::from_io(&path, error))
            }
            redb::Error::PreviousIo | redb::Error::ValueTooLarge(_) => {
                Self::Error(StoreError::Medium {
                    path,
                    reason: error.to_string(),
                })
            }
            other => Self::Damaged(other.to_string()),
        }
    }

    pub fn into_error(self, path: &Path) -> StoreError {
        match self {
            Self::Error(error) => error,
            Self::Damaged(reason) => StoreError::Medium {
                path: path.to_owned(),
                reason,
            },
        }
    }
}
