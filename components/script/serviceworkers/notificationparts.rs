/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a `Notification` has for its way to the embedder and back: its data as they are kept, its name there, and the
//! permission. A module of Servo's `notification.rs`, whose fields it needs.
//!
//! <https://notifications.spec.whatwg.org/>

use std::cell::Cell;

use embedder_traits::EmbedderMsg;
use embedder_traits::service_workers::{
    NotificationPermission as Decision, PageNotificationEvent, ServiceWorkerRequest,
};
use js::context::JSContext;
use js::jsval::UndefinedValue;
use log::debug;
use notification_store::{
    Action as StoredAction, Content, Direction, Notification as StoredNotification, NotificationId,
};
use script_bindings::cell::DomRefCell;
use script_bindings::reflector::reflect_dom_object;
use servo_base::generic_channel::{self, GenericCallback};
use stylo_atoms::Atom;
use uuid::Uuid;

use super::{Notification, create_notification_with_settings_object};
use crate::dom::bindings::callback::{ExceptionHandling, RootedCallback};
use crate::dom::bindings::codegen::Bindings::NotificationBinding::{
    NotificationAction, NotificationDirection, NotificationOptions, NotificationPermission,
    NotificationPermissionCallback,
};
use crate::dom::bindings::codegen::UnionTypes::UnsignedLongOrUnsignedLongSequence;
use crate::dom::bindings::error::{Error, Fallible};
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::refcounted::{Trusted, TrustedPromise};
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::{Dom, DomRoot};
use crate::dom::bindings::str::{DOMString, USVString};
use crate::dom::bindings::structuredclone;
use crate::dom::eventtarget::EventTarget;
use crate::dom::globalscope::GlobalScope;
use crate::dom::promise::{Promise, RootedPromise};
use crate::dom::serviceworkerregistration::ServiceWorkerRegistration;

/// Of one `Notification` object.
#[derive(Default, JSTraceable, MallocSizeOf)]
pub(super) struct NotificationParts {
    /// Its name, once the embedder has it.
    #[no_trace]
    #[ignore_malloc_size_of = "It has no heap"]
    id: Cell<Option<NotificationId>>,
    /// Whether it is to be closed, or was.
    is_closed: Cell<bool>,
    /// `data`, serialized for storage.
    data: DomRefCell<Vec<u8>>,
}

impl Notification {
    /// <https://notifications.spec.whatwg.org/#create-a-notification>, the step about `data`.
    pub(super) fn keep_data(&self, cx: &mut JSContext) -> Fallible<()> {
        rooted!(&in(cx) let data = self.data.get());
        let serialized = structuredclone::write(cx, data.handle(), None)?;
        let bytes = postcard::to_stdvec(&serialized).map_err(|_| Error::DataClone(None))?;
        *self.parts.data.borrow_mut() = bytes;
        self.read_data(cx)
    }

    fn read_data(&self, cx: &mut JSContext) -> Fallible<()> {
        let serialized = postcard::from_bytes(&self.parts.data.borrow());
        let serialized = serialized.map_err(|_| Error::DataClone(None))?;
        rooted!(&in(cx) let mut data = UndefinedValue());
        structuredclone::read(cx, &self.global(), serialized, data.handle_mut())?;
        self.data.set(data.get());
        Ok(())
    }

    /// What a notification with these options says, to be kept.
    ///
    /// <https://notifications.spec.whatwg.org/#create-a-notification-with-a-settings-object>
    pub(crate) fn content_to_keep(
        cx: &mut JSContext,
        global: &GlobalScope,
        title: DOMString,
        options: &NotificationOptions,
    ) -> Fallible<Content> {
        let notification =
            create_notification_with_settings_object(cx, global, title, options, None)?;
        Ok(notification.content())
    }

