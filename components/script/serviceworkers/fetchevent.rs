/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `fetch` events in a service worker.
//!
//! <https://w3c.github.io/ServiceWorker/#fetchevent-interface>

use std::cell::Cell;
use std::sync::{Arc, Weak};

use dom_struct::dom_struct;
use js::context::JSContext;
use js::jsval::UndefinedValue;
use js::realm::CurrentRealm;
use js::rust::{HandleObject, HandleValue};
use net_traits::cancel_async_fetch;
use net_traits::request::{RequestBuilder, RequestId, RequestMode};
use net_traits::response::ResponseType;
use net_traits::service_workers::{HasBody, ResponseHead};
use script_bindings::cell::DomRefCell;
use script_bindings::conversions::root_from_handlevalue;
use script_bindings::reflector::reflect_dom_object_with_proto;
use stylo_atoms::Atom;

use crate::dom::bindings::codegen::Bindings::EventBinding::EventMethods;
use crate::dom::bindings::codegen::Bindings::ExtendableEventBinding::ExtendableEvent_Binding::ExtendableEventMethods;
use crate::dom::bindings::codegen::Bindings::FetchEventBinding::{
    FetchEventInit, FetchEventMethods,
};
use crate::dom::bindings::codegen::Bindings::RequestBinding::RequestMethods;
use crate::dom::bindings::error::{Error, ErrorResult, ErrorToJsval, Fallible};
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::{Dom, DomRoot, MutNullableDom};
use crate::dom::bindings::str::DOMString;
use crate::dom::console::Console;
use crate::dom::event::Event;
use crate::dom::extendableevent::ExtendableEvent;
use crate::dom::globalscope::GlobalScope;
use crate::dom::promise::{Promise, RootedPromise};
use crate::dom::promisenativehandler::{Callback, PromiseNativeHandler};
use crate::dom::request::Request;
use crate::dom::response::Response;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkers::fetchanswer::{AnswerSink, OwedAnswer};
use crate::dom::serviceworkers::lazypromise::LazyPromise;
use crate::dom::serviceworkers::navigationpreload::NavigationPreload;
use crate::dom::serviceworkers::requestbody::request_object;

/// A request that the worker may answer.
#[dom_struct]
pub(crate) struct FetchEvent {
    event: ExtendableEvent,
    request: Dom<Request>,
    client_id: DOMString,
    resulting_client_id: DOMString,
    replaces_client_id: DOMString,
    handled: LazyPromise,
    preload_response: LazyPromise,
    /// <https://w3c.github.io/ServiceWorker/#fetchevent-respond-with-entered-flag>
    respond_with_entered: Cell<bool>,
    /// `None` for an event that a script has made.
    #[no_trace]
    id: Cell<Option<RequestId>>,
    /// Of the request that was sent beside the start of the worker.
    #[no_trace]
    preload_id: Cell<Option<RequestId>>,
    /// Gone when the answer is given, and nothing else of the event is left either.
    #[no_trace]
    #[ignore_malloc_size_of = "Weak"]
    owed: DomRefCell<Weak<OwedAnswer>>,
    /// What it was answered with.
    response: MutNullableDom<Response>,
    /// Until it is given. `None` for an event that a script has made.
    #[no_trace]
    #[ignore_malloc_size_of = "Arc"]
    answer: DomRefCell<Option<Arc<OwedAnswer>>>,
}

/// What distinguishes one event from another.
struct Parts<'a> {
    request: &'a Request,
    client_id: DOMString,
    resulting_client_id: DOMString,
    replaces_client_id: DOMString,
    handled: LazyPromise,
    preload_response: LazyPromise,
}

impl FetchEvent {
    fn reflect(
        cx: &mut JSContext,
        worker: &ServiceWorkerGlobalScope,
        proto: Option<HandleObject>,
        parts: Parts,
        answer: Option<Arc<OwedAnswer>>,
    ) -> DomRoot<FetchEvent> {
        let event = Box::new(FetchEvent {
            event: ExtendableEvent::new_inherited(),
            request: Dom::from_ref(parts.request),
            client_id: parts.client_id,
            resulting_client_id: parts.resulting_client_id,
            replaces_client_id: parts.replaces_client_id,
            handled: parts.handled,
            preload_response: parts.preload_response,
            respond_with_entered: Cell::new(false),
            id: Cell::default(),
            preload_id: Cell::default(),
            owed: DomRefCell::default(),
            response: MutNullableDom::default(),
            answer: DomRefCell::new(answer),
        });
        reflect_dom_object_with_proto(cx, event, worker, proto)
    }

