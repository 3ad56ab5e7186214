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

mod clients;
mod clock;
mod config;
mod control;
mod engine;
mod events;
mod ipc;
mod manager;
mod rate_limit;
mod unavailable;
mod writer;

pub use background_sync_core::{
    Connectivity, Durability, EventOutcome, NextStep, Permission, Policy, RegisterError,
    RemovalReason, ScopeKey, SyncNotification, Tag,
};
pub use background_sync_store::{MemoryStore, RedbStore, RegistrationStore, StoreError};
pub use background_sync_traits as traits;
pub use background_sync_traits::{DispatchedEvent, EventToken, SyncClient, SyncManagerMessage};

pub use clients::{MAX_CALLS_PER_CONNECTION, MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ORIGIN};
pub use config::{Config, StartError, Storage};
pub use control::{SyncManagerControl, SyncManagerThread};
pub use engine::{ClientState, ClientStateResponder, Embedder, Engine, Silent};
pub use ipc::receive_over_ipc;
pub use manager::SyncManager;
