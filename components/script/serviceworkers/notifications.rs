/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Notifications of a service worker registration, which outlive their page.
//!
//! <https://notifications.spec.whatwg.org/#service-worker-api>

use std::ffi::CString;
use std::mem;

use embedder_traits::EmbedderMsg;
use embedder_traits::service_workers::{
    NotShown, NotificationEventKind, NotificationEventToFire, ServiceWorkerRequest,
};
use js::context::JSContext;
use js::realm::CurrentRealm;
use log::{debug, warn};
use notification_store::Notification as StoredNotification;
use servo_constellation_traits::ScopeThings;
use servo_url::ServoUrl;

use crate::dom::bindings::codegen::Bindings::NotificationBinding::{
    GetNotificationOptions, NotificationOptions,
};
use crate::dom::bindings::error::Error;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::DomRoot;
use crate::dom::bindings::str::DOMString;
use crate::dom::notification::{Notification, ask_embedder};
use crate::dom::notificationevent::NotificationEvent;
use crate::dom::promise::{Promise, RootedPromise};
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkerregistration::ServiceWorkerRegistration;
use crate::dom::serviceworkers::manager::ServiceWorkerManager;
use crate::dom::serviceworkers::offlineevents::OfflineEvent;
use crate::dom::serviceworkers::workerscope::FromManager;
use crate::routed_promise::{RoutedPromiseListener, callback_promise};

impl ServiceWorkerRegistration {
    /// <https://notifications.spec.whatwg.org/#dom-serviceworkerregistration-shownotification>
    pub(crate) fn show_notification(
        &self,
        cx: &mut CurrentRealm,
        title: DOMString,
        options: &NotificationOptions,
    ) -> RootedPromise {
        // Step 2.
        let promise = Promise::new_in_realm(cx);
        // Step 3.
        if !self.is_active() {
            let message = c"the registration has no active worker".to_owned();
            promise.reject_error(cx, Error::Type(message));
            return promise;
        }
        // Steps 4 and 5.
        let global = self.global();
        let content = match Notification::content_to_keep(cx, &global, title, options) {
            Ok(content) => content,
            Err(error) => {
                promise.reject_error(cx, error);
                return promise;
            }
        };
        // Step 6 goes on with the embedder.
        let task_manager = global.task_manager();
        let task_source = task_manager.dom_manipulation_task_source();
        ask_embedder(
            &global,
            ServiceWorkerRequest::ShowPersistentNotification {
                scope_url: self.scope_url().clone(),
                content: Box::new(content),
                answer: callback_promise(&promise, self, task_source),
            },
        );
        promise
    }

    /// <https://notifications.spec.whatwg.org/#dom-serviceworkerregistration-getnotifications>
    pub(crate) fn get_notifications(
        &self,
        cx: &mut CurrentRealm,
        filter: &GetNotificationOptions,
    ) -> RootedPromise {
        // Step 4.
        let promise = Promise::new_in_realm(cx);
        // Step 5 goes on with the embedder.
        let global = self.global();
        let task_manager = global.task_manager();
        let task_source = task_manager.dom_manipulation_task_source();
        ask_embedder(
            &global,
            ServiceWorkerRequest::ListNotifications {
                scope_url: self.scope_url().clone(),
                tag: filter.tag.to_string(),
                answer: callback_promise(&promise, self, task_source),
            },
        );
        promise
    }
}

impl RoutedPromiseListener<crate::DomTypeHolder, Result<(), NotShown>>
    for ServiceWorkerRegistration
{
    /// <https://notifications.spec.whatwg.org/#dom-serviceworkerregistration-shownotification>, the ends of step 6.
    fn handle_response(
        &self,
        cx: &mut JSContext,
        response: Result<(), NotShown>,
        promise: &RootedPromise,
    ) {
        let why = match response {
            Ok(()) => return promise.resolve_native(cx, &()),
            Err(NotShown::NotPermitted) => "the origin may not show notifications".to_owned(),
            Err(NotShown::TooLong(why)) => format!("the notification is too long: {why}"),
        };
        let message = CString::new(why).unwrap_or_default();
        promise.reject_error(cx, Error::Type(message));
    }
}

