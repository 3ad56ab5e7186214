/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! <https://w3c.github.io/ServiceWorker/#cache-interface>

use std::sync::Arc;

use dom_struct::dom_struct;
use js::context::JSContext;
use js::realm::CurrentRealm;
use net_traits::service_workers::HasBody;
use script_bindings::reflector::{Reflector, reflect_dom_object_with_cx};
use script_bindings::root::DomRoot;
use storage_traits::cache_storage::{
    CacheCall, CacheError, CacheId, CacheOperation, CacheReply, MatchScope, RequestHead,
    ResponseHead, Take, WrittenBody, check_put,
};

use crate::dom::bindings::codegen::Bindings::CacheBinding::{CacheMethods, CacheQueryOptions};
use crate::dom::bindings::codegen::Bindings::RequestBinding::RequestInfo;
use crate::dom::bindings::error::Fallible;
use crate::dom::bindings::refcounted::Trusted;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::globalscope::GlobalScope;
use crate::dom::response::Response;
use crate::dom::serviceworkers::cacheadd::add_all;
use crate::dom::serviceworkers::cachebodies::{CacheWriter, Unwritten, to_response};
use crate::dom::serviceworkers::cachecalls::{HeldCache, OriginCaches, Unsettled, to_dom_error};
use crate::dom::serviceworkers::cacheheads::{
    new_request, request_head, to_query_options, to_request, to_stored_head,
};
use crate::dom::serviceworkers::cachestorage::settle_match;
use crate::dom::{Promise, RootedPromise};

/// <https://w3c.github.io/ServiceWorker/#cache>
#[dom_struct]
pub(crate) struct Cache {
    reflector_: Reflector,
    /// <https://w3c.github.io/ServiceWorker/#dfn-relevant-request-response-list>
    #[no_trace]
    #[ignore_malloc_size_of = "It is elsewhere"]
    held: HeldCache,
}

impl Cache {
    pub(crate) fn new(cx: &mut JSContext, global: &GlobalScope, held: HeldCache) -> DomRoot<Cache> {
        let cache = Cache {
            reflector_: Reflector::new(),
            held,
        };
        reflect_dom_object_with_cx(Box::new(cache), global, cx)
    }

    pub(crate) fn caches(&self) -> &OriginCaches {
        &self.held.caches
    }

    pub(crate) fn id(&self) -> CacheId {
        self.held.id
    }

    /// The head of what is looked for, if there is such an argument.
    fn query_head(
        &self,
        cx: &mut JSContext,
        request: Option<RequestInfo>,
    ) -> Fallible<Option<RequestHead>> {
        let Some(request) = request else {
            return Ok(None);
        };
        let request = to_request(cx, &self.global(), request)?;
        Ok(Some(request_head(cx, &request)))
    }

    /// The steps of `put()` up to the batch.
    fn start_put(
        &self,
        cx: &mut CurrentRealm,
        request: RequestInfo,
        response: &Response,
        promise: &RootedPromise,
    ) -> Fallible<()> {
        // 1. to 4. What is fit to be stored.
        let global = self.global();
        let request = to_request(cx, &global, request)?;
        let request = request_head(cx, &request);
        // 5. to 7. The internal response, in which opaque ones are looked at, too.
        let head = to_stored_head(&response.head(cx));
        check_put(&request, &head).map_err(to_dom_error)?;
        // 8. Throws if the body was used.
        let has_body = response.sendable_body()?;
        let unsettled = Unsettled::new(&global, promise);
        let (caches, id) = (self.caches().clone(), self.id());
        if has_body == HasBody::No {
            put(
                &caches,
                id,
                vec![put_operation(request, head, None)],
                unsettled,
            );
            return Ok(());
        }
        // 9. to 12. The body is read, and goes to the thread of the caches as it comes.
        let source = Trusted::new(response);
        let writer = CacheWriter::new(self.caches(), move |written| match written {
            Ok(body) => {
                let operation = put_operation(request, head, body.take());
                put(&caches, id, vec![operation], unsettled);
            }
            Err(Unwritten::Refused(error)) => unsettled.reject(to_dom_error(error)),
            Err(Unwritten::Incomplete) => unsettled.reject_like(source),
        });
        response.send_body(cx, Arc::new(writer))
    }
}

pub(crate) fn put_operation(
    request: RequestHead,
    response: ResponseHead,
    body: Option<WrittenBody>,
) -> CacheOperation {
    CacheOperation::Put {
        request,
        response,
        body,
    }
}

/// The last step of `put()` and `addAll()`: all or nothing.
pub(crate) fn put(
    caches: &OriginCaches,
    cache: CacheId,
    operations: Vec<CacheOperation>,
    unsettled: Unsettled,
) {
    let call = move |callback| CacheCall::Batch {
        cache,
        operations,
        callback,
    };
    caches.settle_later(unsettled, call, |cx, promise, _| {
        promise.resolve_native(cx, &())
    });
}

