/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The way from `registration.sync`, `registration.periodicSync`, `navigator.sync` and `navigator.permissions` to the
//! SyncManager thread.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Weak};

use background_sync_traits::{
    CallId, Caller, ConnectionId, RegisterError, ScopeKey, SyncManagerMessage, SyncReply,
    SyncRequest, SyncResponse, Unavailability,
};
use js::context::JSContext;
use js::realm::CurrentRealm;
use log::{debug, warn};
use parking_lot::Mutex;
use servo_base::generic_channel::{GenericCallback, GenericSender};
use servo_base::id::PipelineId;
use servo_url::ServoUrl;
use storage_traits::background_sync::{BackgroundSyncClient, BackgroundSyncMessage};

use crate::dom::RootedPromise;
use crate::dom::backgroundsync::functionalevent::scope_key;
use crate::dom::backgroundsync::permissions::settle_query;
use crate::dom::backgroundsync::tag::ScriptTag;
use crate::dom::bindings::error::Error;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::refcounted::{Trusted, TrustedPromise};
use crate::dom::globalscope::GlobalScope;
use crate::dom::permissionstatus::PermissionStatus;
use crate::dom::promise::Promise;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkerregistration::ServiceWorkerRegistration;

/// A call that was not answered yet.
struct OutstandingCall {
    promise: TrustedPromise,
    /// What a query of a permission resolves with.
    status: Option<Trusted<PermissionStatus>>,
    /// The connection, if it is for this call alone.
    keep_open: Option<Connection>,
}

/// Shared with the callback that answers arrive at, so that an idle connection keeps no script object alive.
type OutstandingCalls = Arc<Mutex<HashMap<CallId, OutstandingCall>>>;

thread_local! {
    /// Of this thread's pages and worker. A call that a person is asked about may never be answered.
    static OUTSTANDING: RefCell<HashMap<PipelineId, Vec<Weak<Mutex<HashMap<CallId, OutstandingCall>>>>>> =
        RefCell::default();
}

fn note_outstanding(global: &GlobalScope, calls: &OutstandingCalls) {
    OUTSTANDING.with_borrow_mut(|outstanding| {
        let of_global = outstanding.entry(global.pipeline_id()).or_default();
        of_global.retain(|calls| calls.strong_count() > 0);
        of_global.push(Arc::downgrade(calls));
    });
}

/// A page is gone: nobody waits for its calls any more, and their promises must not keep it alive.
pub(crate) fn abandon_calls(global: &GlobalScope) {
    let abandoned =
        OUTSTANDING.with_borrow_mut(|outstanding| outstanding.remove(&global.pipeline_id()));
    for calls in abandoned
        .into_iter()
        .flatten()
        .filter_map(|it| it.upgrade())
    {
        let calls = mem::take(&mut *calls.lock());
        // Not under the lock: a connection that ends with its call has the same one.
        drop(calls);
    }
}

/// The calls about one service worker registration. Opened by the first one, and ended with the object that makes them.
#[derive(Default)]
pub(crate) struct SyncConnection {
    connection: OnceCell<Connection>,
    next_call: Cell<u64>,
}

impl SyncConnection {
    /// Sends `request` of an object in `global` that belongs to `registration`; the answer settles the promise that is
    /// returned.
    pub(crate) fn call(
        &self,
        cx: &mut CurrentRealm,
        global: &GlobalScope,
        registration: &ServiceWorkerRegistration,
        request: SyncRequest,
    ) -> RootedPromise {
        let promise = Promise::new_in_realm(cx);
        self.settle_later(cx, global, registration.scope_url(), request, &promise);
        promise
    }

