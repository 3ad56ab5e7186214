/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Between a script's `Response` and what others than scripts have of it: a head, and a body in chunks. For `fetch` events
//! and for the Cache API.
//!
//! From a `Response`: [`Response::head`] says all but the body, also of a filtered one, and [`Response::send_body`] marks
//! it as used and has its body sent to a [`BodySink`]. What comes from the network and was not touched by a script goes
//! there without a detour through JavaScript, in service workers.
//!
//! To a `Response`: [`new_response`] makes one from a head and, if it is to have a body, a [`BodySource`], which is asked
//! for one chunk after the other, and brings each from any thread. Given to [`Response::send_body`] before a script has
//! read from it, such a body goes from its source to the sink without passing this thread.
//!
//! Back pressure is in the chunks: a sink that holds on to them holds the sender back, see [`bodyflow`].
//!
//! [`bodyflow`]: crate::dom::serviceworkers::bodyflow

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use hyper_serde::Serde;
use js::context::JSContext;
use js::realm::CurrentRealm;
use net_traits::http_status::HttpStatus;
use net_traits::request::RequestId;
use net_traits::response::ResponseType;
use net_traits::service_workers::{HasBody, ResponseHead};
use net_traits::{FetchMetadata, FilteredMetadata, Metadata, NetworkError, cancel_async_fetch};
use script_bindings::cell::DomRefCell;
use script_bindings::reflector::reflect_dom_object;
use servo_url::ServoUrl;

use crate::dom::bindings::codegen::Bindings::ResponseBinding::{
    ResponseMethods, ResponseType as DOMResponseType,
};
use crate::dom::bindings::error::{Error, Fallible};
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::root::{DomRoot, MutNullableDom};
use crate::dom::globalscope::GlobalScope;
use crate::dom::headers::Guard;
use crate::dom::response::Response;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkers::arrivingbody::ArrivingBody;
use crate::dom::serviceworkers::bodyflow::{BodySink, BodySource, Incomplete, NativeBody};
use crate::dom::serviceworkers::bodyreader::read_body;
use crate::dom::serviceworkers::bodyunderway::MAX_BYTES_UNDER_WAY;
use crate::dom::serviceworkers::controller::controller_of;
use crate::dom::stream::readablestream::ReadableStream;
use crate::fetch::body::{BodyMixin, clone_body_stream_for_dom_body};

/// What a `Response` keeps besides what scripts see of it.
#[derive(Default, JSTraceable, MallocSizeOf)]
#[cfg_attr(crown, crown::unrooted_must_root_lint::must_root)]
pub(crate) struct InternalResponse {
    /// Of a filtered response; `None` if it hides nothing.
    #[no_trace]
    #[ignore_malloc_size_of = "Bounded by what a server may send"]
    head: DomRefCell<Option<Box<ResponseHead>>>,
    /// Of a response whose body scripts don't see.
    body: MutNullableDom<ReadableStream>,
    /// Of one whose stream reads it when it is read itself.
    #[conditional_malloc_size_of]
    native: RefCell<Option<Rc<NativeBody>>>,
    /// Where the network puts what `native` reads.
    #[no_trace]
    #[ignore_malloc_size_of = "Arc"]
    arriving: RefCell<Option<Arc<ArrivingBody>>>,
    /// Whether the body has a copy, so that what arrives goes to both.
    is_shared: Cell<bool>,
    /// What the garbage collector was told of `arriving`.
    told_bytes: Cell<usize>,
}

impl InternalResponse {
    /// Keeps what scripts don't see of a response from the network, if it is filtered.
    pub(crate) fn keep(&self, metadata: FetchMetadata) -> FetchMetadata {
        if let FetchMetadata::Filtered { filtered, unsafe_ } = &metadata
            && let Some(head) = hidden_head(filtered, unsafe_)
        {
            *self.head.borrow_mut() = Some(Box::new(head));
        }
        metadata
    }

    /// The response is that to this request, which is given up once nobody wants the rest of the body.
    pub(crate) fn is_fetched(&self, request: RequestId, global: &GlobalScope) {
        if let Some(arriving) = &*self.arriving.borrow() {
            let core_thread = global.core_resource_thread();
            arriving.when_cancelled(move || cancel_async_fetch(vec![request], &core_thread));
        }
    }

    /// Scripts are not to see the body.
    pub(crate) fn keep_body(&self, body: Option<DomRoot<ReadableStream>>) {
        self.body.set(body.as_deref());
    }

    /// Part of <https://fetch.spec.whatwg.org/#concept-response-clone>
    pub(crate) fn copy_to(&self, cx: &mut JSContext, copy: &InternalResponse) -> Fallible<()> {
        copy.head.borrow_mut().clone_from(&self.head.borrow());
        self.is_shared.set(true);
        copy.is_shared.set(true);
        clone_body_stream_for_dom_body(cx, &self.body, &copy.body)
    }

