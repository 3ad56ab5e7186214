/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! <https://wicg.github.io/background-sync/spec/#sync-event>

use background_sync_traits::{SyncData, Tag};
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
use crate::dom::bindings::codegen::Bindings::SyncEventBinding::{SyncEventInit, SyncEventMethods};
use crate::dom::bindings::error::Fallible;
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
    /// A string.
    #[ignore_malloc_size_of = "mozjs"]
    tag: Heap<JSVal>,
    last_chance: bool,
    of_explainer: Option<OfExplainer>,
}

/// What the event of a registration of the explainer has.
#[derive(JSTraceable, MallocSizeOf)]
struct OfExplainer {
    id: DOMString,
    data: DOMString,
}

impl SyncEvent {
    /// The event that stands for an attempt, with `data`, and with an id, if its registration is one of the explainer. It neither bubbles nor can be cancelled.
    pub(crate) fn new_for_dispatch(
        cx: &mut JSContext,
        worker: &ServiceWorkerGlobalScope,
        tag: Tag,
        last_chance: bool,
        data: Option<SyncData>,
    ) -> DomRoot<SyncEvent> {
        let of_explainer = data.map(|data| OfExplainer {
            id: (&*tag.to_string_lossy()).into(),
            data: data.as_str().into(),
        });
        rooted!(&in(cx) let mut string = UndefinedValue());
        ScriptTag(tag).to_jsval(cx, string.handle_mut());
        let event = Self::reflect(cx, worker, None, string.handle(), last_chance, of_explainer);
        event
            .upcast::<Event>()
            .init_event(Atom::from("sync"), false, false);
        event
    }

    fn reflect(
        cx: &mut JSContext,
        worker: &ServiceWorkerGlobalScope,
        proto: Option<HandleObject>,
        tag: HandleValue,
        last_chance: bool,
        of_explainer: Option<OfExplainer>,
    ) -> DomRoot<SyncEvent> {
        let event = Box::new(SyncEvent {
            event: ExtendableEvent::new_inherited(),
            tag: Heap::default(),
            last_chance,
            of_explainer,
        });
        let event = reflect_dom_object_with_proto(cx, event, worker, proto);
        event.tag.set(tag.get());
        event
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
    ) -> Fallible<DomRoot<SyncEvent>> {
        rooted!(&in(cx) let mut tag = UndefinedValue());
        convert_to_string(cx, init.tag.handle(), tag.handle_mut())?;
        let event = Self::reflect(cx, worker, proto, tag.handle(), init.lastChance, None);
        event.upcast::<Event>().init_event(
            Atom::from(type_),
            init.parent.parent.bubbles,
            init.parent.parent.cancelable,
        );
        Ok(event)
    }

    /// <https://wicg.github.io/background-sync/spec/#dom-syncevent-tag>
    fn Tag(&self, mut retval: MutableHandleValue) {
        retval.set(self.tag.get());
    }

    /// <https://wicg.github.io/background-sync/spec/#dom-syncevent-lastchance>
    fn LastChance(&self) -> bool {
        self.last_chance
    }

    /// Of the explainer; `null` for a registration of `registration.sync`.
    fn GetId(&self) -> Option<DOMString> {
        self.of_explainer.as_ref().map(|of| of.id.clone())
    }

    /// Of the explainer; `null` for a registration of `registration.sync`.
    fn GetData(&self) -> Option<DOMString> {
        self.of_explainer.as_ref().map(|of| of.data.clone())
    }

    /// <https://dom.spec.whatwg.org/#dom-event-istrusted>
    fn IsTrusted(&self) -> bool {
        self.event.IsTrusted()
    }
}