    /// Sends `request` about the service worker registration of `scope_url`; the answer settles `promise`.
    pub(crate) fn settle_later(
        &self,
        cx: &mut JSContext,
        global: &GlobalScope,
        scope_url: &ServoUrl,
        request: SyncRequest,
        promise: &RootedPromise,
    ) {
        let sent = self
            .open(global, scope_url)
            .and_then(|connection| connection.send(self.next_call(), request, promise, None));
        if let Err(why) = sent {
            promise.reject_error(cx, to_dom_error(RegisterError::Unavailable { why }));
        }
    }

    fn open(
        &self,
        global: &GlobalScope,
        scope_url: &ServoUrl,
    ) -> Result<&Connection, Unavailability> {
        if let Some(connection) = self.connection.get() {
            return Ok(connection);
        }
        let scope = scope_key(scope_url).ok_or(Unavailability::NoScope)?;
        let opened = Connection::open(global, scope)?;
        Ok(self.connection.get_or_init(|| opened))
    }

    fn next_call(&self) -> CallId {
        let call = CallId(self.next_call.get());
        self.next_call.set(call.0 + 1);
        call
    }
}

/// Asks for the state of a permission of the origin of `global`; the answer resolves `promise` with `status`.
///
/// # Errors
/// Why the question could not be sent.
pub(crate) fn query_permission(
    global: &GlobalScope,
    request: SyncRequest,
    status: &PermissionStatus,
    promise: &RootedPromise,
) -> Result<(), Unavailability> {
    // Permissions are an origin's: the scope stands for it.
    let scope = ServoUrl::parse(&global.origin().immutable().ascii_serialization());
    let scope = scope.ok().as_ref().and_then(scope_key);
    let connection = Connection::open(global, scope.ok_or(Unavailability::NoScope)?)?;
    let call = CallId(0);
    connection.send(call, request, promise, Some(Trusted::new(status)))?;
    let outstanding = connection.outstanding.clone();
    // Answered already, it is not needed any more.
    if let Some(outstanding) = outstanding.lock().get_mut(&call) {
        outstanding.keep_open = Some(connection);
    }
    Ok(())
}

struct Connection {
    id: ConnectionId,
    sender: GenericSender<BackgroundSyncMessage>,
    outstanding: OutstandingCalls,
}

impl Connection {
    fn open(global: &GlobalScope, scope: ScopeKey) -> Result<Self, Unavailability> {
        let Some(sender) = global.storage_threads().background_sync() else {
            return Err(Unavailability::Off);
        };
        let id = ConnectionId::new();
        let outstanding = OutstandingCalls::default();
        note_outstanding(global, &outstanding);

        let calls = outstanding.clone();
        let acknowledge_to = sender.clone();
        let task_source = global
            .task_manager()
            .dom_manipulation_task_source()
            .to_sendable();
        let callback = GenericCallback::new(move |reply: Result<SyncReply, _>| {
            let Ok(SyncReply { call, response }) = reply else {
                return warn!("An answer from the SyncManager thread can't be read.");
            };
            // Also sent if the task never runs, or the call has been forgotten, because its page is gone.
            let acknowledgement = Acknowledgement {
                connection: id,
                call,
                sender: acknowledge_to.clone(),
            };
            let Some(outstanding) = calls.lock().remove(&call) else {
                return debug!("An answer to a call that nobody waits for.");
            };
            let OutstandingCall {
                promise, status, ..
            } = outstanding;
            task_source.queue(task!(settle_sync_promise: move |cx| {
                let promise = promise.root(cx);
                settle(cx, &promise, response, status);
                drop(acknowledgement);
            }));
        })
        .map_err(|_| Unavailability::Failed)?;

        sender
            .send(SyncManagerMessage::Connect {
                connection: id,
                scope,
                client: BackgroundSyncClient::new(callback),
            })
            .map_err(|_| Unavailability::ShuttingDown)?;
        Ok(Self {
            id,
            sender,
            outstanding,
        })
    }