impl RoutedPromiseListener<crate::DomTypeHolder, Vec<StoredNotification>>
    for ServiceWorkerRegistration
{
    /// <https://notifications.spec.whatwg.org/#dom-serviceworkerregistration-getnotifications>, step 5.3.
    fn handle_response(
        &self,
        cx: &mut JSContext,
        response: Vec<StoredNotification>,
        promise: &RootedPromise,
    ) {
        let mut notifications: Vec<DomRoot<Notification>> = Vec::with_capacity(response.len());
        for stored in response {
            // Data that another version of the engine has serialized may be none for this one.
            match Notification::for_stored(cx, self, stored) {
                Ok(notification) => notifications.push(notification),
                Err(_) => debug!("A notification is left out: its data can't be read."),
            }
        }
        promise.resolve_native(cx, &notifications);
    }
}

/// The registration of `scope_url` is gone, and its notifications with it.
pub(super) fn forget_notifications(scope_things: &ScopeThings, scope_url: &ServoUrl) {
    let request = ServiceWorkerRequest::ForgetNotifications(scope_url.clone());
    let embedder = &scope_things.init.script_to_embedder_chan;
    if embedder.send(EmbedderMsg::ServiceWorker(request)).is_err() {
        debug!("The embedder is gone.");
    }
}

/// So many clicks and closes may wait until a worker is activated. One more is lost.
const MAX_WAITING_EVENTS: usize = 64;

impl ServiceWorkerManager {
    /// The worker is activated.
    pub(crate) fn send_waiting_notification_events(&mut self, scope_url: &ServoUrl) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        for event in mem::take(&mut registration.life_cycle.waiting.notification_events) {
            self.fire_notification_event(scope_url, event);
        }
    }

    /// Has the worker of `scope_url` fire the event, as it is given a message: with the limits of one.
    ///
    /// <https://notifications.spec.whatwg.org/#fire-a-service-worker-notification-event>
    pub(super) fn fire_notification_event(
        &mut self,
        scope_url: &ServoUrl,
        event: Box<NotificationEventToFire>,
    ) {
        // Fire Functional Event, step 3: while the active worker is activating, the event waits.
        if let Some(registration) = self.registrations.get_mut(scope_url)
            && !registration.life_cycle.activated
        {
            let waiting = &mut registration.life_cycle.waiting.notification_events;
            if waiting.len() < MAX_WAITING_EVENTS {
                waiting.push(event);
            }
            return;
        }
        if self.ensure_running(scope_url).is_err() {
            return warn!("The service worker of {scope_url} can't be told of its notification.");
        }
        self.note_message(scope_url);
        let registration = self.registrations.get(scope_url);
        if let Some(worker) = registration.and_then(|it| it.active_worker.as_ref()) {
            worker.send_message(FromManager::OfflineEvent(OfflineEvent::Notification(event)));
        }
        self.update_if_stale(scope_url);
    }
}

impl ServiceWorkerGlobalScope {
    pub(crate) fn fire_notification_event(
        &self,
        cx: &mut CurrentRealm,
        event: NotificationEventToFire,
    ) {
        let registration = self.own_registration(cx);
        let Ok(notification) = Notification::for_stored(cx, &registration, event.notification)
        else {
            return debug!("A notification's data can't be read: its event is not fired.");
        };
        // A person has done something.
        self.set_prompted(true);
        match event.kind {
            NotificationEventKind::Click { action } => {
                self.allow_window_interaction();
                NotificationEvent::fire(cx, self, "notificationclick", &notification, action);
            }
            NotificationEventKind::Close => {
                NotificationEvent::fire(
                    cx,
                    self,
                    "notificationclose",
                    &notification,
                    String::new(),
                );
            }
        }
    }
}
