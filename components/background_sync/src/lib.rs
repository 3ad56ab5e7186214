//! The SyncManager thread: [Background Sync](https://wicg.github.io/background-sync/spec/) for Servo-style engines. It
//! knows no JavaScript engine; an engine implements [`Engine`].
//!
//! ```text
//! pages, workers --SyncManagerMessage--> SyncManager thread --Engine--> service workers
//!                <-----SyncReply--------   |        |      <--EventFinished--
//!                                        store   Embedder (timeline)
//! ```
//!
//! `background_sync_core` makes the decisions. This crate is the thread around it, in rooms. Each room owns its data:
//!
//! | room | responsible for |
//! | --- | --- |
//! | `manager` | the loop; routing between the rooms; the life of calls and running events |
//! | `edge` | clients: admission and limits, the order of calls, delivery of replies, IPC |
//! | `storage` | commits, the store's thread and the workers' thread, opening the store again |
//! | `embedder` | control, journal, notifications, answers that the embedder waits for |
//! | `time` | the clock, and an alarm that goes on in suspend |

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod config;
mod edge;
mod embedder;
mod engine;
mod manager;
mod storage;
mod time;

pub use background_sync_core::{
    Connectivity, DispatchError, Durability, EventOutcome, ExtraInterval, JournalEntry, NextStep,
    Origin, Permission, PermissionName, Policy, RegisterError, RegistrationInfo, RegistrationState,
    RemovalReason, RemoveError, ScopeKey, StorageProblem, StoreFault, SyncApi, SyncNotification,
    Tag, Unavailability, WallTime, WhyNotFired,
};
pub use background_sync_store::{MemoryStore, RedbStore, RegistrationStore, StoreError};
pub use background_sync_traits as traits;
pub use background_sync_traits::{DispatchedEvent, EventToken, SyncClient, SyncManagerMessage};

pub use config::{Config, StartError, Storage};
pub use edge::{
    BLOCKED_CLIENT_LIMIT_MS, MAX_BLOCKED_CLIENTS, MAX_BLOCKED_CLIENTS_PER_ORIGIN,
    MAX_BLOCKED_CLIENTS_PER_SITE, MAX_CALLS_IN_ALL, MAX_CALLS_PER_CONNECTION, MAX_CALLS_PER_ORIGIN,
    MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ORIGIN, MAX_DECODED_MESSAGES, MAX_GIVEN_UP_CLIENTS,
    MAX_TEXT_IN_CALLS_BYTES, MAX_TEXT_IN_CALLS_PER_ORIGIN_BYTES, MAX_UNREAD_BYTES,
    MAX_UNREAD_BYTES_IN_ALL, MAX_UNREAD_REPLIES, MAX_WAITING_MESSAGES, receive_over_ipc,
};
pub use embedder::{
    Clear, Embedder, JournalQuery, MAX_JOURNAL_BYTES, MAX_JOURNAL_ENTRIES, MAX_SUBSCRIBER_LAG,
    MAX_SUBSCRIBERS, ManagerGone, Reply, Silent, SyncManagerControl, SyncManagerThread, WhyReport,
};
pub use engine::{ClientState, ClientStateResponder, DurabilityResponder, Engine};
pub use manager::{SyncManager, SyncStores};
pub use storage::RELAXED_WINDOW_MS;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