    /// How much more lies behind the response once so many bytes have arrived. What is pulled is gone when it was read, so it
    /// counts only as far as it can pile up: or a long body, of which nothing is left, would let as much garbage pile up.
    pub(crate) fn held_of(&self, bytes: usize) -> usize {
        if self.arriving.borrow().is_none() {
            return bytes;
        }
        let told = self.told_bytes.get();
        let held = bytes.min(MAX_BYTES_UNDER_WAY.saturating_sub(told));
        self.told_bytes.set(told + held);
        held
    }

    /// A chunk has arrived. Gives it back if it is for the stream.
    pub(crate) fn arrived(&self, chunk: Bytes) -> Option<Bytes> {
        match &*self.arriving.borrow() {
            Some(arriving) => {
                arriving.push(chunk);
                None
            }
            None => Some(chunk),
        }
    }

    /// The body is over. Returns whether the stream is to be told.
    pub(crate) fn ended(&self, result: Result<(), Incomplete>) -> bool {
        match self.arriving.borrow_mut().take() {
            Some(arriving) => {
                arriving.end(result);
                false
            }
            None => true,
        }
    }
}

/// `None` if scripts see all of it but `Set-Cookie`, which nobody needs any more.
fn hidden_head(filtered: &FilteredMetadata, internal: &Metadata) -> Option<ResponseHead> {
    let (response_type, exposed_headers) = match filtered {
        FilteredMetadata::Basic(_) => return None,
        FilteredMetadata::Cors(metadata) => (ResponseType::Cors, header_names(metadata)),
        FilteredMetadata::Opaque => (ResponseType::Opaque, Vec::new()),
        FilteredMetadata::OpaqueRedirect(_) => (ResponseType::OpaqueRedirect, Vec::new()),
    };
    let headers = internal.headers.clone();
    Some(ResponseHead {
        response_type,
        url: Some(internal.final_url.clone()),
        redirected: internal.redirected,
        status: internal.status.clone(),
        headers: headers.map(Serde::into_inner).unwrap_or_default(),
        exposed_headers,
    })
}

fn header_names(metadata: &Metadata) -> Vec<String> {
    let headers = metadata.headers.iter().flat_map(|headers| headers.keys());
    headers.map(|name| name.as_str().to_owned()).collect()
}

impl Response {
    /// All but the body.
    pub(crate) fn head(&self, cx: &mut JSContext) -> ResponseHead {
        if let Some(head) = &*self.internal().head.borrow() {
            return (**head).clone();
        }
        let response_type = match self.Type() {
            DOMResponseType::Basic => ResponseType::Basic,
            DOMResponseType::Cors => ResponseType::Cors,
            DOMResponseType::Default => ResponseType::Default,
            DOMResponseType::Opaque => ResponseType::Opaque,
            DOMResponseType::Opaqueredirect => ResponseType::OpaqueRedirect,
            DOMResponseType::Error => ResponseType::Error(NetworkError::ConnectionFailure),
        };
        let status = match self.Status() {
            0 => HttpStatus::new_error(),
            code => HttpStatus::new_raw(code, self.StatusText().into()),
        };
        ResponseHead {
            response_type,
            url: ServoUrl::parse(&self.Url().0).ok(),
            redirected: self.Redirected(),
            status,
            headers: self.Headers(cx).get_headers_list(),
            exposed_headers: Vec::new(),
        }
    }

    /// The body's stream, also if scripts don't see it.
    pub(crate) fn internal_body(&self) -> Option<DomRoot<ReadableStream>> {
        self.body().or_else(|| self.internal().body.get())
    }

    /// Whether it has a body that is sent, so that what has to come before it can be.
    ///
    /// # Errors
    /// A `TypeError` if the body was used, or is being used.
    pub(crate) fn sendable_body(&self) -> Fallible<HasBody> {
        let Some(stream) = self.internal_body() else {
            return Ok(HasBody::No);
        };
        if stream.is_disturbed() || stream.is_locked() {
            return Err(Error::Type(c"the body of the response was used".to_owned()));
        }
        Ok(HasBody::Yes)
    }

    /// Marks the body as used and has it sent to `sink`. Without a body, `sink` hears that it has ended.
    ///
    /// # Errors
    /// As [`Response::sendable_body`]; then `sink` hears nothing.
    pub(crate) fn send_body(&self, cx: &mut CurrentRealm, sink: Arc<dyn BodySink>) -> Fallible<()> {
        let body = match self.sendable_body()? {
            HasBody::Yes => self.internal_body(),
            HasBody::No => None,
        };
        let Some(stream) = body else {
            sink.end(Ok(()));
            return Ok(());
        };
        match self.unread_body() {
            Some(native) => {
                use_up(cx, &stream)?;
                native.send_to(sink);
                Ok(())
            }
            None => read_body(cx, &stream, sink),
        }
    }

