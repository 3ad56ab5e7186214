//! Types that the scheduler, the store, the messages and the embedder share.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{StorageProblem, TagTooLong, TextTooLong, Unavailability};

/// Longest origin or scope that is accepted, in UTF-8 bytes.
pub const MAX_URL_BYTES: usize = 65_536;

/// An origin or scope was longer than [`MAX_URL_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the URL has {bytes} bytes; at most {MAX_URL_BYTES} are allowed")]
pub struct UrlTooLong {
    /// Length of the refused URL, in UTF-8 bytes.
    pub bytes: usize,
}

macro_rules! url_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The serialized form.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = UrlTooLong;

            fn try_from(text: String) -> Result<Self, UrlTooLong> {
                Self::try_from(text.as_str())
            }
        }

        impl TryFrom<&str> for $name {
            type Error = UrlTooLong;

            fn try_from(text: &str) -> Result<Self, UrlTooLong> {
                match text.len() {
                    bytes if bytes > MAX_URL_BYTES => Err(UrlTooLong { bytes }),
                    _ => Ok(Self(text.into())),
                }
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

url_newtype! {
    /// The ASCII serialization of an origin, `https://example.com`. Engines make it; the core only
    /// compares it.
    Origin
}

url_newtype! {
    /// The serialized [scope URL](https://w3c.github.io/ServiceWorker/#dfn-scope-url) of a service
    /// worker registration.
    ScopeUrl
}

/// Names one service worker registration: its storage key and its scope URL. It owns one
/// [list of sync registrations](https://wicg.github.io/background-sync/spec/#list-of-sync-registrations).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ScopeKey {
    /// Storage key, at present the origin alone.
    pub origin: Origin,
    /// Scope URL of the service worker registration.
    pub scope: ScopeUrl,
}

impl fmt::Display for ScopeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.scope)
    }
}

/// Identifies a stored sync registration; never used twice in one store.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
pub struct RegistrationId(pub u64);

/// Whether the user agent is [online](https://wicg.github.io/background-sync/spec/#online).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Connectivity {
    /// A network connection is established.
    Online,
    /// No network connection is established.
    Offline,
}

/// State of the `background-sync` permission of an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Permission {
    /// Background sync may be used (the default of the specification).
    Granted,
    /// The user has disabled background sync for the origin.
    Denied,
}

/// How a dispatched sync event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventOutcome {
    /// All extended lifetime promises were fulfilled.
    Fulfilled,
    /// At least one of them was rejected, or a handler could not be run.
    Rejected,
    /// The worker was terminated, crashed, or its thread is gone.
    WorkerGone,
    /// The event passed its execution cap. Only the manager concludes this.
    TimedOut,
    /// There was no active worker to give it to: the handler has not run, no attempt is counted.
    NotStarted,
}

/// Who calls `register()`. A worker that registers on its own, in its own events say, could go on forever: its
/// events back off ([`crate::Policy::chained_events_at_once`]). What a client wants fires at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Caller {
    /// A page, or whatever else is a client of the service worker.
    Page,
    /// The service worker, to which a client has sent something since its last `sync` or `periodicsync` event began.
    PromptedWorker,
    /// The service worker, on its own.
    Worker,
}

impl Caller {
    /// Whether a client is behind the call.
    #[must_use]
    pub fn speaks_for_client(self) -> bool {
        match self {
            Self::Page | Self::PromptedWorker => true,
            Self::Worker => false,
        }
    }
}

/// State of a sync registration, as the specification names them:
/// [registration state](https://wicg.github.io/background-sync/spec/#registration-state).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RegistrationState {
    /// Fires as soon as the user agent is online.
    Pending,
    /// Failed, and waits for its next attempt.
    Waiting,
    /// Its event is being dispatched or handled.
    Firing,
    /// As [`RegistrationState::Firing`], and registered again meanwhile: it fires once more.
    ReregisteredWhileFiring,
}

/// Why `SyncManager.register()` was refused. Each has its own message for script; the engine maps them to
/// the specification's exceptions at the DOM boundary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum RegisterError {
    /// `InvalidStateError`.
    #[error(
        "the service worker registration has no active worker; wait for navigator.serviceWorker.ready"
    )]
    NoActiveWorker,
    /// `NotAllowedError`.
    #[error("the user has disabled background sync for this origin")]
    PermissionDenied,
    /// `InvalidAccessError`.
    #[error("no window of this origin is open; register while the user has the page open")]
    NoWindow,
    /// `InvalidAccessError`.
    #[error(transparent)]
    TagTooLong(#[from] TagTooLong),
    /// `NotAllowedError`.
    #[error("periodic background sync is not permitted for this origin")]
    PeriodicPermissionDenied,
    /// `InvalidAccessError`.
    #[error(transparent)]
    TextTooLong(#[from] TextTooLong),
    /// `QuotaExceededError`.
    #[error("the data of the sync registration has {bytes} bytes; at most {limit} are allowed")]
    DataTooLong {
        /// Length of the refused data, in UTF-8 bytes.
        bytes: u64,
        /// The limit of the policy.
        limit: u64,
    },
    /// `QuotaExceededError`.
    #[error("the data of this origin's sync registrations would exceed {limit} bytes")]
    TooMuchDataForOrigin {
        /// The limit that was reached, in UTF-8 bytes.
        limit: u64,
    },
    /// `QuotaExceededError`.
    #[error("the data of all sync registrations in this browser would exceed {limit} bytes")]
    TooMuchDataInAll {
        /// The limit that was reached, in UTF-8 bytes.
        limit: u64,
    },
    /// `QuotaExceededError`.
    #[error("this origin already has {limit} sync registrations, the most it may have")]
    TooManyForOrigin {
        /// The limit that was reached.
        limit: u32,
    },
    /// `QuotaExceededError`.
    #[error("this browser already holds {limit} sync registrations, the most it may hold")]
    TooManyInAll {
        /// The limit that was reached.
        limit: u32,
    },
    /// `UnknownError`: the registration could not be made durable, and does not exist.
    #[error("the registration could not be stored: {problem}")]
    Storage {
        /// Why.
        problem: StorageProblem,
    },
    /// `UnknownError`: the browser is shutting down or background sync could not start.
    #[error("background sync is not available: {why}")]
    Unavailable {
        /// Why.
        why: Unavailability,
    },
}

url_newtype! {
    /// The serialized [script URL](https://w3c.github.io/ServiceWorker/#dfn-script-url) of a
    /// service worker.
    ScriptUrl
}

/// Why a page's call of `unregister()` failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum UnregisterError {
    /// `UnknownError`: the registration is gone for now, and will be removed from the store as soon as that works.
    #[error("the removal could not be stored yet: {problem}")]
    Storage {
        /// Why.
        problem: StorageProblem,
    },
    /// `UnknownError`: the browser is shutting down or background sync could not start.
    #[error("background sync is not available: {why}")]
    Unavailable {
        /// Why.
        why: Unavailability,
    },
}
