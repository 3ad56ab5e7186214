/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `add()` and `addAll()`.
//!
//! <https://w3c.github.io/ServiceWorker/#cache-addAll>

use std::collections::HashSet;
use std::sync::Arc;

use js::context::JSContext;
use js::jsval::UndefinedValue;
use js::realm::CurrentRealm;
use js::rust::HandleValue;
use parking_lot::Mutex;
use script_bindings::conversions::root_from_handlevalue;
use storage_traits::cache_storage::{CacheError, CacheId, CacheOperation, RequestHead, check_put};

use crate::dom::abortcontroller::AbortController;
use crate::dom::abortsignal::AbortSignal;
use crate::dom::bindings::codegen::Bindings::AbortSignalBinding::AbortSignalMethods;
use crate::dom::bindings::codegen::Bindings::RequestBinding::{
    RequestInfo, RequestInit, RequestMethods,
};
use crate::dom::bindings::codegen::Bindings::ResponseBinding::{
    ResponseMethods, ResponseType as DOMResponseType,
};
use crate::dom::bindings::error::{Error, ErrorToJsval, Fallible};
use crate::dom::bindings::refcounted::Trusted;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::DomRoot;
use crate::dom::promisenativehandler::{Callback, PromiseNativeHandler};
use crate::dom::request::Request;
use crate::dom::response::Response;
use crate::dom::serviceworkers::cache::{Cache, put, put_operation};
use crate::dom::serviceworkers::cachebodies::{CacheWriter, Unwritten, WrittenByScript};
use crate::dom::serviceworkers::cachecalls::{OriginCaches, Unsettled, to_dom_error};
use crate::dom::serviceworkers::cacheheads::{request_head, to_request, to_stored_head};
use crate::dom::{Promise, RootedPromise};
use crate::fetch::fetch::Fetch;
use crate::realms::enter_auto_realm;
use crate::tasks::task_source::SendableTaskSource;

/// Fetches all requests, and adds all of them or none.
pub(crate) fn add_all(
    cx: &mut CurrentRealm,
    cache: &Cache,
    requests: Vec<RequestInfo>,
) -> RootedPromise {
    let promise = Promise::new_in_realm(cx);
    // 1. to 4. All requests are looked at before any is fetched.
    let requests = match check_requests(cx, cache, requests) {
        Ok(requests) => requests,
        Err(error) => {
            promise.reject_error(cx, error);
            return promise;
        }
    };
    let global = cache.global();
    let unsettled = Unsettled::new(&global, &promise);
    if requests.is_empty() {
        put(cache.caches(), cache.id(), Vec::new(), unsettled);
        return promise;
    }
    let controller = AbortController::new_with_proto(cx, &global, None);
    let batch = Arc::new(AddedBatch {
        caches: cache.caches().clone(),
        cache: cache.id(),
        state: Mutex::new(State {
            task_source: global.task_manager().networking_task_source().to_sendable(),
            operations: requests.iter().map(|_| None).collect(),
            unsettled: Some(unsettled),
            controller: Some(Trusted::new(&*controller)),
        }),
    });
    // 5. The fetches. Each ends with its request, or with the others.
    for (index, request) in requests.iter().enumerate() {
        let signals = vec![request.Signal(), controller.signal()];
        let signal = AbortSignal::create_dependent_abort_signal(cx, signals, &global);
        let mut init = RequestInit::empty();
        init.signal = Some(Some(signal.clone()));
        let head = request_head(cx, request);
        let input = RequestInfo::Request(request.clone());
        let fetched = Fetch(&global, input, &init, cx);
        let added = AddedRequest {
            batch: batch.clone(),
            index,
            head,
            signal: Trusted::new(&*signal),
        };
        let handler = |outcome| {
            let added = added.clone();
            Some(Box::new(Fetched { added, outcome }) as Box<dyn Callback>)
        };
        let (fulfilled, rejected) = (handler(Outcome::Fulfilled), handler(Outcome::Rejected));
        let handler = PromiseNativeHandler::new(cx, &global, fulfilled, rejected);
        fetched.append_native_handler(cx, &handler);
    }
    promise
}

/// Steps 3 and 5.1 to 5.3.
fn check_requests(
    cx: &mut JSContext,
    cache: &Cache,
    requests: Vec<RequestInfo>,
) -> Fallible<Vec<DomRoot<Request>>> {
    let global = cache.global();
    let mut checked = Vec::with_capacity(requests.len());
    let mut keys = HashSet::with_capacity(requests.len());
    for request in requests {
        let request = to_request(cx, &global, request)?;
        let head = request_head(cx, &request);
        check_put(&head, &Default::default()).map_err(to_dom_error)?;
        // The batch would find it at the end; as in other browsers, what must fail is not fetched.
        let headers = head
            .headers
            .into_iter()
            .map(|header| (header.name, header.value));
        if !keys.insert((head.url, headers.collect::<Vec<_>>())) {
            return Err(to_dom_error(CacheError::DuplicateRequest));
        }
        checked.push(request);
    }
    Ok(checked)
}

/// What is shared by the fetches of one call.
struct AddedBatch {
    caches: OriginCaches,
    cache: CacheId,
    state: Mutex<State>,
}

