//! The edge towards clients, and towards whoever runs service workers. Nothing that they say is trusted.

mod admission;
mod blocked;
mod call_order;
mod clients;
mod delivery;
mod ipc;
mod limits;
mod requests;

pub use blocked::{
    BLOCKED_CLIENT_LIMIT_MS, MAX_BLOCKED_CLIENTS, MAX_BLOCKED_CLIENTS_PER_ORIGIN,
    MAX_BLOCKED_CLIENTS_PER_SITE, MAX_GIVEN_UP_CLIENTS,
};
pub use delivery::{MAX_UNREAD_BYTES, MAX_UNREAD_BYTES_IN_ALL, MAX_UNREAD_REPLIES};
pub use ipc::{MAX_DECODED_MESSAGES, receive_over_ipc};
pub use limits::{
    MAX_CALLS_IN_ALL, MAX_CALLS_PER_CONNECTION, MAX_CALLS_PER_ORIGIN, MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_ORIGIN, MAX_TEXT_IN_CALLS_BYTES, MAX_TEXT_IN_CALLS_PER_ORIGIN_BYTES,
    MAX_WAITING_MESSAGES,
};

pub(crate) use admission::{Admission, Admitted};
pub(crate) use call_order::CallOrder;
pub(crate) use clients::Clients;
pub(crate) use delivery::ConnectionKey;
pub(crate) use requests::{Hindrance, needs_engine, permission_for, registers, subject};
