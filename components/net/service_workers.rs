/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The network's side of `fetch` events: which requests go to a service worker, and what becomes of its answer.
//!
//! <https://w3c.github.io/ServiceWorker/#handle-fetch>

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use content_security_policy::Destination;
use http::header::LOCATION;
use net_traits::NetworkError;
use net_traits::request::{
    CacheMode, InternalRequest, Origin, RedirectMode, Request, RequestBody, RequestBuilder,
    RequestId, RequestMode, ServiceWorkersMode,
};
use net_traits::response::{Response, ResponseBody, ResponseType};
use net_traits::service_workers::{FetchAnswer, FetchToHandle, FromNetwork, HasBody, ResponseHead};
use parking_lot::{Mutex, RwLock};
use servo_base::generic_channel::{GenericCallback, GenericSender};
use servo_url::{ImmutableOrigin, ServoUrl};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::async_runtime::spawn_task;
use crate::fetch::methods::{CancellationListener, Data, DoneChannel, FetchContext};

type Manager = GenericSender<FromNetwork>;

/// What comes from a worker.
struct Answers {
    receiver: UnboundedReceiver<FetchAnswer>,
    /// Whether the worker has fired the event. Nobody else is to answer then.
    is_dispatched: Arc<AtomicBool>,
}

/// The service worker managers of this browser.
#[derive(Clone, Default)]
pub struct ServiceWorkerManagers(Arc<RwLock<HashMap<ImmutableOrigin, Manager>>>);

impl ServiceWorkerManagers {
    /// The manager of `origin`, in the place of one that was there before.
    pub(crate) fn insert(&self, origin: ImmutableOrigin, manager: Manager) {
        self.0.write().insert(origin, manager);
    }

    /// Whether a worker is asked about `request` before the network is. The client knows its controller, so most
    /// requests need no look at the managers.
    pub(crate) fn are_asked(&self, request: &Request) -> bool {
        scope_of_controller(request)
            .is_some_and(|scope| self.0.read().contains_key(&scope.origin()))
    }
}

/// <https://w3c.github.io/ServiceWorker/#handle-fetch>, steps 11 to 17, but for those that its client has done.
fn scope_of_controller(request: &Request) -> Option<&ServoUrl> {
    let client = request.client.as_ref()?;
    let scope_url = client.controller.as_ref()?;
    if request.service_workers_mode == ServiceWorkersMode::None {
        return None;
    }
    // A document that is sandboxed into an origin of its own has no worker.
    let is_of_origin = client.origin == Origin::Origin(scope_url.origin());
    if request.mode != RequestMode::Navigate && !is_of_origin {
        return None;
    }
    let is_handled = match request.destination {
        Destination::Embed | Destination::Object => false,
        // Of these the specification's list for scripts knows nothing.
        Destination::ServiceWorker | Destination::AudioWorklet | Destination::PaintWorklet => false,
        _ => true,
    };
    let has_scheme = matches!(request.current_url().scheme(), "http" | "https");
    let is_websocket = matches!(request.mode, RequestMode::WebSocket { .. });
    let is_internal = request.is_internal_request == InternalRequest::Yes;
    (is_handled && has_scheme && !is_websocket && !is_internal).then_some(scope_url)
}

/// Asks the worker that controls the client of `request`. `None` if the network is to answer.
///
/// <https://w3c.github.io/ServiceWorker/#handle-fetch>
pub(crate) async fn handle_fetch(
    request: &mut Request,
    done_chan: &mut DoneChannel,
    context: &FetchContext,
) -> Option<Response> {
    let scope_url = scope_of_controller(request)?.clone();
    let manager = {
        let managers = context.state.service_workers.0.read();
        managers.get(&scope_url.origin())?.clone()
    };
    let (sender, receiver) = unbounded_channel();
    let mut answers = Answers {
        receiver,
        is_dispatched: Arc::default(),
    };
    let is_dispatched = answers.is_dispatched.clone();
    let answer = GenericCallback::new(move |answer| match answer {
        // Whoever waits is not woken for what it need not do anything about yet.
        Ok(FetchAnswer::Dispatched) => is_dispatched.store(true, Ordering::Relaxed),
        Ok(answer) => {
            // An error means that the fetch was cancelled.
            let _ = sender.send(answer);
        }
        Err(_) => {}
    });
    let parts = parts_of(request);
    let id = parts.id;
    let fetch = FromNetwork::Fetch(Box::new(FetchToHandle {
        scope_url,
        request: parts,
        answer: answer.ok()?,
    }));
    manager.send(fetch).ok()?;
    let asked = Asked {
        manager: Some(manager),
        id,
    };
    match wait_for_head(&mut answers, &context.cancellation_listener).await {
        Head::Fallback => {
            asked.is_over();
            None
        }
        Head::Failed => {
            asked.is_over();
            Some(Response::network_error(NetworkError::ConnectionFailure))
        }
        Head::Cancelled => Some(Response::network_error(NetworkError::LoadCancelled)),
        Head::Response(head, has_body) => {
            let response = response_of(request, *head, context);
            match has_body {
                HasBody::No => asked.is_over(),
                HasBody::Yes => {
                    receive_body(request, &response, answers, asked, done_chan, context)
                }
            }
            Some(response)
        }
        Head::ShortResponse(head, body) => {
            asked.is_over();
            let response = response_of(request, *head, context);
            if !response.is_network_error() {
                *response.actual_response().body.lock() = ResponseBody::Done(body.into());
            }
            Some(response)
        }
    }
}

