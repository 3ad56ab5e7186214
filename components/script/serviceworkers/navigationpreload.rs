/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Requests of navigations that go to the network while their worker is being started, and `FetchEvent.preloadResponse`.
//!
//! <https://w3c.github.io/ServiceWorker/#handle-fetch>, step 23

use std::mem;
use std::sync::Arc;

use background_sync_traits::NavigationPreloadState;
use bytes::Bytes;
use content_security_policy::Violation;
use http::{HeaderName, HeaderValue, Method};
use js::context::JSContext;
use js::realm::CurrentRealm;
use net_traits::request::{RequestBuilder, RequestId, RequestMode, ServiceWorkersMode};
use net_traits::{
    BoxedFetchCallback, CoreResourceThread, FetchMetadata, FetchResponseMsg, NetworkError,
    ResourceFetchTiming, cancel_async_fetch, fetch_async,
};
use parking_lot::Mutex;
use servo_url::ServoUrl;

use crate::dom::bindings::codegen::Bindings::ResponseBinding::ResponseMethods;
use crate::dom::bindings::error::Error;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::refcounted::{Trusted, TrustedPromise};
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::DomRoot;
use crate::dom::csp::GlobalCspReporting;
use crate::dom::globalscope::GlobalScope;
use crate::dom::headers::Guard;
use crate::dom::performance::performanceresourcetiming::InitiatorType;
use crate::dom::promise::{Promise, RootedPromise};
use crate::dom::request::Request;
use crate::dom::response::Response;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::fetch::fetch::FetchContext;
use crate::fetch::network_listener::{
    FetchResponseListener, NetworkListener, ResourceTimingListener, submit_timing_data,
};
use crate::realms::enter_auto_realm;

const HEADER: HeaderName = HeaderName::from_static("service-worker-navigation-preload");

/// What the network answers a navigation, for the worker that is to handle it. Dropped before that has it, it is cancelled.
pub(crate) struct NavigationPreload {
    id: RequestId,
    url: ServoUrl,
    core_thread: CoreResourceThread,
    arrival: Arc<Mutex<Arrival>>,
}

/// Where the parts of the response go. The network sends no more than `body_flow` lets it until they are used.
enum Arrival {
    /// No worker has the event yet.
    Kept(Vec<FetchResponseMsg>),
    PassedOn(BoxedFetchCallback),
}

impl NavigationPreload {
    /// Sends the request, if `request` is a navigation that has one.
    pub(crate) fn begin(
        request: &RequestBuilder,
        state: &NavigationPreloadState,
        core_thread: CoreResourceThread,
    ) -> Option<Self> {
        if !state.enabled || request.mode != RequestMode::Navigate || request.method != Method::GET
        {
            return None;
        }
        let header_value = HeaderValue::from_bytes(state.header_value.as_bytes()).ok()?;
        let mut preload = request.clone();
        preload.id = RequestId::default();
        preload.headers.append(HEADER, header_value);
        preload.service_workers_mode = ServiceWorkersMode::None;
        let (id, url) = (preload.id, preload.url.url());
        let arrival = Arc::new(Mutex::new(Arrival::Kept(Vec::new())));
        let arriving = arrival.clone();
        fetch_async(
            &core_thread,
            preload,
            None,
            Box::new(move |part| match &mut *arriving.lock() {
                Arrival::Kept(parts) => parts.push(part),
                Arrival::PassedOn(callback) => callback(part),
            }),
        );
        Some(Self {
            id,
            url,
            core_thread,
            arrival,
        })
    }

    pub(crate) fn id(&self) -> RequestId {
        self.id
    }

    /// The promise of the response, in the worker that has the event of `request`.
    pub(crate) fn promise(
        self,
        cx: &mut CurrentRealm,
        worker: &ServiceWorkerGlobalScope,
        request: &Request,
    ) -> RootedPromise {
        let global = worker.upcast::<GlobalScope>();
        let promise = Promise::new_in_realm(cx);
        // Whoever does not look at it need not hear that it has failed.
        promise.set_promise_is_handled(cx);
        let response = Response::new_fetch_response(cx, global);
        response.Headers(cx).set_guard(Guard::Immutable);
        let listener = PreloadListener {
            context: FetchContext {
                fetch_promise: Some(TrustedPromise::from(&promise)),
                response_object: Trusted::new(&*response),
                request: Trusted::new(request),
                global: Trusted::new(global),
                locally_aborted: false,
                url: self.url.clone(),
            },
            response: Trusted::new(&*response),
            url: self.url.clone(),
        };
        let task_source = global.task_manager().networking_task_source().to_sendable();
        let mut callback = NetworkListener::new(listener, task_source, global).into_callback();
        let mut arrival = self.arrival.lock();
        if let Arrival::Kept(parts) = &mut *arrival {
            for part in mem::take(parts) {
                callback(part);
            }
        }
        *arrival = Arrival::PassedOn(callback);
        drop(arrival);
        promise
    }
}

impl Drop for NavigationPreload {
    fn drop(&mut self) {
        if matches!(&*self.arrival.lock(), Arrival::Kept(_)) {
            cancel_async_fetch(vec![self.id], &self.core_thread);
        }
    }
}

/// Fills the response as that of a `fetch()`. Only its timing is another's.
struct PreloadListener {
    context: FetchContext,
    response: Trusted<Response>,
    url: ServoUrl,
}

impl FetchResponseListener for PreloadListener {
    fn process_request_body(&mut self, _: RequestId) {}

    fn process_response(
        &mut self,
        cx: &mut JSContext,
        id: RequestId,
        metadata: Result<FetchMetadata, NetworkError>,
    ) {
        self.context.process_response(cx, id, metadata);
    }

    fn process_response_chunk(&mut self, cx: &mut JSContext, id: RequestId, chunk: Bytes) {
        self.context.process_response_chunk(cx, id, chunk);
    }

    fn process_response_eof(
        self,
        cx: &mut JSContext,
        _: RequestId,
        result: Result<(), NetworkError>,
        timing: ResourceFetchTiming,
    ) {
        let response = self.response.root();
        let mut realm = enter_auto_realm(cx, &*response);
        let cx = &mut realm.current_realm();
        if result.is_err() {
            response.error_stream(cx, Error::Type(c"Network error occurred".to_owned()));
        }
        response.finish(cx);
        // As a resource of the worker's, although the request is a navigation's.
        if result.is_ok() {
            let (initiator, url) = self.resource_timing_information();
            submit_timing_data(cx, &self.resource_timing_global(), url, initiator, &timing);
        }
    }

    fn process_csp_violations(
        &mut self,
        cx: &mut JSContext,
        _: RequestId,
        violations: Vec<Violation>,
    ) {
        let global = self.resource_timing_global();
        global.report_csp_violations(cx, violations, None, None);
    }
}

impl ResourceTimingListener for PreloadListener {
    fn resource_timing_information(&self) -> (InitiatorType, ServoUrl) {
        // Of a resource: `InitiatorType::Navigation` is for the entry of a document.
        let initiator = InitiatorType::LocalName("navigation".to_owned());
        (initiator, self.url.clone())
    }

    fn resource_timing_global(&self) -> DomRoot<GlobalScope> {
        self.response.root().global()
    }
}