impl CacheMethods<crate::DomTypeHolder> for Cache {
    /// <https://w3c.github.io/ServiceWorker/#cache-match>
    fn Match(
        &self,
        cx: &mut CurrentRealm,
        request: RequestInfo,
        options: &CacheQueryOptions,
    ) -> RootedPromise {
        let promise = Promise::new_in_realm(cx);
        let request = match self.query_head(cx, Some(request)) {
            Ok(request) => request,
            Err(error) => {
                promise.reject_error(cx, error);
                return promise;
            }
        };
        let (scope, options) = (MatchScope::Cache(self.id()), to_query_options(options));
        let call = move |callback| CacheCall::Match {
            scope,
            request,
            options,
            take: Take::First,
            callback,
        };
        let caches = self.caches().clone();
        let unsettled = Unsettled::new(&self.global(), &promise);
        self.caches()
            .settle_later(unsettled, call, |cx, promise, reply| {
                settle_match(cx, promise, caches, reply)
            });
        promise
    }

    /// <https://w3c.github.io/ServiceWorker/#cache-matchall>
    fn MatchAll(
        &self,
        cx: &mut CurrentRealm,
        request: Option<RequestInfo>,
        options: &CacheQueryOptions,
    ) -> RootedPromise {
        let promise = Promise::new_in_realm(cx);
        let request = match self.query_head(cx, request) {
            Ok(request) => request,
            Err(error) => {
                promise.reject_error(cx, error);
                return promise;
            }
        };
        let (scope, options) = (MatchScope::Cache(self.id()), to_query_options(options));
        let call = move |callback| CacheCall::Match {
            scope,
            request,
            options,
            take: Take::All,
            callback,
        };
        let caches = self.caches().clone();
        let unsettled = Unsettled::new(&self.global(), &promise);
        self.caches()
            .settle_later(unsettled, call, move |cx, promise, reply| {
                let CacheReply::Pairs(found) = reply else {
                    return promise.reject_error(cx, to_dom_error(CacheError::Unavailable));
                };
                let global = promise.global();
                let mut responses = Vec::with_capacity(found.len());
                for found in found {
                    match to_response(cx, &global, &caches, found) {
                        Ok(response) => responses.push(response),
                        Err(error) => return promise.reject_error(cx, error),
                    }
                }
                promise.resolve_native(cx, &responses);
            });
        promise
    }

    /// <https://w3c.github.io/ServiceWorker/#cache-add>
    fn Add(&self, cx: &mut CurrentRealm, request: RequestInfo) -> RootedPromise {
        add_all(cx, self, vec![request])
    }

    /// <https://w3c.github.io/ServiceWorker/#cache-addAll>
    fn AddAll(&self, cx: &mut CurrentRealm, requests: Vec<RequestInfo>) -> RootedPromise {
        add_all(cx, self, requests)
    }

    /// <https://w3c.github.io/ServiceWorker/#cache-put>
    fn Put(
        &self,
        cx: &mut CurrentRealm,
        request: RequestInfo,
        response: &Response,
    ) -> RootedPromise {
        let promise = Promise::new_in_realm(cx);
        if let Err(error) = self.start_put(cx, request, response, &promise) {
            promise.reject_error(cx, error);
        }
        promise
    }

    /// <https://w3c.github.io/ServiceWorker/#cache-delete>
    fn Delete(
        &self,
        cx: &mut CurrentRealm,
        request: RequestInfo,
        options: &CacheQueryOptions,
    ) -> RootedPromise {
        let promise = Promise::new_in_realm(cx);
        let request = match to_request(cx, &self.global(), request) {
            Ok(request) => request_head(cx, &request),
            Err(error) => {
                promise.reject_error(cx, error);
                return promise;
            }
        };
        let operations = vec![CacheOperation::Delete {
            request,
            options: to_query_options(options),
        }];
        let cache = self.id();
        let call = move |callback| CacheCall::Batch {
            cache,
            operations,
            callback,
        };
        let unsettled = Unsettled::new(&self.global(), &promise);
        self.caches()
            .settle_later(unsettled, call, |cx, promise, reply| match reply {
                CacheReply::Bool(deleted) => promise.resolve_native(cx, &deleted),
                _ => promise.reject_error(cx, to_dom_error(CacheError::Unavailable)),
            });
        promise
    }

    /// <https://w3c.github.io/ServiceWorker/#cache-keys>
    fn Keys(
        &self,
        cx: &mut CurrentRealm,
        request: Option<RequestInfo>,
        options: &CacheQueryOptions,
    ) -> RootedPromise {
        let promise = Promise::new_in_realm(cx);
        let request = match self.query_head(cx, request) {
            Ok(request) => request,
            Err(error) => {
                promise.reject_error(cx, error);
                return promise;
            }
        };
        let (cache, options) = (self.id(), to_query_options(options));
        let call = move |callback| CacheCall::Keys {
            cache,
            request,
            options,
            callback,
        };
        let unsettled = Unsettled::new(&self.global(), &promise);
        self.caches()
            .settle_later(unsettled, call, |cx, promise, reply| {
                let CacheReply::Requests(heads) = reply else {
                    return promise.reject_error(cx, to_dom_error(CacheError::Unavailable));
                };
                let global = promise.global();
                let requests = heads
                    .iter()
                    .filter_map(|head| new_request(cx, &global, head).ok());
                let requests: Vec<_> = requests.collect();
                promise.resolve_native(cx, &requests);
            });
        promise
    }
}
