/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! <https://wicg.github.io/background-sync/spec/#sync-event>

use dom_struct::dom_struct;
use js::context::JSContext;
use js::rust::HandleObject;
use script_bindings::reflector::reflect_dom_object_with_proto;
use stylo_atoms::Atom;

use crate::dom::bindings::codegen::Bindings::ExtendableEventBinding::ExtendableEvent_Binding::ExtendableEventMethods;
use crate::dom::bindings::codegen::Bindings::SyncEventBinding::{SyncEventInit, SyncEventMethods};
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::root::DomRoot;
use crate::dom::bindings::str::DOMString;
use crate::dom::event::Event;
use crate::dom::extendableevent::ExtendableEvent;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;

/// What a service worker sees of one attempt of a sync registration.
#[dom_struct]
pub(crate) struct SyncEvent {
    event: ExtendableEvent,
    tag: DOMString,
    last_chance: bool,
    /// If `tag` is the id of a registration of the explainer: its data.
    data: Option<DOMString>,
}

impl SyncEvent {
    /// The event that stands for an attempt, with `data` if its registration is one of the explainer. It neither bubbles nor can be cancelled.
    pub(crate) fn new_for_dispatch(
        cx: &mut JSContext,
        worker: &ServiceWorkerGlobalScope,
        tag: DOMString,
        last_chance: bool,
        data: Option<DOMString>,
    ) -> DomRoot<SyncEvent> {
        let event = Self::reflect(cx, worker, None, tag, last_chance, data);
        event
            .upcast::<Event>()
            .init_event(Atom::from("sync"), false, false);
        event
    }

    fn reflect(
        cx: &mut JSContext,
        worker: &ServiceWorkerGlobalScope,
        proto: Option<HandleObject>,
        tag: DOMString,
        last_chance: bool,
        data: Option<DOMString>,
    ) -> DomRoot<SyncEvent> {
        let event = Box::new(SyncEvent {
            event: ExtendableEvent::new_inherited(),
            tag,
            last_chance,
            data,
        });
        reflect_dom_object_with_proto(cx, event, worker, proto)
    }
}

impl SyncEventMethods<crate::DomTypeHolder> for SyncEvent {
    /// <https://wicg.github.io/background-sync/spec/#dom-syncevent-syncevent>
    fn Constructor(
        cx: &mut JSContext,
        worker: &ServiceWorkerGlobalScope,
        proto: Option<HandleObject>,
        type_: DOMString,
        init: &SyncEventInit,
    ) -> DomRoot<SyncEvent> {
        let event = Self::reflect(cx, worker, proto, init.tag.clone(), init.lastChance, None);
        event.upcast::<Event>().init_event(
            Atom::from(type_),
            init.parent.parent.bubbles,
            init.parent.parent.cancelable,
        );
        event
    }

    /// <https://wicg.github.io/background-sync/spec/#dom-syncevent-tag>
    fn Tag(&self) -> DOMString {
        self.tag.clone()
    }

    /// <https://wicg.github.io/background-sync/spec/#dom-syncevent-lastchance>
    fn LastChance(&self) -> bool {
        self.last_chance
    }

    /// Of the explainer; `null` for a registration of `registration.sync`.
    fn GetId(&self) -> Option<DOMString> {
        self.data.as_ref().map(|_| self.tag.clone())
    }

    /// Of the explainer; `null` for a registration of `registration.sync`.
    fn GetData(&self) -> Option<DOMString> {
        self.data.clone()
    }

    /// <https://dom.spec.whatwg.org/#dom-event-istrusted>
    fn IsTrusted(&self) -> bool {
        self.event.IsTrusted()
    }
}
