/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! <https://notifications.spec.whatwg.org/#notificationevent>

use dom_struct::dom_struct;
use js::context::JSContext;
use js::realm::CurrentRealm;
use js::rust::HandleObject;
use script_bindings::reflector::reflect_dom_object_with_proto;
use stylo_atoms::Atom;

use crate::dom::bindings::codegen::Bindings::ExtendableEventBinding::ExtendableEvent_Binding::ExtendableEventMethods;
use crate::dom::bindings::codegen::Bindings::NotificationEventBinding::{
    NotificationEventInit, NotificationEventMethods,
};
use crate::dom::bindings::error::Fallible;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::root::{Dom, DomRoot};
use crate::dom::bindings::str::DOMString;
use crate::dom::event::Event;
use crate::dom::extendableevent::ExtendableEvent;
use crate::dom::notification::Notification;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkers::extendedlifetime::OnSettled;

/// A person has done something with a notification.
#[dom_struct]
pub(crate) struct NotificationEvent {
    event: ExtendableEvent,
    notification: Dom<Notification>,
    action: DOMString,
}

impl NotificationEvent {
    fn reflect(
        cx: &mut JSContext,
        worker: &ServiceWorkerGlobalScope,
        proto: Option<HandleObject>,
        notification: &Notification,
        action: DOMString,
    ) -> DomRoot<NotificationEvent> {
        let event = Box::new(NotificationEvent {
            event: ExtendableEvent::new_inherited(),
            notification: Dom::from_ref(notification),
            action,
        });
        reflect_dom_object_with_proto(cx, event, worker, proto)
    }

    /// <https://notifications.spec.whatwg.org/#fire-a-service-worker-notification-event>
    pub(super) fn fire(
        cx: &mut CurrentRealm,
        worker: &ServiceWorkerGlobalScope,
        name: &str,
        notification: &Notification,
        action: String,
    ) {
        let event = Self::reflect(cx, worker, None, notification, action.into());
        event
            .upcast::<Event>()
            .init_event(Atom::from(name), false, false);
        event
            .upcast::<ExtendableEvent>()
            .fire_extendable(cx, worker, OnSettled::Nothing);
    }
}

impl NotificationEventMethods<crate::DomTypeHolder> for NotificationEvent {
    /// <https://notifications.spec.whatwg.org/#notificationevent>
    fn Constructor(
        cx: &mut JSContext,
        worker: &ServiceWorkerGlobalScope,
        proto: Option<HandleObject>,
        type_: DOMString,
        init: &NotificationEventInit,
    ) -> Fallible<DomRoot<NotificationEvent>> {
        let event = Self::reflect(cx, worker, proto, &init.notification, init.action.clone());
        event.upcast::<Event>().init_event(
            Atom::from(type_),
            init.parent.parent.bubbles,
            init.parent.parent.cancelable,
        );
        Ok(event)
    }

    /// <https://notifications.spec.whatwg.org/#dom-notificationevent-notification>
    fn Notification(&self) -> DomRoot<Notification> {
        DomRoot::from_ref(&self.notification)
    }

    /// <https://notifications.spec.whatwg.org/#dom-notificationevent-action>
    fn Action(&self) -> DOMString {
        self.action.clone()
    }

    /// <https://dom.spec.whatwg.org/#dom-event-istrusted>
    fn IsTrusted(&self) -> bool {
        self.event.IsTrusted()
    }
}
