//! What the scheduler is asked, and what it decides.

use std::num::NonZeroU64;

use crate::{
    Caller, DispatchError, EventOutcome, Permission, PermissionName, RegisterError, RegistrationId,
    RemoveError, ScopeKey, StoreOp, SyncData, SyncNotification, Tag, Ticket, UnregisterError,
    Urgency,
};

/// Names one call of a client; chosen by whoever runs the scheduler, and never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call(pub u64);

/// Names one event of a scheduler; never used twice. Not zero, so that a registration without one needs no more room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub NonZeroU64);

/// What is true of the caller of `register()` at the time of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientFacts {
    /// Whether its service worker registration has an
    /// [active worker](https://w3c.github.io/ServiceWorker/#dfn-active-worker).
    pub active_worker: bool,
    /// The origin's permission for what is called: `background-sync`, or
    /// `periodic-background-sync` for what repeats.
    pub permission: Permission,
    /// Whether a top-level or auxiliary window of the origin is open.
    pub open_window: bool,
    /// Who calls. Ignored for registrations that repeat, since their interval limits them.
    pub caller: Caller,
}

/// The result of asking for an origin's permission right before an event is dispatched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionCheck {
    /// The engine answered.
    Answered(Permission),
    /// The engine did not answer: the event does not fire now, and the registration is kept.
    Unanswered,
}

/// An answer to a [`Call`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`crate::SyncScheduler::handle_register`].
    Registered(Result<(), RegisterError>),
    /// To [`crate::SyncScheduler::handle_get_tags`] and its like: in the order of registration.
    Tags(Vec<Tag>),
    /// To [`crate::SyncScheduler::handle_unregister_tag`].
    Unregistered(Result<(), UnregisterError>),
    /// To [`crate::SyncScheduler::handle_dispatch_now`].
    Dispatched(Result<EventOutcome, DispatchError>),
    /// To [`crate::SyncScheduler::handle_unregister`] and [`crate::SyncScheduler::handle_clear`]:
    /// how many were removed, durably.
    Removed(Result<u64, RemoveError>),
}

/// What is fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// [`SyncEvent`](https://wicg.github.io/background-sync/spec/#syncevent).
    Sync,
    /// [`PeriodicSyncEvent`](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodicsyncevent).
    PeriodicSync,
    /// The event of the explainer of 2014.
    Explainer {
        /// `event.data`.
        data: SyncData,
    },
}

/// One decision of the scheduler. They must be carried out in the order in which they come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Commit this, and report back with [`crate::SyncScheduler::handle_stored`].
    Store {
        /// To be given back with the report.
        ticket: Ticket,
        /// What to commit.
        op: StoreOp,
        /// How soon it must be committed.
        urgency: Urgency,
    },
    /// Answer this call.
    Answer {
        /// The call.
        call: Call,
        /// The answer.
        answer: Answer,
    },
    /// Ask for the origin's permission, and report back with
    /// [`crate::SyncScheduler::handle_permission`].
    CheckPermission {
        /// The event that waits for it; to be given back.
        event: EventId,
        /// The service worker registration whose origin is asked about.
        scope: ScopeKey,
        /// Which permission.
        name: PermissionName,
    },
    /// Fire this event, and report back with [`crate::SyncScheduler::handle_event_finished`].
    Dispatch {
        /// To be given back with the report.
        event: EventId,
        /// The registration whose event it is.
        registration: RegistrationId,
        /// The service worker registration that handles it.
        scope: ScopeKey,
        /// The tag of the registration, or its id.
        tag: Tag,
        /// Which event.
        kind: EventKind,
        /// `SyncEvent.lastChance`.
        last_chance: bool,
        /// Number of this attempt, from 1 on.
        attempt: u32,
    },
    /// This event passed its cap: terminate the worker that handles it. The event is over; its
    /// outcome need not be reported.
    Terminate {
        /// Which event.
        event: EventId,
        /// The service worker registration that handles it.
        scope: ScopeKey,
    },
    /// Tell whoever watches.
    Notify(SyncNotification),
}