    fn content(&self) -> Content {
        let url = |url: &Option<USVString>| url.as_ref().map(|url| url.to_string());
        Content {
            title: self.title.to_string(),
            direction: match self.dir {
                NotificationDirection::Auto => Direction::Auto,
                NotificationDirection::Ltr => Direction::Ltr,
                NotificationDirection::Rtl => Direction::Rtl,
            },
            language: self.lang.to_string(),
            body: self.body.to_string(),
            tag: self.tag.to_string(),
            image: url(&self.image),
            icon: url(&self.icon),
            badge: url(&self.badge),
            vibration_ms: self.vibration_pattern.clone(),
            timestamp_ms: self.timestamp,
            renotify: self.renotify,
            silent: self.silent,
            require_interaction: self.require_interaction,
            actions: self
                .actions
                .iter()
                .map(|action| StoredAction {
                    name: action.name.to_string(),
                    title: action.title.to_string(),
                    icon: url(&action.icon_url),
                })
                .collect(),
            data: self.parts.data.borrow().clone(),
        }
    }

    /// A new object for a notification that is kept.
    pub(crate) fn for_stored(
        cx: &mut JSContext,
        registration: &ServiceWorkerRegistration,
        stored: StoredNotification,
    ) -> Fallible<DomRoot<Notification>> {
        let global = registration.global();
        let (id, content) = (stored.id, stored.content);
        let options = options_of(&content);
        let mut notification = Notification::new_inherited(
            &global,
            content.title.into(),
            &options,
            global.origin().immutable().clone(),
            global.api_base_url(),
            content.timestamp_ms,
        );
        notification.serviceworker_registration = Some(Dom::from_ref(registration));
        notification.parts.id.set(Some(id));
        *notification.parts.data.borrow_mut() = content.data;
        let notification = reflect_dom_object(cx, Box::new(notification), &*global);
        notification.read_data(cx)?;
        Ok(notification)
    }

    /// <https://notifications.spec.whatwg.org/#notification-show-steps>, from step 4 on, for a notification of a page.
    pub(super) fn show_by_embedder(&self) {
        let global = self.global();
        let task_manager = global.task_manager();
        let task_source = task_manager.dom_manipulation_task_source().to_sendable();
        let notification = Trusted::new(self);
        let events = GenericCallback::new(move |event| {
            let Ok(event) = event else { return };
            let notification = notification.clone();
            task_source.queue(task!(notification_event: move |cx| {
                notification.root().handle_event(cx, event);
            }));
        });
        let Ok(events) = events else { return };
        ask_embedder(
            &global,
            ServiceWorkerRequest::ShowNotificationOfPage {
                origin: self.origin.clone(),
                content: Box::new(self.to_embedder_notification()),
                renotify: self.renotify,
                events,
            },
        );
    }

    fn handle_event(&self, cx: &mut JSContext, event: PageNotificationEvent) {
        let name = match event {
            PageNotificationEvent::Shown(id) => {
                self.parts.id.set(Some(id));
                if self.parts.is_closed.get() {
                    self.close();
                }
                "show"
            }
            PageNotificationEvent::Refused => "error",
            PageNotificationEvent::Clicked => "click",
            PageNotificationEvent::Closed => "close",
        };
        self.upcast::<EventTarget>()
            .fire_event(cx, Atom::from(name));
    }

    /// <https://notifications.spec.whatwg.org/#dom-notification-close>
    pub(super) fn close(&self) {
        // Until it is shown.
        self.parts.is_closed.set(true);
        if let Some(id) = self.parts.id.get() {
            let origin = self.origin.clone();
            ask_embedder(
                &self.global(),
                ServiceWorkerRequest::CloseNotification { origin, id },
            );
        }
    }
}

