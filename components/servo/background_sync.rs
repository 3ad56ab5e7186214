/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Background Sync as embedders see it.
//!
//! A sync is registered by a page and fires in its service worker once there is a network, even after the page has
//! been closed. The embedder says whether there is one ([`Servo::report_online_changed`](crate::Servo)), and is told
//! what happens ([`ServoDelegate::notify_background_sync`](crate::ServoDelegate)). All of it is off unless the
//! preference `dom_background_sync_enabled` is on.
//!
//! <https://wicg.github.io/background-sync/spec/>

use std::cell::RefCell;
use std::path::Path;

use background_sync::{
    ClientState, ClientStateResponder, Config, Embedder, Engine, Permission, Storage, SyncManager,
    SyncManagerThread,
};
pub use background_sync::{
    Connectivity, EventOutcome, NextStep, Policy, RegisterError, RemovalReason, ScopeKey,
    SyncNotification, Tag,
};
use background_sync_traits::{DispatchedEvent, EventToken, StoredWorker};
use crossbeam_channel::{Receiver, Sender, unbounded};
use embedder_traits::EventLoopWaker;
use log::error;
use servo_base::generic_channel::{self, GenericSender};
use servo_constellation_traits::{
    BackgroundSyncToConstellationMessage, EmbedderToConstellationMessage,
};
use storage_traits::background_sync::BackgroundSyncMessage;

use crate::proxies::ConstellationProxy;

/// How Background Sync is to behave, for [`ServoBuilder::background_sync`](crate::ServoBuilder::background_sync).
#[derive(Clone, Debug)]
pub struct BackgroundSyncOptions {
    /// Retries, caps and limits.
    pub policy: Policy,
    /// Whether there is a network when Servo starts.
    pub online_at_start: bool,
}

impl Default for BackgroundSyncOptions {
    fn default() -> Self {
        Self {
            policy: Policy::standard(),
            online_at_start: true,
        }
    }
}

/// The SyncManager thread of a running Servo.
pub(crate) struct BackgroundSync {
    thread: RefCell<Option<SyncManagerThread>>,
    notifications: Receiver<SyncNotification>,
}

impl BackgroundSync {
    /// Starts the thread. Registrations are kept in `directory`, or in memory if there is none.
    pub(crate) fn start(
        options: &BackgroundSyncOptions,
        directory: Option<&Path>,
        constellation: ConstellationProxy,
        waker: Box<dyn EventLoopWaker>,
    ) -> (Self, GenericSender<BackgroundSyncMessage>) {
        let (sender, receiver) =
            generic_channel::channel().expect("a channel can be made while Servo starts");
        let messages = receiver.route_preserving_errors();
        let (notifier, notifications) = unbounded();
        let connectivity = if options.online_at_start {
            Connectivity::Online
        } else {
            Connectivity::Offline
        };
        constellation.send(EmbedderToConstellationMessage::OnlineChanged(
            options.online_at_start,
        ));
        let config = Config {
            policy: options.policy.clone(),
            storage: match directory {
                Some(directory) => Storage::Directory(directory.join("background_sync")),
                None => Storage::Memory,
            },
            connectivity,
        };
        let engine = ServoEngine { constellation };
        let embedder = Notifier {
            sender: notifier,
            waker,
        };
        let started = SyncManager::spawn(
            config,
            messages.clone(),
            Box::new(engine),
            Box::new(embedder),
        );
        let thread = started.unwrap_or_else(|reason| {
            error!("Background Sync is not available: {reason}");
            SyncManager::spawn_unavailable(reason.to_string(), messages)
        });
        let background_sync = Self {
            thread: RefCell::new(Some(thread)),
            notifications,
        };
        (background_sync, sender)
    }

    pub(crate) fn report_online_changed(&self, online: bool) {
        if let Some(thread) = &*self.thread.borrow() {
            thread.control().report_connectivity(if online {
                Connectivity::Online
            } else {
                Connectivity::Offline
            });
        }
    }

    pub(crate) fn take_notifications(&self) -> Vec<SyncNotification> {
        self.notifications.try_iter().collect()
    }

    /// Ends the thread once everything that it has promised is stored.
    pub(crate) fn shutdown(&self) {
        if let Some(thread) = self.thread.borrow_mut().take() {
            thread.shutdown();
        }
    }
}

/// The SyncManager thread's view of Servo: everything it asks goes to the constellation.
struct ServoEngine {
    constellation: ConstellationProxy,
}

impl ServoEngine {
    fn send(&self, message: BackgroundSyncToConstellationMessage) {
        self.constellation
            .send(EmbedderToConstellationMessage::BackgroundSync(message));
    }
}

impl Engine for ServoEngine {
    fn query_client_state(&self, scope: &ScopeKey, responder: ClientStateResponder) {
        // Dropped unanswered, the responder says no.
        let answer = move |open_window| {
            responder.answer(ClientState {
                open_window,
                // Granted by default, as the specification wants; there is no prompt for it.
                permission: Permission::Granted,
            });
        };
        self.send(BackgroundSyncToConstellationMessage::QueryOpenWindow(
            scope.clone(),
            Box::new(answer),
        ));
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

    fn terminate(&self, _event: EventToken, scope: &ScopeKey) {
        self.send(BackgroundSyncToConstellationMessage::Terminate(
            scope.clone(),
        ));
    }
}

/// Carries notifications to the thread that runs the embedder.
struct Notifier {
    sender: Sender<SyncNotification>,
    waker: Box<dyn EventLoopWaker>,
}

impl Embedder for Notifier {
    fn notify(&self, notification: &SyncNotification) {
        // Fails only while Servo ends.
        if self.sender.send(notification.clone()).is_ok() {
            self.waker.wake();
        }
    }
}