/// Tells the worker when nobody waits for its answer any more.
struct Asked {
    /// `None` once it is over.
    manager: Option<Manager>,
    id: RequestId,
}

impl Asked {
    fn is_over(mut self) {
        self.manager = None;
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(manager) = self.manager.take() {
            // An error means that the manager is gone, and its workers with it.
            let _ = manager.send(FromNetwork::Cancelled(self.id));
        }
    }
}

/// How an answer begins.
enum Head {
    Fallback,
    Failed,
    Cancelled,
    Response(Box<ResponseHead>, HasBody),
    ShortResponse(Box<ResponseHead>, Bytes),
}

async fn wait_for_head(answers: &mut Answers, cancellation: &CancellationListener) -> Head {
    let Some(answer) = next_answer(answers, cancellation).await else {
        return Head::Cancelled;
    };
    match answer {
        Some(FetchAnswer::Response(head, has_body)) => Head::Response(head, has_body),
        Some(FetchAnswer::ShortResponse(head, body)) => Head::ShortResponse(head, body),
        Some(FetchAnswer::Fallback) => Head::Fallback,
        // Nobody had the event, or whoever had it is gone.
        None if !answers.is_dispatched.load(Ordering::Relaxed) => Head::Fallback,
        None
        | Some(
            FetchAnswer::Dispatched
            | FetchAnswer::Failed
            | FetchAnswer::Chunk(_)
            | FetchAnswer::End,
        ) => Head::Failed,
    }
}

/// `None` if nobody waits for it any more.
async fn next_answer(
    answers: &mut Answers,
    cancellation: &CancellationListener,
) -> Option<Option<FetchAnswer>> {
    while !cancellation.cancelled() {
        tokio::select! {
            answer = answers.receiver.recv() => return Some(answer),
            () = cancellation.is_cancelled_now.notified() => {},
        }
    }
    None
}

/// What a worker may see of `request`.
fn parts_of(request: &mut Request) -> RequestBuilder {
    let url = request.current_url_with_blob_claim();
    let mut parts = RequestBuilder::new(request.target_webview_id, url, request.referrer.clone())
        .method(request.method.clone())
        .headers(request.headers.clone())
        .body(body_for_worker(request.body.as_mut()))
        .destination(request.destination)
        .mode(request.mode.clone())
        .cache_mode(match request.reload_navigation {
            true => CacheMode::NoCache,
            false => request.cache_mode,
        })
        .credentials_mode(request.credentials_mode)
        .keep_alive(request.keep_alive)
        .referrer_policy(request.referrer_policy)
        .redirect_mode(request.redirect_mode)
        .integrity_metadata(request.integrity_metadata.clone())
        .pipeline_id(request.pipeline_id)
        .service_workers_mode(ServiceWorkersMode::None);
    // For the preload of a navigation, which is its client's as well.
    if request.mode == RequestMode::Navigate {
        parts.client = request.client.clone();
        parts.use_url_credentials = request.use_url_credentials;
    }
    // Of this event alone: after a redirect the same request is asked about again, perhaps before the first event is over.
    parts.id = RequestId::default();
    parts.reload_navigation = request.reload_navigation;
    parts.history_navigation = request.history_navigation;
    parts
}

/// The worker reads a body of its own, so that the network can still send it. What comes from a stream is there once.
fn body_for_worker(body: Option<&mut RequestBody>) -> Option<RequestBody> {
    let body = body?;
    Some(match body.source_is_null() {
        true => body.clone(),
        false => body.extract_another().unwrap_or_else(|| body.clone()),
    })
}

