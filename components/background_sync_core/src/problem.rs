//! What script is told when something in the browser prevents a call: what happened, and nothing about the machine, other
//! origins or the browser's insides. Particulars, such as paths, are in [`crate::StoreFault`], for logs, the journal and
//! embedders.

use serde::{Deserialize, Serialize};

/// What is wrong with the browser's storage.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize, thiserror::Error,
)]
#[serde(from = "String", into = "&'static str")]
pub enum StorageProblem {
    /// There is no space left.
    #[error("the device is full")]
    Full,
    /// It is read-only, or belongs to somebody else.
    #[error("the browser's storage can't be written")]
    NotWritable,
    /// Another process has it.
    #[error("another browser uses this one's storage")]
    InUse,
    /// A newer version of this software made it.
    #[error("the browser's storage was made by a newer version")]
    TooNew,
    /// Reading or writing failed.
    #[error("the browser's storage is damaged or out of reach")]
    Damaged,
    /// Anything else.
    #[default]
    #[error("the browser's storage failed")]
    Failed,
}

/// Why Background Sync can't do what it is asked for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize, thiserror::Error,
)]
#[serde(from = "String", into = "&'static str")]
pub enum Unavailability {
    /// The browser is shutting down.
    #[error("the browser is shutting down")]
    ShuttingDown,
    /// Background Sync did not start in this run: its storage can't be opened, say.
    #[error("it could not be started")]
    NotStarted,
    /// A preference has switched it off, or this is a private window.
    #[error("it is off, or this is a private window")]
    Off,
    /// The caller's origin or scope can't be named.
    #[error("the scope URL is too long, or the origin is opaque")]
    NoScope,
    /// The caller has asked for too much that is not answered yet.
    #[error("this page has too many unanswered calls; wait for some of them")]
    TooManyCalls,
    /// The browser is asked for too much at once, whoever asks.
    #[error("too much is asked at once; try again later")]
    Busy,
    /// No browser of this version makes such a call.
    #[error("the call can't be understood")]
    Malformed,
    /// Anything else.
    #[default]
    #[error("something in the browser failed")]
    Failed,
}

/// They are stored and sent by name: a journal of an older version has a text for people in the same place.
macro_rules! by_name {
    ($enum:ident { $($variant:ident = $name:literal,)* }) => {
        impl $enum {
            /// All of its values.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
        }

        impl From<$enum> for &'static str {
            fn from(value: $enum) -> Self {
                match value {
                    $($enum::$variant => $name,)*
                }
            }
        }

        /// Any other text is [`Self::Failed`].
        impl From<String> for $enum {
            fn from(name: String) -> Self {
                match name.as_str() {
                    $($name => Self::$variant,)*
                    _ => Self::Failed,
                }
            }
        }
    };
}

by_name! {
    StorageProblem {
        Full = "full",
        NotWritable = "not-writable",
        InUse = "in-use",
        TooNew = "too-new",
        Damaged = "damaged",
        Failed = "failed",
    }
}

by_name! {
    Unavailability {
        ShuttingDown = "shutting-down",
        NotStarted = "not-started",
        Off = "off",
        NoScope = "no-scope",
        TooManyCalls = "too-many-calls",
        Busy = "busy",
        Malformed = "malformed",
        Failed = "failed",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use super::*;
    use crate::{RegisterError, TagTooLong, TextTooLong, UnregisterError};

    /// All that script can be told by the rejected promise of a `register()`, and of an `unregister()`.
    fn all_messages() -> [Vec<String>; 2] {
        let mut errors = vec![
            RegisterError::NoActiveWorker,
            RegisterError::PermissionDenied,
            RegisterError::NoWindow,
            RegisterError::TagTooLong(TagTooLong { bytes: 300 }),
            RegisterError::PeriodicPermissionDenied,
            RegisterError::TextTooLong(TextTooLong {
                bytes: 300,
                limit: 200,
            }),
            RegisterError::DataTooLong {
                bytes: 300,
                limit: 200,
            },
            RegisterError::TooMuchDataForOrigin { limit: 200 },
            RegisterError::TooMuchDataInAll { limit: 200 },
            RegisterError::TooManyForOrigin { limit: 200 },
            RegisterError::TooManyInAll { limit: 200 },
        ];
        let mut removals = Vec::new();
        for &problem in StorageProblem::ALL {
            errors.push(RegisterError::Storage { problem });
            removals.push(UnregisterError::Storage { problem });
        }
        for &why in Unavailability::ALL {
            errors.push(RegisterError::Unavailable { why });
            removals.push(UnregisterError::Unavailable { why });
        }
        // One that is not above can't be added unnoticed.
        let is_known = |error: &RegisterError| match error {
            RegisterError::NoActiveWorker
            | RegisterError::PermissionDenied
            | RegisterError::NoWindow
            | RegisterError::TagTooLong(_)
            | RegisterError::PeriodicPermissionDenied
            | RegisterError::TextTooLong(_)
            | RegisterError::DataTooLong { .. }
            | RegisterError::TooMuchDataForOrigin { .. }
            | RegisterError::TooMuchDataInAll { .. }
            | RegisterError::TooManyForOrigin { .. }
            | RegisterError::TooManyInAll { .. }
            | RegisterError::Storage { .. }
            | RegisterError::Unavailable { .. } => true,
        };
        assert!(errors.iter().all(is_known));
        [
            errors.iter().map(ToString::to_string).collect(),
            removals.iter().map(ToString::to_string).collect(),
        ]
    }

    #[test]
    fn no_message_for_script_names_a_file() {
        for message in all_messages().into_iter().flatten() {
            assert!(!message.contains(['/', '\\']), "{message}");
            assert!(!message.contains(std::path::MAIN_SEPARATOR), "{message}");
        }
    }

    #[test]
    fn each_message_is_one_of_its_own() {
        for mut messages in all_messages() {
            let count = messages.len();
            messages.sort();
            messages.dedup();
            assert_eq!(messages.len(), count, "{messages:?}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for &problem in StorageProblem::ALL {
            let name: &str = problem.into();
            assert_eq!(StorageProblem::from(name.to_owned()), problem);
        }
        for &why in Unavailability::ALL {
            let name: &str = why.into();
            assert_eq!(Unavailability::from(name.to_owned()), why);
        }
        let older = "cannot write to /home/somebody/profile".to_owned();
        assert_eq!(StorageProblem::from(older.clone()), StorageProblem::Failed);
        assert_eq!(Unavailability::from(older), Unavailability::Failed);
    }
}
