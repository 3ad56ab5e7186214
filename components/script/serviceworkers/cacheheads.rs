/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Heads of requests and responses, between script's objects and what is stored.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use js::context::JSContext;
use net_traits::http_status::HttpStatus;
use net_traits::request::{
    CacheMode, CredentialsMode, Destination, RedirectMode, Referrer, RequestMode,
};
use net_traits::response::ResponseType;
use net_traits::service_workers::ResponseHead as FetchedHead;
use net_traits::{NetworkError, ReferrerPolicy};
use serde::{Deserialize, Serialize};
use servo_url::ServoUrl;
use storage_traits::cache_storage::{
    CacheError, Header, QueryOptions, RequestHead, ResponseHead, ResponseKind,
};

use crate::dom::bindings::codegen::Bindings::CacheBinding::CacheQueryOptions;
use crate::dom::bindings::codegen::Bindings::RequestBinding::{
    RequestInfo, RequestInit, RequestMethods,
};
use crate::dom::bindings::error::Fallible;
use crate::dom::bindings::root::DomRoot;
use crate::dom::globalscope::GlobalScope;
use crate::dom::request::Request;

/// Version of [`StoredRequest`].
const STORED_REQUEST_VERSION: u8 = 1;

/// What `keys()` gives back of a request beside method, URL and headers.
#[derive(Deserialize, Serialize)]
struct StoredRequest {
    mode: RequestMode,
    credentials_mode: CredentialsMode,
    cache_mode: CacheMode,
    redirect_mode: RedirectMode,
    destination: Destination,
    /// `None` is the client's.
    referrer: Option<StoredReferrer>,
    referrer_policy: ReferrerPolicy,
    integrity: String,
}

#[derive(Deserialize, Serialize)]
enum StoredReferrer {
    None,
    Url(String),
}

/// The `Request` that an argument stands for.
///
/// # Errors
/// What its constructor throws.
pub(crate) fn to_request(
    cx: &mut JSContext,
    global: &GlobalScope,
    request: RequestInfo,
) -> Fallible<DomRoot<Request>> {
    match request {
        RequestInfo::Request(request) => Ok(request),
        url => Request::constructor(cx, global, None, url, &RequestInit::empty()),
    }
}

pub(crate) fn to_query_options(options: &CacheQueryOptions) -> QueryOptions {
    QueryOptions {
        ignore_search: options.ignoreSearch,
        ignore_method: options.ignoreMethod,
        ignore_vary: options.ignoreVary,
    }
}

/// What is stored of a request.
pub(crate) fn request_head(cx: &mut JSContext, request: &Request) -> RequestHead {
    let headers = request.Headers(cx).get_headers_list();
    let inner = request.request();
    let stored = StoredRequest {
        mode: inner.mode.clone(),
        credentials_mode: inner.credentials_mode,
        cache_mode: inner.cache_mode,
        redirect_mode: inner.redirect_mode,
        destination: inner.destination,
        referrer: match &inner.referrer {
            Referrer::Client(_) => None,
            Referrer::NoReferrer => Some(StoredReferrer::None),
            Referrer::ReferrerUrl(url) => Some(StoredReferrer::Url(url.as_str().to_owned())),
        },
        referrer_policy: inner.referrer_policy,
        integrity: inner.integrity_metadata.clone(),
    };
    RequestHead {
        method: inner.method.as_str().to_owned(),
        url: inner.url().as_str().to_owned(),
        headers: to_stored_headers(&headers),
        host: postcard::to_extend(&stored, vec![STORED_REQUEST_VERSION]).unwrap_or_default(),
    }
}

/// A request as `keys()` gives it back.
///
/// # Errors
/// [`CacheError::Damaged`] if its URL is none.
pub(crate) fn new_request(
    cx: &mut JSContext,
    global: &GlobalScope,
    head: &RequestHead,
) -> Result<DomRoot<Request>, CacheError> {
    let url = ServoUrl::parse(&head.url).map_err(|_| CacheError::Damaged)?;
    let mut inner = Request::new(cx, global, None, url).request().clone();
    inner.method = head.method.parse().map_err(|_| CacheError::Damaged)?;
    inner.headers = to_header_map(&head.headers);
    let stored = match head.host.split_first() {
        Some((&STORED_REQUEST_VERSION, bytes)) => postcard::from_bytes(bytes).ok(),
        _ => None,
    };
    if let Some(StoredRequest {
        mode,
        credentials_mode,
        cache_mode,
        redirect_mode,
        destination,
        referrer,
        referrer_policy,
        integrity,
    }) = stored
    {
        inner.mode = mode;
        inner.credentials_mode = credentials_mode;
        inner.cache_mode = cache_mode;
        inner.redirect_mode = redirect_mode;
        inner.destination = destination;
        inner.referrer_policy = referrer_policy;
        inner.integrity_metadata = integrity;
        match referrer {
            None => {}
            Some(StoredReferrer::None) => inner.referrer = Referrer::NoReferrer,
            Some(StoredReferrer::Url(url)) => {
                let url = ServoUrl::parse(&url).map_err(|_| CacheError::Damaged)?;
                inner.referrer = Referrer::ReferrerUrl(url);
            }
        }
    }
    Ok(Request::of_fetch_event(cx, global, inner, None))
}

/// What is stored of a response.
pub(crate) fn to_stored_head(head: &FetchedHead) -> ResponseHead {
    ResponseHead {
        kind: match head.response_type {
            ResponseType::Basic => ResponseKind::Basic,
            ResponseType::Cors => ResponseKind::Cors,
            ResponseType::Opaque => ResponseKind::Opaque,
            ResponseType::OpaqueRedirect => ResponseKind::OpaqueRedirect,
            ResponseType::Default => ResponseKind::Default,
            ResponseType::Error(_) => ResponseKind::Error,
        },
        status: head.status.try_code().map_or(0, |code| code.as_u16()),
        status_text: head.status.message().to_vec(),
        headers: to_stored_headers(&head.headers),
        exposed_headers: head.exposed_headers.clone(),
        url: head.url.as_ref().map(|url| url.as_str().to_owned()),
        redirected: head.redirected,
    }
}

/// The head of a response that was stored.
pub(crate) fn from_stored_head(head: &ResponseHead) -> FetchedHead {
    FetchedHead {
        response_type: match head.kind {
            ResponseKind::Default => ResponseType::Default,
            ResponseKind::Basic => ResponseType::Basic,
            ResponseKind::Cors => ResponseType::Cors,
            ResponseKind::Opaque => ResponseType::Opaque,
            ResponseKind::OpaqueRedirect => ResponseType::OpaqueRedirect,
            ResponseKind::Error => ResponseType::Error(NetworkError::ConnectionFailure),
        },
        url: head.url.as_ref().and_then(|url| ServoUrl::parse(url).ok()),
        redirected: head.redirected,
        status: match head.status {
            0 => HttpStatus::new_error(),
            code => HttpStatus::new_raw(code, head.status_text.clone()),
        },
        headers: to_header_map(&head.headers),
        exposed_headers: head.exposed_headers.clone(),
    }
}

fn to_stored_headers(headers: &HeaderMap) -> Vec<Header> {
    let stored =
        |(name, value): (&HeaderName, &HeaderValue)| Header::new(name.as_str(), value.as_bytes());
    headers.iter().map(stored).collect()
}

fn to_header_map(headers: &[Header]) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(headers.len());
    for header in headers {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(&header.value);
        if let (Ok(name), Ok(value)) = (name, value) {
            map.append(name, value);
        }
    }
    map
}
