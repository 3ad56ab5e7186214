//! The messages of Background Sync that cross a process boundary, between script threads and the SyncManager thread, and
//! the handle that script threads hold.
//!
//! The types depend on no JavaScript engine and prescribe no channel: [`SyncManagerMessage`] is generic over the way
//! answers travel ([`SyncClient`]), so that an engine can use its own channels. This crate implements it for
//! [`ipc_channel::ipc::IpcSender`].

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod navigation_preload;

use std::fmt;

pub use background_sync_core::{
    BoundedText, Caller, Connectivity, EventOutcome, ExplainerOptions, KnownWorker, MAX_DATA_BYTES,
    MAX_DESCRIPTION_BYTES, MAX_LANG_BYTES, MAX_TAG_BYTES, MAX_WORKER_SOURCE_BYTES,
    NavigationPreloadState, Origin, Permission, PermissionName, PreloadHeaderValue, Recurrence,
    RegisterError, ScopeKey, ScopeUrl, ScriptUrl, StorageProblem, StoredHeaders, StoredImport,
    StoredImports, StoredWorker, SyncData, Tag, TagTooLong, TextDirection, TextTooLong,
    Unavailability, UnregisterError, UpdateTerms, UpdateViaCache, WallTime, WorkerSource,
};
use ipc_channel::ipc::IpcSender;
pub use navigation_preload::*;
use serde::{Deserialize, Serialize};
use siphasher::sip128::SipHasher24;

/// Names the connection of one `SyncManager` object to the manager thread. 128 random bits: a process that was not
/// told a connection's id cannot speak for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ConnectionId(u128);

impl ConnectionId {
    /// A fresh, unguessable id.
    #[expect(clippy::new_without_default, reason = "a random value is no default")]
    pub fn new() -> Self {
        Self(uuid::Uuid::new_v4().as_u128())
    }
}

/// Shown without its value, so that logs do not give it away.
impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionId(..{:04x})", self.0 & 0xffff)
    }
}

/// Names one dispatched event, towards the worker that handles it. 128 random bits: only whoever received the event can
/// report its outcome.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EventToken(u128);

impl EventToken {
    /// A fresh, unguessable token.
    #[expect(clippy::new_without_default, reason = "a random value is no default")]
    pub fn new() -> Self {
        Self(uuid::Uuid::new_v4().as_u128())
    }
}

/// Shown without its value, so that logs do not give it away.
impl fmt::Debug for EventToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventToken(..{:04x})", self.0 & 0xffff)
    }
}

/// The right to speak for the service workers of one origin. 128 bits that can't be guessed: whoever runs the workers of
/// an origin gets them from the manager through the engine (see [`SyncManagerMessage::RequestAuthority`]).
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerAuthority(u128);

/// Shown without its value, so that logs do not give it away.
impl fmt::Debug for WorkerAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WorkerAuthority(..)")
    }
}

/// Knows the authority of each origin, and keeps none of them: they follow from a secret. For the manager's process
/// alone.
pub struct AuthorityIssuer {
    secret: SipHasher24,
}

impl AuthorityIssuer {
    /// An issuer with a fresh secret: authorities from another issuer are worth nothing here.
    #[expect(clippy::new_without_default, reason = "a random value is no default")]
    pub fn new() -> Self {
        let key = uuid::Uuid::new_v4().into_bytes();
        Self {
            secret: SipHasher24::new_with_key(&key),
        }
    }

    /// The right to speak for the service workers of `origin`.
    #[must_use]
    pub fn authority_of(&self, origin: &Origin) -> WorkerAuthority {
        WorkerAuthority(self.secret.hash(origin.as_str().as_bytes()).as_u128())
    }
}

impl fmt::Debug for AuthorityIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthorityIssuer(..)")
    }
}

/// Numbers the calls of one connection; chosen by the caller, who gets it back with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallId(pub u64);

