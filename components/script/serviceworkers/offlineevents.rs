/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a service worker's global has for the events that offline apps need besides sync: requests, and notifications.

use std::cell::Cell;
use std::time::Instant;

use embedder_traits::service_workers::NotificationEventToFire;
use js::context::JSContext;
use net_traits::request::RequestId;
use script_bindings::cell::DomRefCell;

use crate::dom::bindings::root::Dom;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkers::fetchdispatch::FetchToFire;
use crate::dom::serviceworkers::fetchevent::FetchEvent;
use crate::realms::enter_auto_realm;

/// What the service worker manager has for a worker.
pub(crate) enum OfflineEvent {
    /// A person has done something with a notification.
    Notification(Box<NotificationEventToFire>),
    /// A request to answer.
    Fetch(Box<FetchToFire>),
    /// Nobody waits for the answer any more.
    FetchCancelled(RequestId),
}

/// Of one worker.
#[derive(Default, JSTraceable, MallocSizeOf)]
#[cfg_attr(crown, crown::unrooted_must_root_lint::must_root)]
pub(crate) struct OfflineEvents {
    /// `fetch` events whose answers are still on their way.
    pub(super) answered_fetches: DomRefCell<Vec<Dom<FetchEvent>>>,
    /// Until when the worker may open or focus a window.
    #[ignore_malloc_size_of = "It has no heap"]
    pub(super) window_interaction_until: Cell<Option<Instant>>,
}

impl ServiceWorkerGlobalScope {
    pub(super) fn handle_offline_event(&self, cx: &mut JSContext, event: OfflineEvent) {
        let mut realm = enter_auto_realm(cx, self);
        let cx = &mut realm.current_realm();
        match event {
            OfflineEvent::Notification(event) => self.fire_notification_event(cx, *event),
            OfflineEvent::Fetch(fetch) => self.fire_fetch_event(cx, *fetch),
            OfflineEvent::FetchCancelled(fetch) => self.abort_fetch_event(cx, fetch),
        }
    }
}