    /// <https://w3c.github.io/ServiceWorker/#create-fetch-event-and-dispatch>, the event alone.
    pub(super) fn new_for_dispatch(
        cx: &mut CurrentRealm,
        worker: &ServiceWorkerGlobalScope,
        request: RequestBuilder,
        preload: Option<NavigationPreload>,
        answer: Arc<OwedAnswer>,
    ) -> DomRoot<FetchEvent> {
        let global = worker.upcast::<GlobalScope>();
        let is_navigation = request.mode == RequestMode::Navigate;
        let client = request.pipeline_id.map(ServiceWorkerGlobalScope::client_id);
        let client = client.unwrap_or_default();
        let (client_id, resulting_client_id) = match is_navigation {
            true => (DOMString::new(), client),
            false => (client, DOMString::new()),
        };
        let id = request.id;
        let request = request_object(cx, global, request);
        let preload_id = preload.as_ref().map(NavigationPreload::id);
        let preload_response = match preload {
            Some(preload) => LazyPromise::of(&preload.promise(cx, worker, &request)),
            None => LazyPromise::fulfilled(),
        };
        let parts = Parts {
            request: &request,
            client_id,
            resulting_client_id,
            replaces_client_id: DOMString::new(),
            handled: LazyPromise::default(),
            preload_response,
        };
        let owed = Arc::downgrade(&answer);
        let event = Self::reflect(cx, worker, None, parts, Some(answer));
        event.id.set(Some(id));
        event.preload_id.set(preload_id);
        *event.owed.borrow_mut() = owed;
        event
            .upcast::<Event>()
            .init_event(Atom::from("fetch"), false, true);
        event
    }

    /// <https://w3c.github.io/ServiceWorker/#create-fetch-event-and-dispatch>, the steps after the dispatch.
    pub(super) fn dispatch_is_over(&self, cx: &mut CurrentRealm) {
        if self.respond_with_entered.get() {
            return;
        }
        let Some(answer) = self.answer.borrow_mut().take() else {
            return;
        };
        if self.upcast::<Event>().DefaultPrevented() {
            return self.fail(
                cx,
                &answer,
                "preventDefault() was called instead of respondWith()",
            );
        }
        answer.fall_back();
        self.handled.fulfil(cx);
    }

    /// Whether somebody may still wait for the answer.
    pub(super) fn is_being_answered(&self) -> bool {
        self.owed.borrow().strong_count() > 0
    }

    /// Whether it was fired for this request.
    pub(super) fn is_for(&self, request: RequestId) -> bool {
        self.id.get() == Some(request)
    }

    /// Nobody waits for the answer any more: whoever listens to the signal of the request, or to its body being cancelled,
    /// can stop.
    pub(super) fn abort(&self, cx: &mut CurrentRealm) {
        rooted!(&in(cx) let mut reason = UndefinedValue());
        let global = self.global();
        Error::Abort(None).to_jsval(cx, &global, reason.handle_mut());
        self.request.Signal().signal_abort(cx, reason.handle());
        if let Some(preload) = self.preload_id.get() {
            cancel_async_fetch(vec![preload], &global.core_resource_thread());
        }
        let body = self.response.get().and_then(|it| it.internal_body());
        if let Some(body) = body
            && body.is_readable()
        {
            body.cancel(cx, &global, reason.handle());
        }
    }

    /// The page gets a network error, and whoever has written the worker the reason.
    fn fail(&self, cx: &mut CurrentRealm, answer: &OwedAnswer, why: &str) {
        answer.fail();
        self.handled.reject(cx);
        let global = self.global();
        let url = self.request.request().url();
        let message = format!("The service worker has not answered the request of {url}: {why}");
        Console::internal_error(cx, &global, message);
    }

    /// <https://w3c.github.io/ServiceWorker/#fetch-event-respondwith>, step 11.
    fn respond(&self, cx: &mut CurrentRealm, value: HandleValue) {
        let Some(answer) = self.answer.borrow_mut().take() else {
            return;
        };
        // Step 11.1.
        let Ok(response) = root_from_handlevalue::<Response>(cx, value) else {
            return self.fail(cx, &answer, "respondWith() was given what is no Response");
        };
        // Step 11.2.
        let head = response.head(cx);
        if matches!(head.response_type, ResponseType::Error(_)) {
            return self.fail(cx, &answer, "respondWith() was given Response.error()");
        }
        let Ok(whole) = response.take_whole_body(cx) else {
            return self.fail(
                cx,
                &answer,
                "respondWith() was given a Response whose body was used",
            );
        };
        self.response.set(Some(&response));
        match whole {
            Some(body) => answer.respond_shortly(head, body),
            None => send(cx, &response, head, answer),
        }
        self.handled.fulfil(cx);
    }
}

/// A body that can't be sent ends the answer.
fn send(cx: &mut CurrentRealm, response: &Response, head: ResponseHead, answer: Arc<OwedAnswer>) {
    answer.respond(head, response.sendable_body().unwrap_or(HasBody::No));
    let sink = Arc::new(AnswerSink::new(answer));
    if response.send_body(cx, sink.clone()).is_err() {
        sink.fail();
    }
}

/// How the promise that was given to `respondWith()` has ended.
#[derive(Clone, Copy, JSTraceable, MallocSizeOf, PartialEq)]
enum Settlement {
    Fulfilled,
    Rejected,
}

