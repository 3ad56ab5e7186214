//! What an embedder can ask about registrations, and do to them.

use serde::{Deserialize, Serialize};

use crate::{RegistrationState, ScopeKey, StoreFault, SyncApi, Tag, WallTime};

/// Why a tag has not fired (yet). Its text is for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum WhyNotFired {
    /// It is not registered: never, or it succeeded, or it was given up or removed. The journal
    /// tells which.
    #[error("it is not registered; the journal tells whether it has been")]
    NotRegistered,
    /// `register()` was called, and the registration is not durable yet.
    #[error("it is just being stored")]
    BeingStored,
    /// Its page has not said yet that the promise of `register()` is resolved.
    #[error("its page has not seen the promise of register() resolve yet")]
    PromiseNotResolved,
    /// There is no network.
    #[error("there is no network")]
    Offline,
    /// It failed and waits for its next attempt.
    #[error("{failed_attempts} attempt(s) failed; the next one is in {in_ms} ms")]
    WaitsForRetry {
        /// Milliseconds from now.
        in_ms: u64,
        /// Attempts so far.
        failed_attempts: u32,
    },
    /// It was put off: spread after a reconnect, or after a local fault.
    #[error("it was put off and is due in {in_ms} ms")]
    PutOff {
        /// Milliseconds from now.
        in_ms: u64,
    },
    /// Its own interval is not over: what its page asked for, or the least for its origin.
    #[error("its interval ends in {in_ms} ms")]
    WaitsForInterval {
        /// Milliseconds from now, at the least.
        in_ms: u64,
    },
    /// The embedder lets its origin have no periodic events at present:
    /// [`crate::ExtraInterval::Never`].
    #[error("its origin is suspended: its user does not visit it")]
    Suspended,
    /// Its service worker registration had no active worker when it was to fire.
    #[error("its service worker registration has no active worker")]
    NoActiveWorker,
    /// As many events as may run at the same time do.
    #[error("too many other events are running; it waits for its turn")]
    NoFreeSlot,
    /// It is about to fire: its attempt is being recorded and its permission checked.
    #[error("it is about to fire")]
    BeingPrepared,
    /// It has: its event runs.
    #[error("its event is running now, attempt {attempt}")]
    Running {
        /// Number of the attempt, from 1 on.
        attempt: u32,
    },
    // Stored in the journal by their position: new ones come last.
    /// Its own interval is over, but its origin had a periodic event a short while ago.
    #[error("its origin had a periodic event; the next one may come in {in_ms} ms")]
    WaitsForOrigin {
        /// Milliseconds from now, at the least.
        in_ms: u64,
    },
    /// Its own interval is over, but the browser woke up for periodic events a short while ago.
    #[error("there was a wake-up for periodic events; the next one may come in {in_ms} ms")]
    WaitsForWakeUp {
        /// Milliseconds from now, at the least.
        in_ms: u64,
    },
    /// The permission that it needs is denied: `register()` was refused, or it was removed.
    #[error("its origin does not have the permission")]
    PermissionDenied,
    /// Its worker has registered it by itself, once too often in a row:
    /// [`crate::Policy::chained_events_at_once`].
    #[error(
        "its worker keeps registering by itself, {depth} times in a row; it is due in {in_ms} ms"
    )]
    Chained {
        /// Milliseconds from now.
        in_ms: u64,
        /// Which event of the chain it is, from 1 on.
        depth: u32,
    },
}

/// One registration as an embedder sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationInfo {
    /// Which API made it.
    pub api: SyncApi,
    /// The service worker registration that owns it.
    pub scope: ScopeKey,
    /// Its tag.
    pub tag: Tag,
    /// Its state.
    pub state: RegistrationState,
    /// Attempts that were dispatched since it was registered.
    pub attempts: u32,
    /// When it was registered.
    pub registered_at: WallTime,
    /// What it waits for.
    pub why: WhyNotFired,
}

/// Why an event that the embedder asked for has no outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum DispatchError {
    /// There is no such registration, or it was removed before its event fired.
    #[error("there is no such sync registration")]
    NotRegistered,
    /// Something got in the way: the store failed, the engine did not answer, or there is no active
    /// worker, and none came in time. The registration is kept and goes on waiting for what it waited
    /// for.
    #[error("the event could not be dispatched now; the registration is kept")]
    NotNow,
    /// The manager ended first.
    #[error("background sync is shutting down")]
    ShuttingDown,
}

/// Why registrations could not be removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum RemoveError {
    /// They are gone for now, and will be removed from the store as soon as it works.
    #[error("the registrations could not be removed from the store yet: {0}")]
    Storage(StoreFault),
    /// The manager ended first.
    #[error("background sync is shutting down")]
    ShuttingDown,
}
