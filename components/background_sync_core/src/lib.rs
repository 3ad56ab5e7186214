//! The Background Sync state machine. It has no clock, does no I/O and starts no thread: events and
//! the time come in as arguments of `handle_*`, decisions go out through `poll_*`.
//!
//! Specification: <https://wicg.github.io/background-sync/spec/>.
//!
//! ```
//! use background_sync_core::*;
//!
//! let config = SchedulerConfig::new(Policy::standard(), Connectivity::Online, 1);
//! let mut scheduler = SyncScheduler::new(config);
//! let now = Now { wall: WallTime(1_700_000_000_000), mono: MonoTime(0) };
//! let scope = ScopeKey {
//!     origin: Origin::try_from("https://shop.example")?,
//!     scope: ScopeUrl::try_from("https://shop.example/")?,
//! };
//! let facts = ClientFacts {
//!     active_worker: true,
//!     permission: Permission::Granted,
//!     open_window: true,
//!     caller: Caller::Page,
//! };
//! scheduler.handle_register(now, Call(1), &scope, Ok(Tag::try_from("outbox")?), facts);
//! let Some(Output::Store { ticket, .. }) = scheduler.poll_output() else { panic!() };
//! // Once that is durable:
//! scheduler.handle_stored(now, ticket, Ok(()));
//! assert!(matches!(scheduler.poll_output(), Some(Output::Answer { .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod explainer;
mod inspect;
mod navigation_preload;
mod output;
mod periodic;
mod policy;
mod problem;
mod record;
mod rng;
mod scheduler;
mod stored_imports;
mod stored_terms;
mod stored_worker;
mod sync_notification;
mod tag;
mod time;
mod types;
mod worker_source;
mod wtf8;

pub use explainer::*;
pub use inspect::*;
pub use navigation_preload::{
    InvalidPreloadHeader, MAX_PRELOAD_HEADER_BYTES, NavigationPreloadState, PreloadHeaderValue,
};
pub use output::*;
pub use periodic::*;
pub use policy::*;
pub use problem::*;
pub use record::*;
pub use scheduler::{SchedulerConfig, SyncScheduler, Usage};
pub use stored_imports::{MAX_STORED_IMPORTS, StoredImport, StoredImports, TooManyImports};
pub use stored_terms::{
    HeadersTooLong, MAX_STORED_HEADER_BYTES, StoredHeaders, UpdateTerms, UpdateViaCache,
};
pub use stored_worker::{KnownWorker, StoredWorker};
pub use sync_notification::*;
pub use tag::{InvalidTag, MAX_TAG_BYTES, Tag, TagTooLong};
pub use time::*;
pub use types::*;
pub use worker_source::{MAX_WORKER_SOURCE_BYTES, SourceTooLong, WorkerSource};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
