//! The SyncManager thread: [Background Sync](https://wicg.github.io/background-sync/spec/) for
//! Servo-style engines. It knows no JavaScript engine; an engine implements [`Engine`].
//!
//! ```text
//! pages, workers --SyncManagerMessage--> SyncManager thread --Engine--> service workers
//!                <-----SyncReply--------   |        |      <--EventFinished--
//!                                        store   Embedder (timeline)
//! ```
//!
//! The decisions are made in `background_sync_core`; this crate has the thread, the clock, the
//! store's thread, and the edge, where nothing that a content process says is believed.

mod alarm;
mod barrier;
mod calls;
mod clients;
mod clock;
mod config;
mod control;
mod edge;
mod embedder_calls;
mod engine;
mod events;
mod held;
mod ipc;
mod journal;
mod limits;
mod manager;
mod messages;
mod opening;
mod outbox;
mod rate_limit;
mod requests;
mod spawn;
mod unavailable;
mod workers;
mod writer;

pub use background_sync_core::{
    Connectivity, DispatchError, Durability, EventOutcome, ExtraInterval, JournalEntry, NextStep,
    Origin, Permission, PermissionName, Policy, RegisterError, RegistrationInfo, RegistrationState,
    RemovalReason, RemoveError, ScopeKey, StorageProblem, StoreFault, SyncApi, SyncNotification,
    Tag, Unavailability, WallTime, WhyNotFired,
};
pub use background_sync_store::{MemoryStore, RedbStore, RegistrationStore, StoreError};
pub use background_sync_traits as traits;
pub use background_sync_traits::{DispatchedEvent, EventToken, SyncClient, SyncManagerMessage};

pub use barrier::DurabilityResponder;
pub use config::{Config, StartError, Storage};
pub use control::{Clear, ManagerGone, Reply, SyncManagerControl, SyncManagerThread};
pub use edge::{
    BLOCKED_CLIENT_LIMIT_MS, MAX_BLOCKED_CLIENTS, MAX_BLOCKED_CLIENTS_PER_ORIGIN,
    MAX_BLOCKED_CLIENTS_PER_SITE, MAX_GIVEN_UP_CLIENTS, MAX_UNREAD_BYTES, MAX_UNREAD_BYTES_IN_ALL,
    MAX_UNREAD_REPLIES,
};
pub use engine::{ClientState, ClientStateResponder, Embedder, Engine, Silent};
pub use ipc::{MAX_DECODED_MESSAGES, receive_over_ipc};
pub use journal::{
    JournalQuery, MAX_JOURNAL_BYTES, MAX_JOURNAL_ENTRIES, MAX_SUBSCRIBER_LAG, MAX_SUBSCRIBERS,
    WhyReport,
};
pub use limits::{
    MAX_CALLS_IN_ALL, MAX_CALLS_PER_CONNECTION, MAX_CALLS_PER_ORIGIN, MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_ORIGIN, MAX_TEXT_IN_CALLS_BYTES, MAX_TEXT_IN_CALLS_PER_ORIGIN_BYTES,
    MAX_WAITING_MESSAGES,
};
pub use outbox::RELAXED_WINDOW_MS;
pub use spawn::SyncManager;