/// What a client asks of the manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SyncRequest {
    /// [`SyncManager.register(tag)`](https://wicg.github.io/background-sync/spec/#dom-syncmanager-register).
    Register {
        /// The tag, or why it is not valid: the manager reports that in the specification's order of checks.
        tag: Result<Tag, TagTooLong>,
        /// Whether the caller's service worker registration has an active worker.
        active_worker: bool,
        /// Who calls. A lie harms only the liar's origin, whose own limits hold in any case.
        caller: Caller,
    },
    /// [`SyncManager.getTags()`](https://wicg.github.io/background-sync/spec/#dom-syncmanager-gettags).
    GetTags,
    /// [`PeriodicSyncManager.register(tag, options)`](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#dom-periodicsyncmanager-register);
    /// answered with [`SyncResponse::Registered`].
    RegisterPeriodic {
        /// As in [`SyncRequest::Register`].
        tag: Result<Tag, TagTooLong>,
        /// `options.minInterval`, in milliseconds.
        min_interval_ms: u64,
        /// As in [`SyncRequest::Register`].
        active_worker: bool,
    },
    /// [`PeriodicSyncManager.unregister(tag)`](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#dom-periodicsyncmanager-unregister);
    /// answered with [`SyncResponse::Unregistered`], also if there is nothing. A string that is too long
    /// for a tag can't be registered: the client resolves by itself.
    UnregisterPeriodic {
        /// The tag.
        tag: Tag,
    },
    /// [`PeriodicSyncManager.getTags()`](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#dom-periodicsyncmanager-gettags);
    /// answered with [`SyncResponse::Tags`].
    GetPeriodicTags,
    /// `navigator.sync.register(id, options)` of the
    /// [explainer of 2014](https://github.com/WICG/background-sync/blob/f5bb216/explainer.md); answered with
    /// [`SyncResponse::Registered`].
    RegisterExplainer {
        /// The id, or why it is not valid.
        id: Result<Tag, TagTooLong>,
        /// The options, or why they are not valid.
        options: Result<ExplainerOptions, TextTooLong>,
        /// Whether the caller's service worker registration has an active worker. If not, the event waits for one.
        active_worker: bool,
        /// As in [`SyncRequest::Register`].
        caller: Caller,
    },
    /// `navigator.sync.unregister(id)` of the explainer; answered with [`SyncResponse::Unregistered`], also if there
    /// is nothing.
    UnregisterExplainer {
        /// The id.
        id: Tag,
    },
    /// `navigator.sync.registrations()` of the explainer: their ids, answered with [`SyncResponse::Tags`].
    GetExplainerIds,
    /// [`navigator.permissions.query()`](https://w3c.github.io/permissions/#query-method) for the origin of the
    /// connection; answered with [`SyncResponse::Permission`].
    QueryPermission {
        /// Which permission.
        name: PermissionName,
    },
}

/// The answer to a [`SyncRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SyncResponse {
    /// To [`SyncRequest::Register`], [`SyncRequest::RegisterPeriodic`] and [`SyncRequest::RegisterExplainer`]. `Ok` means
    /// durable. The client must send [`SyncManagerMessage::Acknowledge`] once its promise is resolved: only then is the
    /// first event dispatched.
    Registered(Result<(), RegisterError>),
    /// To [`SyncRequest::GetTags`], [`SyncRequest::GetPeriodicTags`] and [`SyncRequest::GetExplainerIds`]: in the order
    /// of their registration.
    Tags(Vec<Tag>),
    /// To [`SyncRequest::UnregisterPeriodic`] and [`SyncRequest::UnregisterExplainer`]. `Ok` means durable.
    Unregistered(Result<(), UnregisterError>),
    /// To [`SyncRequest::QueryPermission`].
    Permission(Permission),
}

/// An answer and the call it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncReply {
    /// The call that is answered.
    pub call: CallId,
    /// Its answer.
    pub response: SyncResponse,
}

/// The client can't be reached any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client is gone")]
pub struct ClientGone;

/// How answers travel to a client.
pub trait SyncClient: Send + 'static {
    /// Sends one answer.
    ///
    /// # Errors
    /// [`ClientGone`] if the client can't be reached; the manager then drops the connection.
    fn deliver(&self, reply: SyncReply) -> Result<(), ClientGone>;

    /// How [`SyncClient::deliver`] behaves, and so which thread calls it.
    fn delivery_mode(&self) -> DeliveryMode {
        DeliveryMode::MayBlock
    }
}

/// How [`SyncClient::deliver`] behaves towards the thread that calls it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeliveryMode {
    /// It never blocks, whatever the client does. The manager's thread calls it.
    Immediate,
    /// It may block, as an [`IpcSender`] does whose receiver does not read. Other threads call it.
    #[default]
    MayBlock,
}

impl SyncClient for IpcSender<SyncReply> {
    fn deliver(&self, reply: SyncReply) -> Result<(), ClientGone> {
        self.send(reply).map_err(|_| ClientGone)
    }
}