struct State {
    task_source: SendableTaskSource,
    /// `None` for those that are still fetched.
    operations: Vec<Option<(CacheOperation, WrittenByScript)>>,
    /// `None` once the call has failed, or all is fetched.
    unsettled: Option<Unsettled>,
    /// Ends all fetches.
    controller: Option<Trusted<AbortController>>,
}

impl AddedBatch {
    /// Step 5.5.3: the others are not needed. Later failures follow from that, and change nothing.
    fn fail(&self, cx: &mut CurrentRealm, reason: HandleValue) {
        let (unsettled, controller, operations) = {
            let mut state = self.state.lock();
            let operations = std::mem::take(&mut state.operations);
            (state.unsettled.take(), state.controller.take(), operations)
        };
        // Not under the lock: bodies are removed.
        drop(operations);
        if let Some(unsettled) = unsettled {
            unsettled.into_promise(cx).reject(cx, reason);
        }
        if let Some(controller) = controller {
            rooted!(&in(cx) let undefined = UndefinedValue());
            controller.root().signal_abort(cx, undefined.handle());
        }
    }

    fn fail_with(&self, cx: &mut CurrentRealm, error: Error) {
        let Some(global) = self.global() else {
            return;
        };
        rooted!(&in(cx) let mut reason = UndefinedValue());
        error.to_jsval(cx, &global, reason.handle_mut());
        self.fail(cx, reason.handle());
    }

    fn global(&self) -> Option<DomRoot<crate::dom::globalscope::GlobalScope>> {
        let state = self.state.lock();
        state
            .controller
            .as_ref()
            .map(|controller| controller.root().global())
    }

    /// Step 7: once all are there, they are put.
    fn written(&self, index: usize, operation: CacheOperation, body: WrittenByScript) {
        let (operations, unsettled) = {
            let mut state = self.state.lock();
            let Some(place) = state.operations.get_mut(index) else {
                return;
            };
            *place = Some((operation, body));
            if state.operations.iter().any(Option::is_none) {
                return;
            }
            state.controller.take();
            (
                std::mem::take(&mut state.operations),
                state.unsettled.take(),
            )
        };
        let operations = operations.into_iter().flatten().map(|(operation, body)| {
            let CacheOperation::Put {
                request, response, ..
            } = operation
            else {
                return operation;
            };
            put_operation(request, response, body.take())
        });
        let operations = operations.collect();
        if let Some(unsettled) = unsettled {
            put(&self.caches, self.cache, operations, unsettled);
        }
    }
}

/// One request of a call.
#[derive(Clone)]
struct AddedRequest {
    batch: Arc<AddedBatch>,
    index: usize,
    head: RequestHead,
    /// Of this fetch.
    signal: Trusted<AbortSignal>,
}

#[derive(Clone, Copy, MallocSizeOf, PartialEq)]
enum Outcome {
    Fulfilled,
    Rejected,
}

/// `fetch()` has an answer.
#[derive(JSTraceable, MallocSizeOf)]
struct Fetched {
    #[no_trace]
    #[ignore_malloc_size_of = "Arc"]
    added: AddedRequest,
    #[no_trace]
    outcome: Outcome,
}

impl Callback for Fetched {
    fn callback(&self, cx: &mut CurrentRealm, value: HandleValue) {
        if self.outcome == Outcome::Rejected {
            return self.added.batch.fail(cx, value);
        }
        let started = match root_from_handlevalue::<Response>(cx, value) {
            Ok(response) => self.added.clone().read(cx, &response),
            Err(()) => Err(to_dom_error(CacheError::Unavailable)),
        };
        if let Err(error) = started {
            self.added.batch.fail_with(cx, error);
        }
    }
}

impl AddedRequest {
    /// Steps 5.5 and 5.6.
    fn read(self, cx: &mut CurrentRealm, response: &Response) -> Fallible<()> {
        // Status 206 and `Vary: *` are refused by the check.
        if response.Type() == DOMResponseType::Error || !response.Ok() {
            return Err(Error::Type(c"the response is not ok".to_owned()));
        }
        let head = to_stored_head(&response.head(cx));
        check_put(&self.head, &head).map_err(to_dom_error)?;
        let caches = self.batch.caches.clone();
        let writer = CacheWriter::new(&caches, move |written| match written {
            Ok(body) => {
                let operation = put_operation(self.head.clone(), head, None);
                self.batch.written(self.index, operation, body);
            }
            Err(why) => self.not_written(why),
        });
        response.send_body(cx, Arc::new(writer))
    }

    /// In any thread.
    fn not_written(self, why: Unwritten) {
        let task_source = self.batch.state.lock().task_source.clone();
        task_source.queue(task!(addall_failed: move |cx| {
            let signal = self.signal.root();
            let mut realm = enter_auto_realm(cx, &*signal);
            let cx = &mut realm.current_realm();
            let error = match why {
                Unwritten::Refused(error) => to_dom_error(error),
                Unwritten::Incomplete if signal.aborted() => {
                    rooted!(&in(cx) let mut reason = UndefinedValue());
                    signal.Reason(reason.handle_mut());
                    return self.batch.fail(cx, reason.handle());
                },
                Unwritten::Incomplete => Error::Type(c"the body is not complete".to_owned()),
            };
            self.batch.fail_with(cx, error);
        }));
    }
}