/// <https://fetch.spec.whatwg.org/#concept-http-fetch>, step 3.2.3
fn is_refused(request: &Request, head: &ResponseHead) -> bool {
    match head.response_type {
        ResponseType::Error(_) => return true,
        ResponseType::Opaque if request.mode != RequestMode::NoCors => return true,
        ResponseType::Cors if request.mode == RequestMode::SameOrigin => return true,
        ResponseType::OpaqueRedirect if request.redirect_mode != RedirectMode::Manual => {
            return true;
        }
        _ => {}
    }
    if request.redirect_mode == RedirectMode::Follow {
        return is_redirect_to_nowhere(head);
    }
    head.redirected
}

/// A response that a script has made has no URL which a relative one could start from.
///
/// <https://fetch.spec.whatwg.org/#concept-response-location-url>
fn is_redirect_to_nowhere(head: &ResponseHead) -> bool {
    let is_redirect = matches!(
        head.status.try_code().map(|it| it.as_u16()),
        Some(301..=303 | 307 | 308)
    );
    let location = head.headers.get(LOCATION).and_then(|it| it.to_str().ok());
    head.url.is_none() && is_redirect && location.is_some_and(|it| ServoUrl::parse(it).is_err())
}

fn response_of(request: &Request, head: ResponseHead, context: &FetchContext) -> Response {
    if is_refused(request, &head) {
        return Response::network_error(NetworkError::ConnectionFailure);
    }
    let is_navigation = request.mode == RequestMode::Navigate;
    // A document has the URL that was asked for, whoever has answered; where a redirect leads is for the answer to say.
    let is_redirect = head.response_type == ResponseType::OpaqueRedirect;
    let url = match head.url {
        Some(url) if !is_navigation || is_redirect => url,
        _ => request.current_url(),
    };
    let mut response = Response::new(url.clone(), context.timing.inner().clone());
    response.url_list = match head.redirected {
        true => vec![request.current_url(), url],
        false => Vec::new(),
    };
    response.status = head.status;
    response.headers = head.headers;
    response.referrer = request.referrer.to_url().cloned();
    response.referrer_policy = request.referrer_policy;
    response.cors_exposed_header_name_list = head.exposed_headers;
    match head.response_type {
        // Goes on as if the network had answered, or redirected it.
        ResponseType::Default | ResponseType::OpaqueRedirect if is_navigation => response,
        // Nobody can have told the worker more than its own origin may know.
        ResponseType::Default | ResponseType::Error(_) => response.to_filtered(ResponseType::Basic),
        filtered => response.to_filtered(filtered),
    }
}

/// Has the body arrive where one from the network does.
fn receive_body(
    request: &Request,
    response: &Response,
    answers: Answers,
    asked: Asked,
    done_chan: &mut DoneChannel,
    context: &FetchContext,
) {
    if response.is_network_error() {
        return;
    }
    let (sender, receiver) = unbounded_channel();
    *done_chan = Some((sender.clone(), receiver));
    // What is looked at as a whole before anybody gets it.
    let is_kept = !request.integrity_metadata.is_empty() || request.preload_id.is_some();
    let body = response.actual_response().body.clone();
    *body.lock() = ResponseBody::Receiving(Vec::new());
    let incoming = IncomingBody {
        answers,
        asked,
        sender,
        is_kept,
        body,
        cancellation: context.cancellation_listener.clone(),
    };
    spawn_task(incoming.receive());
}

struct IncomingBody {
    answers: Answers,
    asked: Asked,
    sender: UnboundedSender<Data>,
    is_kept: bool,
    body: servo_arc::Arc<Mutex<ResponseBody>>,
    cancellation: Arc<CancellationListener>,
}

impl IncomingBody {
    async fn receive(mut self) {
        let end = loop {
            let Some(answer) = next_answer(&mut self.answers, &self.cancellation).await else {
                break Data::Cancelled;
            };
            match answer {
                Some(FetchAnswer::Chunk(chunk)) => {
                    if let ResponseBody::Receiving(kept) = &mut *self.body.lock()
                        && self.is_kept
                    {
                        kept.extend_from_slice(&chunk);
                    }
                    if self.sender.send(Data::Payload(chunk)).is_err() {
                        break Data::Cancelled;
                    }
                }
                Some(FetchAnswer::End) => break Data::Done,
                _ => break Data::Error(NetworkError::ConnectionFailure),
            }
        };
        let mut body = self.body.lock();
        let received = match &mut *body {
            ResponseBody::Receiving(kept) => mem::take(kept),
            _ => Vec::new(),
        };
        *body = ResponseBody::Done(received);
        drop(body);
        if !matches!(end, Data::Cancelled) {
            self.asked.is_over();
        }
        let _ = self.sender.send(end);
    }
}