#[derive(JSTraceable, MallocSizeOf)]
#[cfg_attr(crown, crown::unrooted_must_root_lint::must_root)]
struct Responding {
    event: Dom<FetchEvent>,
    settlement: Settlement,
}

impl Callback for Responding {
    fn callback(&self, cx: &mut CurrentRealm, value: HandleValue) {
        let event = DomRoot::from_ref(&*self.event);
        match self.settlement {
            Settlement::Fulfilled => event.respond(cx, value),
            Settlement::Rejected => {
                if let Some(answer) = event.answer.borrow_mut().take() {
                    event.fail(
                        cx,
                        &answer,
                        "the promise that respondWith() was given was rejected",
                    );
                }
            }
        }
    }
}

impl FetchEventMethods<crate::DomTypeHolder> for FetchEvent {
    /// <https://w3c.github.io/ServiceWorker/#dom-fetchevent-fetchevent>
    fn Constructor(
        cx: &mut JSContext,
        worker: &ServiceWorkerGlobalScope,
        proto: Option<HandleObject>,
        type_: DOMString,
        init: &FetchEventInit,
    ) -> Fallible<DomRoot<FetchEvent>> {
        let global = worker.upcast::<GlobalScope>();
        let promise_of = |cx: &mut JSContext, value: HandleValue| match value.is_undefined() {
            true => Promise::new(cx, global),
            false => Promise::resolve_or_wrap_promise(cx, value, global),
        };
        let parts = Parts {
            request: &init.request,
            client_id: init.clientId.clone(),
            resulting_client_id: init.resultingClientId.clone(),
            replaces_client_id: init.replacesClientId.clone(),
            handled: LazyPromise::of(&promise_of(cx, init.handled.handle())),
            preload_response: LazyPromise::of(&promise_of(cx, init.preloadResponse.handle())),
        };
        let event = Self::reflect(cx, worker, proto, parts, None);
        event.upcast::<Event>().init_event(
            Atom::from(type_),
            init.parent.parent.bubbles,
            init.parent.parent.cancelable,
        );
        Ok(event)
    }

    /// <https://w3c.github.io/ServiceWorker/#fetch-event-request>
    fn Request(&self) -> DomRoot<Request> {
        DomRoot::from_ref(&self.request)
    }

    /// <https://w3c.github.io/ServiceWorker/#fetch-event-preloadresponse>
    fn PreloadResponse(&self, cx: &mut JSContext) -> RootedPromise {
        self.preload_response.get(cx, &self.global())
    }

    /// <https://w3c.github.io/ServiceWorker/#fetch-event-clientid>
    fn ClientId(&self) -> DOMString {
        self.client_id.clone()
    }

    /// <https://w3c.github.io/ServiceWorker/#fetch-event-resultingclientid>
    fn ResultingClientId(&self) -> DOMString {
        self.resulting_client_id.clone()
    }

    /// <https://w3c.github.io/ServiceWorker/#fetch-event-replacesclientid>
    fn ReplacesClientId(&self) -> DOMString {
        self.replaces_client_id.clone()
    }

    /// <https://w3c.github.io/ServiceWorker/#fetch-event-handled>
    fn Handled(&self, cx: &mut JSContext) -> RootedPromise {
        self.handled.get(cx, &self.global())
    }

    /// <https://w3c.github.io/ServiceWorker/#fetch-event-respondwith>
    fn RespondWith(&self, cx: &mut CurrentRealm, value: HandleValue) -> ErrorResult {
        let event = self.upcast::<Event>();
        // Step 2.
        if !event.dispatching() {
            let message = "respondWith() was called after the event was dispatched".to_owned();
            return Err(Error::InvalidState(Some(message)));
        }
        // Step 3.
        if self.respond_with_entered.get() {
            let message = "respondWith() was called twice".to_owned();
            return Err(Error::InvalidState(Some(message)));
        }
        // Step 4.
        let extendable = self.upcast::<ExtendableEvent>();
        extendable.add_lifetime_promise(cx, value)?;
        // Steps 5 and 6.
        event.StopImmediatePropagation();
        // Steps 7 and 8.
        self.respond_with_entered.set(true);
        // Steps 10 and 11.
        let global = self.global();
        let promise = Promise::resolve_or_wrap_promise(cx, value, &global);
        let responding = |settlement| {
            Box::new(Responding {
                event: Dom::from_ref(self),
                settlement,
            }) as Box<dyn Callback>
        };
        let fulfilled = responding(Settlement::Fulfilled);
        let rejected = responding(Settlement::Rejected);
        let handler = PromiseNativeHandler::new(cx, &global, Some(fulfilled), Some(rejected));
        promise.append_native_handler(cx, &handler);
        Ok(())
    }

    /// <https://dom.spec.whatwg.org/#dom-event-istrusted>
    fn IsTrusted(&self) -> bool {
        self.event.IsTrusted()
    }
}
