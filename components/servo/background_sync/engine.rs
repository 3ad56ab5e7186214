/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the SyncManager thread asks of Servo, and tells the thread that runs the embedder.

use background_sync::{
    ClientState, ClientStateResponder, DurabilityResponder, Embedder, Engine, ScopeKey,
    SyncNotification,
};
use background_sync_traits::{DispatchedEvent, EventToken, StoredWorker};
use crossbeam_channel::Sender;
use embedder_traits::EventLoopWaker;
use net_traits::CoreResourceThread;
use servo_constellation_traits::{
    BackgroundSyncToConstellationMessage, EmbedderToConstellationMessage,
};

use super::barrier;
use super::permission::{BackgroundSyncPermissionRequest, Permissions};
use crate::proxies::ConstellationProxy;

/// What the SyncManager thread has for the thread that runs the embedder.
pub(super) enum ToEmbedder {
    Notification(SyncNotification),
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
}

impl ServoEngine {
    fn send(&self, message: BackgroundSyncToConstellationMessage) {
        self.constellation
            .send(EmbedderToConstellationMessage::BackgroundSync(message));
    }
}

impl Engine for ServoEngine {
    fn query_client_state(&self, scope: &ScopeKey, responder: ClientStateResponder) {
        let constellation = self.constellation.clone();
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
        self.send(BackgroundSyncToConstellationMessage::Dispatch(event));
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
    fn notify(&self, notification: &SyncNotification) {
        self.send(ToEmbedder::Notification(notification.clone()));
    }
}