/// As they were given, but for what is kept in another form.
fn options_of(content: &Content) -> NotificationOptions {
    let url = |url: &Option<String>| url.clone().map(USVString);
    NotificationOptions {
        actions: content
            .actions
            .iter()
            .map(|action| NotificationAction {
                action: action.name.as_str().into(),
                title: action.title.as_str().into(),
                icon: url(&action.icon),
            })
            .collect(),
        badge: url(&content.badge),
        body: content.body.as_str().into(),
        dir: match content.direction {
            Direction::Auto => NotificationDirection::Auto,
            Direction::Ltr => NotificationDirection::Ltr,
            Direction::Rtl => NotificationDirection::Rtl,
        },
        icon: url(&content.icon),
        image: url(&content.image),
        lang: content.language.as_str().into(),
        renotify: content.renotify,
        requireInteraction: content.require_interaction,
        silent: content.silent,
        tag: content.tag.as_str().into(),
        vibrate: Some(UnsignedLongOrUnsignedLongSequence::UnsignedLongSequence(
            content.vibration_ms.clone(),
        )),
        ..NotificationOptions::default()
    }
}

/// <https://notifications.spec.whatwg.org/#get-the-notifications-permission-state>. The embedder's thread says what it
/// knows; it asks nobody.
pub(crate) fn permission_state(global: &GlobalScope) -> NotificationPermission {
    if !global.is_secure_context() {
        return NotificationPermission::Denied;
    }
    let Some((sender, receiver)) = generic_channel::channel() else {
        return NotificationPermission::Denied;
    };
    ask_embedder(
        global,
        ServiceWorkerRequest::NotificationPermission {
            origin: global.origin().immutable().clone(),
            answer: sender,
        },
    );
    // An error means that there is nobody to decide.
    receiver
        .recv()
        .map_or(NotificationPermission::Denied, permission_of)
}

fn permission_of(decision: Decision) -> NotificationPermission {
    match decision {
        Decision::Granted => NotificationPermission::Granted,
        Decision::Denied => NotificationPermission::Denied,
        Decision::Default => NotificationPermission::Default,
    }
}

/// <https://notifications.spec.whatwg.org/#dom-notification-requestpermission>
pub(super) fn request_permission(
    cx: &mut JSContext,
    global: &GlobalScope,
    deprecated_callback: Option<RootedCallback<NotificationPermissionCallback>>,
) -> RootedPromise {
    // Step 2.
    let promise = Promise::new(cx, global);
    let callback_id = Uuid::new_v4().simple().to_string();
    if let Some(callback) = deprecated_callback {
        global.add_notification_permission_request_callback(callback_id.clone(), callback);
    }
    let task_manager = global.task_manager();
    let task_source = task_manager.dom_manipulation_task_source().to_sendable();
    let mut trusted_promise = Some(TrustedPromise::from(&promise));
    // Step 3.2, when the embedder has decided.
    let mut decided = move |permission: NotificationPermission| {
        let Some(promise) = trusted_promise.take() else {
            return;
        };
        let callback_id = callback_id.clone();
        task_source.queue(task!(notification_permission: move |cx| {
            let promise = promise.root(cx);
            let global = promise.global();
            // Step 3.2.1.
            if let Some(callback) = global
                .remove_notification_permission_request_callback(callback_id)
                .as_deref()
            {
                let _ = callback.Call__(cx, permission, ExceptionHandling::Report);
            }
            // Step 3.2.2.
            promise.resolve_native(cx, &permission);
        }));
    };
    // Step 3.1.
    let known = permission_state(global);
    if known != NotificationPermission::Default {
        decided(known);
        return promise;
    }
    let answer = GenericCallback::new(move |decision| {
        decided(permission_of(decision.unwrap_or(Decision::Denied)));
    });
    if let Ok(answer) = answer {
        ask_embedder(
            global,
            ServiceWorkerRequest::RequestNotificationPermission {
                origin: global.origin().immutable().clone(),
                answer,
            },
        );
    }
    promise
}

/// The embedder, on its thread.
pub(crate) fn ask_embedder(global: &GlobalScope, request: ServiceWorkerRequest) {
    let message = EmbedderMsg::ServiceWorker(request);
    if global.script_to_embedder_chan().send(message).is_err() {
        debug!("The embedder is gone.");
    }
}