/// What script threads and service workers send to the manager thread. None of it is believed: the manager checks ids,
/// sizes and origins.
#[derive(Debug, Serialize, Deserialize)]
pub enum SyncManagerMessage<C> {
    /// Opens a connection for the `SyncManager` object of one service worker registration.
    Connect {
        /// Chosen by the client.
        connection: ConnectionId,
        /// The service worker registration it speaks for.
        scope: ScopeKey,
        /// Where answers go.
        client: C,
    },
    /// Makes a call.
    Request {
        /// An open connection.
        connection: ConnectionId,
        /// The client's number for this call.
        call: CallId,
        /// What the client asks for.
        request: SyncRequest,
    },
    /// The promise of a successful [`SyncRequest::Register`] has been resolved.
    Acknowledge {
        /// The connection of the call.
        connection: ConnectionId,
        /// The call.
        call: CallId,
    },
    /// The connection's owner is gone. Counts as an acknowledgement of all its calls.
    Disconnect {
        /// The connection that ends.
        connection: ConnectionId,
    },
    /// A dispatched event has ended.
    EventFinished {
        /// The event.
        event: EventToken,
        /// How it ended.
        outcome: EventOutcome,
    },
    /// Whoever runs the service workers of an origin wants the right to speak for them. Anybody may ask; the answer goes
    /// to the engine, as [`SyncEventKind::Authority`] for this scope, and so to whoever does run them.
    RequestAuthority {
        /// One of the origin's service worker registrations.
        scope: ScopeKey,
    },
    /// A service worker registration has an active worker now: what waited for one may fire.
    WorkerActivated {
        /// Of the scope's origin; without it, this is ignored.
        authority: WorkerAuthority,
        /// The service worker registration.
        scope: ScopeKey,
    },
    /// A service worker was installed: keep what it takes to start it without its page. Replaces what was kept of
    /// this registration before.
    StoreWorker {
        /// Of the scope's origin; without it, this is ignored.
        authority: WorkerAuthority,
        /// The service worker registration.
        scope: ScopeKey,
        /// Its active worker.
        worker: StoredWorker,
    },
    /// Whoever runs the service workers of an origin needs the scripts of one that an earlier run has kept: the engine is
    /// asked to start it. Done once a run for each registration; anybody may ask.
    ReviveWorker {
        /// The service worker registration.
        scope: ScopeKey,
    },
    /// A service worker was installed that can't be kept, for its length say: what was kept of this registration before is
    /// forgotten, so that a version which was replaced does not come back.
    ForgetWorker {
        /// Of the scope's origin; without it, this is ignored.
        authority: WorkerAuthority,
        /// The service worker registration.
        scope: ScopeKey,
    },
    /// A service worker registration is gone, and its sync registrations with it.
    WorkerUnregistered {
        /// Of the scope's origin; without it, this is ignored.
        authority: WorkerAuthority,
        /// The service worker registration.
        scope: ScopeKey,
    },
}

/// An event on its way to a service worker. Whoever holds it when it can't be delivered must answer with
/// [`SyncManagerMessage::EventFinished`] and [`EventOutcome::NotStarted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DispatchedEvent {
    /// Names the event in [`SyncManagerMessage::EventFinished`].
    pub event: EventToken,
    /// Which service worker registration is to handle it.
    pub scope: ScopeKey,
    /// What to fire.
    pub kind: SyncEventKind,
}

/// The events that the manager has fired, and what else it has for whoever runs the service workers of an origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SyncEventKind {
    /// A [`SyncEvent`](https://wicg.github.io/background-sync/spec/#syncevent) named `sync`.
    Sync {
        /// `SyncEvent.tag`.
        tag: Tag,
        /// `SyncEvent.lastChance`.
        last_chance: bool,
    },
    /// A [`PeriodicSyncEvent`](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodicsyncevent)
    /// named `periodicsync`.
    PeriodicSync {
        /// `PeriodicSyncEvent.tag`.
        tag: Tag,
    },
    /// An event named `sync`, of a registration of the explainer of 2014.
    ExplainerSync {
        /// `event.id`.
        id: Tag,
        /// `event.data`.
        data: SyncData,
        /// Whether it is not tried again if it fails; what repeats fires again after its interval.
        last_chance: bool,
    },
    /// Not for a worker, but for whoever runs the workers of the scope's origin: the answer to
    /// [`SyncManagerMessage::RequestAuthority`]. Nobody waits for an outcome.
    Authority(WorkerAuthority),
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
