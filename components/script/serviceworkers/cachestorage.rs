/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! <https://w3c.github.io/ServiceWorker/#cachestorage-interface>

use dom_struct::dom_struct;
use js::context::JSContext;
use script_bindings::reflector::{Reflector, reflect_dom_object_with_cx};
use script_bindings::root::DomRoot;
use storage_traits::cache_storage::{
    CacheCall, CacheCallback, CacheError, CacheReply, MatchScope, Take,
};

use crate::dom::bindings::codegen::Bindings::CacheStorageBinding::CacheStorageMethods;
use crate::dom::bindings::codegen::Bindings::CacheStorageNameToCacheMapBinding::MultiCacheQueryOptions;
use crate::dom::bindings::codegen::Bindings::RequestBinding::RequestInfo;
use crate::dom::bindings::error::Error;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::str::DOMString;
use crate::dom::globalscope::GlobalScope;
use crate::dom::serviceworkers::cache::Cache;
use crate::dom::serviceworkers::cachebodies::to_response;
use crate::dom::serviceworkers::cachecalls::{HeldCache, OriginCaches, Unsettled, to_dom_error};
use crate::dom::serviceworkers::cacheheads::{request_head, to_query_options, to_request};
use crate::dom::{Promise, RootedPromise};

/// <https://w3c.github.io/ServiceWorker/#cachestorage>
#[dom_struct]
pub(crate) struct CacheStorage {
    reflector_: Reflector,
}

impl CacheStorage {
    pub(crate) fn new(cx: &mut JSContext, global: &GlobalScope) -> DomRoot<CacheStorage> {
        let storage = CacheStorage {
            reflector_: Reflector::new(),
        };
        reflect_dom_object_with_cx(Box::new(storage), global, cx)
    }

    /// A promise that the answer to a call about a name settles.
    fn ask(
        &self,
        cx: &mut JSContext,
        call: impl FnOnce(CacheCallback) -> CacheCall,
        settle: impl FnOnce(&mut JSContext, &RootedPromise, OriginCaches, CacheReply) + Send + 'static,
    ) -> RootedPromise {
        let global = self.global();
        let promise = Promise::new(cx, &global);
        match OriginCaches::of(&global) {
            Err(error) => promise.reject_error(cx, error),
            Ok(caches) => {
                let for_settling = caches.clone();
                let settle = move |cx: &mut JSContext, promise: &RootedPromise, reply| {
                    settle(cx, promise, for_settling, reply)
                };
                caches.settle_later(Unsettled::new(&global, &promise), call, settle);
            }
        }
        promise
    }
}

fn settle_bool(cx: &mut JSContext, promise: &RootedPromise, _: OriginCaches, reply: CacheReply) {
    match reply {
        CacheReply::Bool(value) => promise.resolve_native(cx, &value),
        _ => promise.reject_error(cx, to_dom_error(CacheError::Unavailable)),
    }
}

/// The first of the responses that were found, or undefined.
pub(crate) fn settle_match(
    cx: &mut JSContext,
    promise: &RootedPromise,
    caches: OriginCaches,
    reply: CacheReply,
) {
    let CacheReply::Pairs(found) = reply else {
        return promise.reject_error(cx, to_dom_error(CacheError::Unavailable));
    };
    let Some(found) = found.into_iter().next() else {
        return promise.resolve_native(cx, &());
    };
    match to_response(cx, &promise.global(), &caches, found) {
        Ok(response) => promise.resolve_native(cx, &response),
        Err(error) => promise.reject_error(cx, error),
    }
}

fn to_name(name: &DOMString) -> Vec<u8> {
    name.to_string().into_bytes()
}

impl CacheStorageMethods<crate::DomTypeHolder> for CacheStorage {
    /// <https://w3c.github.io/ServiceWorker/#cache-storage-match>
    fn Match(
        &self,
        cx: &mut JSContext,
        request: RequestInfo,
        options: &MultiCacheQueryOptions,
    ) -> RootedPromise {
        let global = self.global();
        // 1. and 2. What is looked for. Of other methods than GET nothing is stored, which the thread knows.
        let request = match to_request(cx, &global, request) {
            Ok(request) => request_head(cx, &request),
            Err(error) => return rejected(cx, &global, error),
        };
        // 3. to 5. In the cache of that name, or in all, in their order.
        let scope = match &options.cacheName {
            Some(name) => MatchScope::Named(to_name(name)),
            None => MatchScope::All,
        };
        let options = to_query_options(&options.parent);
        let call = move |callback| CacheCall::Match {
            scope,
            request: Some(request),
            options,
            take: Take::First,
            callback,
        };
        self.ask(cx, call, settle_match)
    }

    /// <https://w3c.github.io/ServiceWorker/#cache-storage-has>
    fn Has(&self, cx: &mut JSContext, cache_name: DOMString) -> RootedPromise {
        let name = to_name(&cache_name);
        let call = move |callback| CacheCall::Has { name, callback };
        self.ask(cx, call, settle_bool)
    }

    /// <https://w3c.github.io/ServiceWorker/#cache-storage-open>
    fn Open(&self, cx: &mut JSContext, cache_name: DOMString) -> RootedPromise {
        let name = to_name(&cache_name);
        let call = move |callback| CacheCall::Open { name, callback };
        self.ask(cx, call, |cx, promise, caches, reply| {
            let CacheReply::Opened(id) = reply else {
                return promise.reject_error(cx, to_dom_error(CacheError::Unavailable));
            };
            let cache = Cache::new(cx, &promise.global(), HeldCache { caches, id });
            promise.resolve_native(cx, &cache);
        })
    }

    /// <https://w3c.github.io/ServiceWorker/#cache-storage-delete>
    fn Delete(&self, cx: &mut JSContext, cache_name: DOMString) -> RootedPromise {
        let name = to_name(&cache_name);
        let call = move |callback| CacheCall::Delete { name, callback };
        self.ask(cx, call, settle_bool)
    }

    /// <https://w3c.github.io/ServiceWorker/#cache-storage-keys>
    fn Keys(&self, cx: &mut JSContext) -> RootedPromise {
        let call = move |callback| CacheCall::Names { callback };
        self.ask(cx, call, |cx, promise, _, reply| {
            let CacheReply::Names(names) = reply else {
                return promise.reject_error(cx, to_dom_error(CacheError::Unavailable));
            };
            let names: Vec<DOMString> = names
                .into_iter()
                .map(|name| String::from_utf8_lossy(&name).into_owned().into())
                .collect();
            promise.resolve_native(cx, &names);
        })
    }
}

/// What a call returns that is not made.
pub(crate) fn rejected(cx: &mut JSContext, global: &GlobalScope, error: Error) -> RootedPromise {
    let promise = Promise::new(cx, global);
    promise.reject_error(cx, error);
    promise
}
