/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The `Request` of a `fetch` event, whose body is read from the page that has made it, when the worker asks for it.

use std::sync::Arc;

use bytes::Bytes;
use ipc_channel::ipc::{self, IpcSender};
use ipc_channel::router::ROUTER;
use js::realm::CurrentRealm;
use net_traits::request::{BodyChunkRequest, BodyChunkResponse, RequestBody, RequestBuilder};
use parking_lot::Mutex;

use crate::dom::bindings::root::DomRoot;
use crate::dom::globalscope::GlobalScope;
use crate::dom::request::Request;
use crate::dom::serviceworkers::bodyflow::{BodySource, Incomplete, NativeBody, WantedChunk};

/// The request of a `fetch` event.
///
/// <https://w3c.github.io/ServiceWorker/#create-fetch-event-and-dispatch>
pub(crate) fn request_object(
    cx: &mut CurrentRealm,
    global: &GlobalScope,
    request: RequestBuilder,
) -> DomRoot<Request> {
    let request = request.build();
    let stream = request.body.clone().and_then(|body| {
        let source = Arc::new(RequestBodySource::new(body));
        let (stream, _) = NativeBody::stream_of(cx, global, source).ok()?;
        Some(stream)
    });
    Request::of_fetch_event(cx, global, request, stream.as_deref())
}

/// Reads a body that another thread sends in answer to requests.
struct RequestBodySource {
    body: RequestBody,
    /// The body's other end, of our own: what sends the body to the network closes the body's when it has ended.
    other_end: Mutex<Option<IpcSender<BodyChunkRequest>>>,
    /// `None` before the first chunk is wanted, and after the end.
    chunks: Mutex<Option<IpcSender<BodyChunkRequest>>>,
    wanted: Arc<Mutex<Option<WantedChunk>>>,
}

impl RequestBodySource {
    fn new(body: RequestBody) -> Self {
        Self {
            other_end: Mutex::new(body.clone_stream().lock().clone()),
            body,
            chunks: Mutex::default(),
            wanted: Arc::default(),
        }
    }

    /// Where chunks are asked for. `None` if the body's other end is gone.
    fn connect(&self) -> Option<IpcSender<BodyChunkRequest>> {
        let mut chunks = self.chunks.lock();
        if let Some(chunks) = &*chunks {
            return Some(chunks.clone());
        }
        // The body itself may be sent to the network once more. That of a stream can't.
        let sender = match self.body.source_is_null() {
            true => self.body.clone_stream().lock().clone()?,
            false => {
                let (sender, port) = ipc::channel().ok()?;
                let other_end = self.other_end.lock();
                let extract = BodyChunkRequest::Extract(port);
                other_end.as_ref()?.send(extract).ok()?;
                sender
            }
        };
        let (bytes, port) = ipc::channel().ok()?;
        let (waiting, next) = (self.wanted.clone(), sender.clone());
        ROUTER.add_typed_route(
            port,
            Box::new(move |answer| {
                let wanted = waiting.lock().take();
                let Some(wanted) = wanted else {
                    return;
                };
                match answer {
                    // Nobody is told of it, so that nobody would ask for the next one.
                    Ok(BodyChunkResponse::Chunk(bytes)) if bytes.is_empty() => {
                        if next.send(BodyChunkRequest::Chunk).is_ok() {
                            *waiting.lock() = Some(wanted);
                        }
                    }
                    Ok(BodyChunkResponse::Chunk(bytes)) => {
                        wanted.chunk(Bytes::copy_from_slice(&bytes));
                    }
                    Ok(BodyChunkResponse::Done) => wanted.end(Ok(())),
                    Ok(BodyChunkResponse::Error) | Err(_) => wanted.end(Err(Incomplete)),
                }
            }),
        );
        sender.send(BodyChunkRequest::Connect(bytes)).ok()?;
        *chunks = Some(sender.clone());
        Some(sender)
    }
}

impl BodySource for RequestBodySource {
    fn pull(&self, wanted: WantedChunk) {
        *self.wanted.lock() = Some(wanted);
        let asked = self
            .connect()
            .is_some_and(|chunks| chunks.send(BodyChunkRequest::Chunk).is_ok());
        if !asked {
            // Dropped, it says that the body is not complete.
            self.wanted.lock().take();
        }
    }

    fn cancel(&self) {
        self.chunks.lock().take();
    }
}