    fn send(
        &self,
        call: CallId,
        request: SyncRequest,
        promise: &RootedPromise,
        status: Option<Trusted<PermissionStatus>>,
    ) -> Result<(), Unavailability> {
        let outstanding = OutstandingCall {
            promise: TrustedPromise::from(promise),
            status,
            keep_open: None,
        };
        self.outstanding.lock().insert(call, outstanding);
        let sent = self.sender.send(SyncManagerMessage::Request {
            connection: self.id,
            call,
            request,
        });
        sent.map_err(|_| {
            self.outstanding.lock().remove(&call);
            Unavailability::ShuttingDown
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Fails only if the SyncManager thread is gone, and all connections with it.
        let _ = self.sender.send(SyncManagerMessage::Disconnect {
            connection: self.id,
        });
    }
}

/// Tells the SyncManager thread that a call's promise is settled or never will be, when dropped.
struct Acknowledgement {
    connection: ConnectionId,
    call: CallId,
    sender: GenericSender<BackgroundSyncMessage>,
}

impl Drop for Acknowledgement {
    fn drop(&mut self) {
        // Fails only if the SyncManager thread is gone, and with it who would wait for this.
        let _ = self.sender.send(SyncManagerMessage::Acknowledge {
            connection: self.connection,
            call: self.call,
        });
    }
}

/// Who calls `register()`: what a worker registers by itself, again and again, backs off.
pub(crate) fn caller_of(global: &GlobalScope) -> Caller {
    match global.downcast::<ServiceWorkerGlobalScope>() {
        Some(worker) if worker.is_prompted() => Caller::PromptedWorker,
        Some(_) => Caller::Worker,
        None => Caller::Page,
    }
}

/// What a call returns that could not be sent.
pub(crate) fn rejected(cx: &mut CurrentRealm, error: Error) -> RootedPromise {
    let promise = Promise::new_in_realm(cx);
    promise.reject_error(cx, error);
    promise
}

fn settle(
    cx: &mut JSContext,
    promise: &RootedPromise,
    response: SyncResponse,
    status: Option<Trusted<PermissionStatus>>,
) {
    match response {
        SyncResponse::Registered(Ok(())) => promise.resolve_native(cx, &()),
        SyncResponse::Registered(Err(error)) => promise.reject_error(cx, to_dom_error(error)),
        SyncResponse::Unregistered(Ok(())) => promise.resolve_native(cx, &()),
        SyncResponse::Unregistered(Err(error)) => {
            let message = format!("Failed to unregister a sync: {error}");
            promise.reject_error(cx, Error::Operation(Some(message)));
        }
        SyncResponse::Tags(tags) => {
            let tags: Vec<ScriptTag> = tags.into_iter().map(ScriptTag).collect();
            promise.resolve_native(cx, &tags);
        }
        SyncResponse::Permission(permission) => {
            if let Some(status) = status {
                settle_query(cx, promise, &status.root(), permission);
            }
        }
    }
}

/// The specification's exception for each way in which `register()` fails. Where it names none, Chromium's is taken,
/// but that Servo has no `UnknownError`: `OperationError` stands in for it.
fn to_dom_error(error: RegisterError) -> Error {
    let message = Some(format!("Failed to register a sync: {error}"));
    match error {
        RegisterError::NoActiveWorker => Error::InvalidState(message),
        RegisterError::PermissionDenied | RegisterError::PeriodicPermissionDenied => {
            Error::NotAllowed(message)
        }
        RegisterError::NoWindow | RegisterError::TagTooLong(_) | RegisterError::TextTooLong(_) => {
            Error::InvalidAccess(message)
        }
        RegisterError::DataTooLong { .. }
        | RegisterError::TooMuchDataForOrigin { .. }
        | RegisterError::TooMuchDataInAll { .. }
        | RegisterError::TooManyForOrigin { .. }
        | RegisterError::TooManyInAll { .. } => Error::QuotaExceeded {
            quota: None,
            requested: None,
        },
        RegisterError::Storage { .. } | RegisterError::Unavailable { .. } => {
            Error::Operation(message)
        }
    }
}
