//! What happens to registrations, as a timeline shows it to a person.

use serde::{Deserialize, Serialize};

use crate::{
    Connectivity, EventOutcome, ExtraInterval, Origin, RegisterError, ScopeKey, StoreFault,
    SyncApi, Tag, WallTime, WhyNotFired,
};

/// What becomes of a registration after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NextStep {
    /// Nothing more: it succeeded, or it was the last chance, or the registration is gone.
    Removed,
    /// Another attempt after this time.
    RetryIn {
        /// Milliseconds from now.
        ms: u64,
    },
    /// It was registered again meanwhile and fires again, as soon as the user agent is online.
    FiresAgain,
    /// It fires again once its service worker registration has an active worker.
    Parked,
    /// Another event after its interval.
    IntervalOf {
        /// Milliseconds from now, at the least: wake-ups are shared.
        ms: u64,
    },
    /// Another event when the embedder lets its origin have some again.
    Suspended,
}

/// Why a registration was removed without an event's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RemovalReason {
    /// Its service worker registration is gone.
    WorkerUnregistered,
    /// The user has disabled background sync for the origin.
    PermissionDenied,
    /// Each of its last attempts was cut short by the end of the browser.
    InterruptedTooOften,
    /// Two stored registrations had one tag; the older one is dropped.
    StoredTwice,
    /// The embedder removed it, alone or with its site's data.
    Cleared,
    /// Its page or its worker unregistered it.
    Unregistered,
}

/// Something that happened. Not a request: nothing depends on anybody reading it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum SyncNotification {
    /// Registrations were loaded from the store.
    Restored {
        /// How many.
        count: u64,
    },
    /// Stored data could not be read. It is kept, out of the way; all else goes on.
    SetAside {
        /// Registrations that are lost.
        records: u64,
        /// The name that an unreadable file has now, if it was the file.
        file: Option<String>,
    },
    /// `register()` was accepted, durably.
    Registered {
        /// Which API.
        api: SyncApi,
        /// By whom.
        scope: ScopeKey,
        /// What.
        tag: Tag,
        /// Whether the tag was registered already.
        duplicate: bool,
    },
    /// `register()` was refused.
    Rejected {
        /// Which API.
        api: SyncApi,
        /// Who asked.
        scope: ScopeKey,
        /// The tag, unless it was none.
        tag: Option<Tag>,
        /// Why.
        reason: RegisterError,
    },
    /// What was registered, or a retry or a periodic event that is due, does not fire at once.
    HeldBack {
        /// Which API.
        api: SyncApi,
        /// Whose.
        scope: ScopeKey,
        /// What.
        tag: Tag,
        /// What it waits for.
        why: WhyNotFired,
    },
    /// An event is on its way to the service worker.
    Dispatched {
        /// Which API.
        api: SyncApi,
        /// Whose.
        scope: ScopeKey,
        /// What.
        tag: Tag,
        /// Number of the attempt, from 1 on.
        attempt: u32,
        /// Whether it is the last one.
        last_chance: bool,
    },
    /// An event is over.
    Finished {
        /// Which API.
        api: SyncApi,
        /// Whose.
        scope: ScopeKey,
        /// What.
        tag: Tag,
        /// Number of the attempt, from 1 on.
        attempt: u32,
        /// How it ended.
        outcome: EventOutcome,
        /// What comes now.
        next: NextStep,
    },
    /// A registration was removed for another reason than its event's outcome.
    Removed {
        /// Which API.
        api: SyncApi,
        /// Whose.
        scope: ScopeKey,
        /// What.
        tag: Tag,
        /// Why.
        reason: RemovalReason,
    },
    /// The network came or went.
    ConnectivityChanged {
        /// What it is now.
        connectivity: Connectivity,
        /// How many registrations fire at once or wait for the network now.
        pending: u64,
        /// How many wait for a retry.
        waiting: u64,
    },
    /// One operation of the store failed; only it is affected.
    StorageFailed {
        /// Which API.
        api: SyncApi,
        /// Whose registration.
        scope: ScopeKey,
        /// Its tag.
        tag: Tag,
        /// What the store said.
        fault: StoreFault,
    },
    /// The embedder set what is added to the intervals of an origin's periodic events.
    ExtraIntervalSet {
        /// Whose.
        origin: Origin,
        /// To what.
        extra: ExtraInterval,
        /// How many registrations of the origin repeat.
        registrations: u64,
    },
}

impl SyncNotification {
    /// The service worker registration that it is about, if it is about one.
    #[must_use]
    pub fn scope(&self) -> Option<&ScopeKey> {
        match self {
            Self::Registered { scope, .. }
            | Self::Rejected { scope, .. }
            | Self::HeldBack { scope, .. }
            | Self::Dispatched { scope, .. }
            | Self::Finished { scope, .. }
            | Self::Removed { scope, .. }
            | Self::StorageFailed { scope, .. } => Some(scope),
            Self::Restored { .. }
            | Self::SetAside { .. }
            | Self::ConnectivityChanged { .. }
            | Self::ExtraIntervalSet { .. } => None,
        }
    }

    /// The same, to have notifications that are kept share it.
    pub fn scope_mut(&mut self) -> Option<&mut ScopeKey> {
        match self {
            Self::Registered { scope, .. }
            | Self::Rejected { scope, .. }
            | Self::HeldBack { scope, .. }
            | Self::Dispatched { scope, .. }
            | Self::Finished { scope, .. }
            | Self::Removed { scope, .. }
            | Self::StorageFailed { scope, .. } => Some(scope),
            Self::Restored { .. }
            | Self::SetAside { .. }
            | Self::ConnectivityChanged { .. }
            | Self::ExtraIntervalSet { .. } => None,
        }
    }

    /// The API that it is about, if it is about a registration.
    #[must_use]
    pub fn api(&self) -> Option<SyncApi> {
        match self {
            Self::Registered { api, .. }
            | Self::Rejected { api, .. }
            | Self::HeldBack { api, .. }
            | Self::Dispatched { api, .. }
            | Self::Finished { api, .. }
            | Self::Removed { api, .. }
            | Self::StorageFailed { api, .. } => Some(*api),
            Self::Restored { .. }
            | Self::SetAside { .. }
            | Self::ConnectivityChanged { .. }
            | Self::ExtraIntervalSet { .. } => None,
        }
    }

    /// The tag that it is about, if it is about one.
    #[must_use]
    pub fn tag(&self) -> Option<&Tag> {
        match self {
            Self::Registered { tag, .. }
            | Self::HeldBack { tag, .. }
            | Self::Dispatched { tag, .. }
            | Self::Finished { tag, .. }
            | Self::Removed { tag, .. }
            | Self::StorageFailed { tag, .. } => Some(tag),
            Self::Rejected { tag, .. } => tag.as_ref(),
            Self::Restored { .. }
            | Self::SetAside { .. }
            | Self::ConnectivityChanged { .. }
            | Self::ExtraIntervalSet { .. } => None,
        }
    }
}

/// A [`SyncNotification`] as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Its place in the journal; grows, also across restarts.
    pub sequence: u64,
    /// When it happened (the last time), by the wall clock.
    pub at: WallTime,
    /// How often in a row.
    pub times: u32,
    /// What happened.
    pub what: SyncNotification,
}
