/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! <https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodicsync-event>

use background_sync_traits::Tag;
use dom_struct::dom_struct;
use js::context::JSContext;
use js::conversions::ToJSValConvertible;
use js::jsapi::Heap;
use js::jsval::{JSVal, UndefinedValue};
use js::rust::{HandleObject, HandleValue, MutableHandleValue};
use script_bindings::reflector::reflect_dom_object_with_proto;
use stylo_atoms::Atom;

use crate::dom::backgroundsync::tag::{ScriptTag, convert_to_string};
use crate::dom::bindings::codegen::Bindings::ExtendableEventBinding::ExtendableEvent_Binding::ExtendableEventMethods;
use crate::dom::bindings::codegen::Bindings::PeriodicSyncEventBinding::{
    PeriodicSyncEventInit, PeriodicSyncEventMethods,
};
use crate::dom::bindings::error::Fallible;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::root::DomRoot;
use crate::dom::bindings::str::DOMString;
use crate::dom::event::Event;
use crate::dom::extendableevent::ExtendableEvent;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;

/// What a service worker sees of one attempt of a periodic sync registration.
#[dom_struct]
pub(crate) struct PeriodicSyncEvent {
    event: ExtendableEvent,
    /// A string.
    #[ignore_malloc_size_of = "mozjs"]
    tag: Heap<JSVal>,
}

impl PeriodicSyncEvent {
    /// The event that stands for an attempt. It neither bubbles nor can be cancelled.
    pub(crate) fn new_for_dispatch(
        cx: &mut JSContext,
        worker: &ServiceWorkerGlobalScope,
        tag: Tag,
    ) -> DomRoot<PeriodicSyncEvent> {
        rooted!(&in(cx) let mut string = UndefinedValue());
        ScriptTag(tag).to_jsval(cx, string.handle_mut());
        let event = Self::reflect(cx, worker, None, string.handle());
        event
            .upcast::<Event>()
            .init_event(Atom::from("periodicsync"), false, false);
        event
    }

    fn reflect(
        cx: &mut JSContext,
        worker: &ServiceWorkerGlobalScope,
        proto: Option<HandleObject>,
        tag: HandleValue,
    ) -> DomRoot<PeriodicSyncEvent> {
        let event = Box::new(PeriodicSyncEvent {
            event: ExtendableEvent::new_inherited(),
            tag: Heap::default(),
        });
        let event = reflect_dom_object_with_proto(cx, event, worker, proto);
        event.tag.set(tag.get());
        event
    }
}

impl PeriodicSyncEventMethods<crate::DomTypeHolder> for PeriodicSyncEvent {
    /// <https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#dom-periodicsyncevent-periodicsyncevent>
    fn Constructor(
        cx: &mut JSContext,
        worker: &ServiceWorkerGlobalScope,
        proto: Option<HandleObject>,
        type_: DOMString,
        init: &PeriodicSyncEventInit,
    ) -> Fallible<DomRoot<PeriodicSyncEvent>> {
        rooted!(&in(cx) let mut tag = UndefinedValue());
        convert_to_string(cx, init.tag.handle(), tag.handle_mut())?;
        let event = Self::reflect(cx, worker, proto, tag.handle());
        event.upcast::<Event>().init_event(
            Atom::from(type_),
            init.parent.parent.bubbles,
            init.parent.parent.cancelable,
        );
        Ok(event)
    }

    /// <https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#dom-periodicsyncevent-tag>
    fn Tag(&self, mut retval: MutableHandleValue) {
        retval.set(self.tag.get());
    }

    /// <https://dom.spec.whatwg.org/#dom-event-istrusted>
    fn IsTrusted(&self) -> bool {
        self.event.IsTrusted()
    }
}
