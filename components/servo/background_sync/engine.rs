/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the SyncManager thread asks of Servo, and tells the thread that runs the embedder.

use std::collections::HashMap;

use background_sync::{
    ClientState, ClientStateResponder, DurabilityResponder, Embedder, Engine, ScopeKey,
    SyncNotification,
};
use background_sync_traits::{DispatchedEvent, EventToken, StoredWorker, SyncEventKind};
use crossbeam_channel::Sender;
use embedder_traits::EventLoopWaker;
use net_traits::CoreResourceThread;
use servo_base::generic_channel::GenericSender;
use servo_constellation_traits::direct_events::DirectEvents;
use servo_constellation_traits::{
    BackgroundSyncToConstellationMessage, EmbedderToConstellationMessage,
};
use storage_traits::background_sync::BackgroundSyncMessage;

use super::barrier;
use super::known::{OpenWindows, WorkerManagers};
use super::online_state;
use super::permission::{BackgroundSyncPermissionRequest, Permissions};
use crate::proxies::ConstellationProxy;

/// So many events go in one message: the first of thousands need not wait until all are packed.
const MAX_EVENTS_PER_MESSAGE: usize = 256;

/// What the SyncManager thread has for the thread that runs the embedder.
pub(super) enum ToEmbedder {
    Notifications(Vec<SyncNotification>),
    PermissionRequest(BackgroundSyncPermissionRequest),
    /// An origin may show no notifications any more.
    #[cfg(feature = "offline")]
    NotificationsForbidden(String),
}

/// The SyncManager thread's view of Servo: open windows and workers are the constellation's, permissions the embedder's.
pub(super) struct ServoEngine {
    pub(super) constellation: ConstellationProxy,
    pub(super) permissions: Permissions,
    pub(super) embedder: EmbedderThread,
    pub(super) core_resource_thread: CoreResourceThread,
    pub(super) has_barrier: bool,
    /// Where the managers of workers are to report to.
    pub(super) reports: GenericSender<BackgroundSyncMessage>,
    pub(super) open_windows: OpenWindows,
    pub(super) worker_managers: WorkerManagers,
    pub(super) direct_events: DirectEvents,
}

impl ServoEngine {
    /// Events of one scope.
    fn dispatch_to(&self, scope: &ScopeKey, mut events: Vec<DispatchedEvent>) {
        // What holds now: the network may have gone again since the manager heard that it is back.
        let online = online_state::last();
        // For many, the manager's thread is woken only once, and works beside the worker's.
        if let [DispatchedEvent { kind, .. }] = events.as_slice()
            && !matches!(kind, SyncEventKind::Authority(_))
            && let Some(event) = events.pop()
        {
            match self.direct_events.give(event, online) {
                Ok(()) => return,
                Err(event) => events.push(event),
            }
        }
        let (reports, direct) = (&self.reports, self.direct_events);
        let unsent = self
            .worker_managers
            .send(scope, events, reports, online, direct);
        if let Some(events) = unsent {
            let tell = self.worker_managers.remember(scope);
            self.send(BackgroundSyncToConstellationMessage::Dispatch(
                events, online, tell,
            ));
        }
    }

    fn send(&self, message: BackgroundSyncToConstellationMessage) {
        self.constellation
            .send(EmbedderToConstellationMessage::BackgroundSync(message));
    }
}

impl Drop for ServoEngine {
    fn drop(&mut self) {
        self.direct_events.end();
    }
}

impl Engine for ServoEngine {
    fn query_client_state(&self, scope: &ScopeKey, responder: ClientStateResponder) {
        let constellation = self.constellation.clone();
        let open_windows = self.open_windows.clone();
        let asked_for = scope.clone();
        let name = responder.permission_name();
        let ask_constellation = move |permission| {
            let needs_open_window = responder.needs_open_window();
            // Dropped unanswered, the responder says no.
            let answer = move |open_window| {
                responder.answer(ClientState {
                    open_window,
                    permission,
                    periodic_permission: permission,
                });
            };
            if !needs_open_window {
                return answer(false);
            }
            if open_windows.has(&asked_for.origin) {
                return answer(true);
            }
            let answer = open_windows.remember(asked_for.origin.clone(), answer);
            let query =
                BackgroundSyncToConstellationMessage::QueryOpenWindow(asked_for, Box::new(answer));
            constellation.send(EmbedderToConstellationMessage::BackgroundSync(query));
        };
        let request =
            self.permissions
                .when_decided(scope.origin.as_str(), name, Box::new(ask_constellation));
        if let Some(request) = request {
            self.embedder.send(ToEmbedder::PermissionRequest(request));
        }
    }

    fn make_durable(&self, scope: &ScopeKey, responder: DurabilityResponder) {
        if self.has_barrier {
            barrier::make_durable(scope.origin.as_str(), &self.core_resource_thread, responder);
        } else {
            responder.answer(Ok(()));
        }
    }

    fn dispatch(&self, event: DispatchedEvent) {
        self.dispatch_to(&event.scope.clone(), vec![event]);
    }

    fn dispatch_many(&self, events: Vec<DispatchedEvent>) {
        if let [event] = events.as_slice() {
            return self.dispatch_to(&event.scope.clone(), events);
        }
        let mut by_scope: Vec<(ScopeKey, Vec<DispatchedEvent>)> = Vec::new();
        let mut places = HashMap::new();
        for event in events {
            let place = places.entry(event.scope.clone()).or_insert(by_scope.len());
            match by_scope.get_mut(*place) {
                Some((_, events)) if events.len() < MAX_EVENTS_PER_MESSAGE => events.push(event),
                // None yet, or they are full.
                _ => {
                    *place = by_scope.len();
                    by_scope.push((event.scope.clone(), vec![event]));
                }
            }
        }
        for (scope, events) in by_scope {
            self.dispatch_to(&scope, events);
        }
    }

    fn start_worker(&self, scope: &ScopeKey, worker: StoredWorker) {
        self.send(BackgroundSyncToConstellationMessage::StartWorker(
            scope.clone(),
            worker,
        ));
    }

    fn terminate(&self, event: EventToken, scope: &ScopeKey) {
        self.send(BackgroundSyncToConstellationMessage::Terminate(
            event,
            scope.clone(),
        ));
    }
}

/// The way to the thread that runs the embedder.
#[derive(Clone)]
pub(super) struct EmbedderThread {
    pub(super) sender: Sender<ToEmbedder>,
    pub(super) waker: Box<dyn EventLoopWaker>,
}

impl EmbedderThread {
    pub(super) fn send(&self, message: ToEmbedder) {
        // Fails only while Servo ends. A request that is dropped then takes its default.
        if self.sender.send(message).is_ok() {
            self.waker.wake();
        }
    }
}

impl Embedder for EmbedderThread {
    fn notify_all(&self, notifications: Vec<SyncNotification>) {
        self.send(ToEmbedder::Notifications(notifications));
    }
}
