//! Where clients are. Nothing that they say is believed.

mod blocked;
pub(crate) mod delivery;

pub use blocked::{
    BLOCKED_CLIENT_LIMIT_MS, MAX_BLOCKED_CLIENTS, MAX_BLOCKED_CLIENTS_PER_ORIGIN,
    MAX_BLOCKED_CLIENTS_PER_SITE, MAX_GIVEN_UP_CLIENTS,
};
pub use delivery::{MAX_UNREAD_BYTES, MAX_UNREAD_BYTES_IN_ALL, MAX_UNREAD_REPLIES};