    /// Marks the body as used and gives all of it, if that is had at once.
    ///
    /// # Errors
    /// As [`Response::sendable_body`].
    pub(crate) fn take_whole_body(&self, cx: &mut CurrentRealm) -> Fallible<Option<Bytes>> {
        if self.sendable_body()? == HasBody::No {
            return Ok(None);
        }
        let (Some(stream), Some(native)) = (self.internal_body(), self.unread_body()) else {
            return Ok(None);
        };
        let Some(whole) = native.take_whole() else {
            return Ok(None);
        };
        use_up(cx, &stream)?;
        Ok(Some(whole))
    }

    /// The body, if it need not pass through its stream.
    fn unread_body(&self) -> Option<Rc<NativeBody>> {
        let internal = self.internal();
        let native = internal.native.borrow().clone();
        native.filter(|native| !native.has_begun() && !internal.is_shared.get())
    }
}

/// A body that does not pass through its stream is locked and used.
fn use_up(cx: &mut CurrentRealm, stream: &ReadableStream) -> Fallible<()> {
    stream.acquire_default_reader(cx)?;
    stream.set_is_disturbed(true);
    Ok(())
}

/// A response that no script has made. It has a body if there is a `source` of one.
///
/// # Errors
/// If the script engine has no memory left.
pub(crate) fn new_response(
    cx: &mut JSContext,
    global: &GlobalScope,
    head: ResponseHead,
    source: Option<Arc<dyn BodySource>>,
) -> Fallible<DomRoot<Response>> {
    let response = reflect(cx, global, source)?;
    response.Headers(cx).set_guard(Guard::Immutable);
    fill_head(cx, &response, head);
    Ok(response)
}

/// Whether the bodies of what `global` fetches come no faster than they are used: in a service worker, which passes on what
/// can be long, and in a page that has one.
pub(crate) fn body_is_pulled(global: &GlobalScope) -> bool {
    global.is::<ServiceWorkerGlobalScope>() || controller_of(global).is_some()
}

/// A response whose body the network brings: it is read no faster than it is used.
///
/// # Errors
/// If the script engine has no memory left.
pub(crate) fn arriving_response(
    cx: &mut JSContext,
    global: &GlobalScope,
) -> Fallible<DomRoot<Response>> {
    let arriving = Arc::new(ArrivingBody::default());
    let response = reflect(cx, global, Some(arriving.clone()))?;
    *response.internal().arriving.borrow_mut() = Some(arriving);
    Ok(response)
}

fn reflect(
    cx: &mut JSContext,
    global: &GlobalScope,
    source: Option<Arc<dyn BodySource>>,
) -> Fallible<DomRoot<Response>> {
    let body = match source {
        Some(source) => Some(NativeBody::stream_of(cx, global, source)?),
        None => None,
    };
    let (stream, native) = body.unzip();
    let response = Box::new(Response::new_inherited(stream.as_deref()));
    let response = reflect_dom_object(cx, response, global);
    *response.internal().native.borrow_mut() = native;
    Ok(response)
}

fn fill_head(cx: &mut JSContext, response: &Response, head: ResponseHead) {
    let mut visible = head.headers.clone();
    let response_type = match head.response_type {
        ResponseType::Basic => DOMResponseType::Basic,
        ResponseType::Cors => DOMResponseType::Cors,
        ResponseType::Default => DOMResponseType::Default,
        ResponseType::Opaque => DOMResponseType::Opaque,
        ResponseType::OpaqueRedirect => DOMResponseType::Opaqueredirect,
        ResponseType::Error(_) => DOMResponseType::Error,
    };
    if response_type == DOMResponseType::Cors {
        visible = visible
            .iter()
            .filter(|(name, _)| head.exposed_headers.iter().any(|it| it == name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
    }
    response.set_headers(cx, Some(Serde(visible)));
    response.set_status(&head.status);
    if let Some(url) = &head.url
        && response_type != DOMResponseType::Opaque
    {
        response.set_final_url(url.clone());
    }
    response.set_redirected(head.redirected && response_type != DOMResponseType::Opaque);
    response.set_type(cx, response_type);
    if matches!(
        response_type,
        DOMResponseType::Cors | DOMResponseType::Opaque | DOMResponseType::Opaqueredirect
    ) {
        *response.internal().head.borrow_mut() = Some(Box::new(head));
    }
}
