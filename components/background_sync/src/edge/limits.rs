//! How much clients may ask for, and what is said to those who ask for more.

use background_sync_core::{Call, ScopeKey, Unavailability};
use url::Url;

/// Connections (`SyncManager` objects) in all. Another one is refused.
pub const MAX_CONNECTIONS: usize = 16_384;

/// Connections of one origin.
pub const MAX_CONNECTIONS_PER_ORIGIN: usize = 2_048;

/// Calls of one connection that are not answered, and as many whose promise is not known to be
/// resolved. Another call is refused; another promise counts as resolved.
pub const MAX_CALLS_PER_CONNECTION: usize = 4_096;

/// Calls of one origin that are not answered. Another one is refused.
pub const MAX_CALLS_PER_ORIGIN: usize = 16_384;

/// Calls of all connections that are not answered. Another one is refused; so many promises at most are not known to be
/// resolved.
pub const MAX_CALLS_IN_ALL: usize = 65_536;

/// Text (tags, `data` and the like) in calls of one origin that are not answered, in UTF-8 bytes. A call beyond that is
/// refused.
pub const MAX_TEXT_IN_CALLS_PER_ORIGIN_BYTES: u64 = 4 * 1_024 * 1_024;

/// Text in calls of all connections that are not answered, in UTF-8 bytes. A call beyond that is refused.
pub const MAX_TEXT_IN_CALLS_BYTES: u64 = 16 * 1_024 * 1_024;

/// Messages that wait for the manager. While there are more, calls are refused and no connection is opened: the way
/// messages come (see [`crate::receive_over_ipc`]) may have a limit of its own, but need not.
pub const MAX_WAITING_MESSAGES: usize = 16_384;

/// Origins whose workers' authority is asked for while too much waits: they get it later. Another one is refused.
pub(crate) const MAX_AUTHORITIES_LATER: usize = 256;

/// Why something that a client sent is ignored or refused, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misbehaviour {
    #[error("a message for a connection that is not open")]
    UnknownConnection,
    #[error("a second connection with the id of an open one")]
    ConnectionIdInUse,
    #[error("a scope that is not a URL of its origin")]
    ScopeNotOfOrigin,
    #[error("news of a service worker from somebody who does not run it")]
    NoAuthority,
    #[error("a connection over the limit")]
    TooManyConnections,
    #[error("a call with the number of one that is not answered yet")]
    CallIdInUse,
    #[error("too many unanswered calls of one page")]
    TooManyCalls,
    #[error("too many unanswered calls")]
    TooManyCallsInAll,
    #[error("unanswered calls with too much data")]
    TooMuchData,
    #[error("too much is asked at once")]
    Overloaded,
    #[error("a client that does not read what it asked for")]
    DoesNotRead,
}

impl Misbehaviour {
    /// What script is told: nothing of what others do.
    pub fn as_told(self) -> Unavailability {
        match self {
            Self::TooManyCalls => Unavailability::TooManyCalls,
            Self::TooManyConnections
            | Self::TooManyCallsInAll
            | Self::TooMuchData
            | Self::Overloaded
            | Self::DoesNotRead => Unavailability::Busy,
            Self::UnknownConnection
            | Self::ConnectionIdInUse
            | Self::ScopeNotOfOrigin
            | Self::NoAuthority
            | Self::CallIdInUse => Unavailability::Malformed,
        }
    }
}

/// Why a call is not taken in.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub why: Misbehaviour,
    /// These promises count as resolved.
    pub acknowledged: Vec<Call>,
}

impl From<Misbehaviour> for Refusal {
    fn from(why: Misbehaviour) -> Self {
        Self {
            why,
            acknowledged: Vec::new(),
        }
    }
}

/// Whether the scope URL is one and belongs to the origin.
pub(crate) fn is_scope_of_origin(scope: &ScopeKey) -> bool {
    let origin = Url::parse(scope.scope.as_str()).map(|url| url.origin());
    origin.is_ok_and(|origin| {
        origin.is_tuple() && origin.ascii_serialization() == scope.origin.as_str()
    })
}
