/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Bodies that are not a script's: who has them, who takes them, and how the one holds the other back.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use js::context::JSContext;
use parking_lot::Mutex;

use crate::dom::bindings::error::{Error, Fallible};
use crate::dom::bindings::refcounted::Trusted;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::{DomRoot, MutNullableDom};
use crate::dom::globalscope::GlobalScope;
use crate::dom::serviceworkers::bodyunderway::UnderWay;
use crate::dom::stream::readablestream::ReadableStream;
use crate::dom::stream::underlyingsourcecontainer::UnderlyingSourceType;
use crate::tasks::task_source::SendableTaskSource;

/// A body ended before it was complete.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Incomplete;

/// What a sink says to a chunk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wants {
    More,
    /// Nobody waits for the body any more.
    Nothing,
}

/// Takes a body, in any thread.
pub(crate) trait BodySink: Send + Sync {
    /// The next chunk. Dropping it is the permission to send more. Returns whether there is any use in more.
    fn chunk(&self, chunk: Bytes) -> Wants;

    /// There is no more. Called once, unless nothing more was wanted.
    fn end(&self, result: Result<(), Incomplete>);
}

/// Has a body.
pub(crate) trait BodySource: Send + Sync {
    /// The next chunk is wanted, or the news that there is none. Not called again before `wanted` was answered, which may be
    /// at once, if what is had at once is not long.
    fn pull(&self, wanted: WantedChunk);

    /// All of it, if that is had at once. Not for one that was pulled.
    fn take_whole(&self) -> Option<Bytes> {
        None
    }

    /// No more is wanted.
    fn cancel(&self);

    /// Calls `ended` once the end is known and all that comes before it was pulled: whoever has read that need not pull again
    /// to hear of it. A source that does not know its end before it is pulled has no use for this.
    fn when_ended(&self, _ended: Ended) {}
}

/// Hears of the end of a body, in any thread.
pub(crate) type Ended = Box<dyn FnOnce(Result<(), Incomplete>) + Send>;

/// Takes one chunk, in any thread. Dropped without one, it ends the body as one that is not complete.
pub(crate) struct WantedChunk {
    /// `None` once it is answered.
    by: Option<WantedBy>,
}

enum WantedBy {
    Stream {
        stream: Mutex<Trusted<ReadableStream>>,
        task_source: SendableTaskSource,
        is_pulling: Arc<AtomicBool>,
    },
    Sink(Relay),
}

impl WantedChunk {
    pub(crate) fn chunk(mut self, chunk: Bytes) {
        match self.by.take() {
            Some(WantedBy::Stream {
                stream,
                task_source,
                is_pulling,
            }) => {
                let stream = stream.into_inner();
                task_source.queue(task!(bring_body_chunk: move |cx| {
                    is_pulling.store(false, Ordering::Relaxed);
                    let stream = stream.root();
                    if stream.is_readable() {
                        stream.enqueue_native(cx, chunk.to_vec());
                    }
                }));
            }
            Some(WantedBy::Sink(relay)) => relay.pass_on(chunk),
            None => {}
        }
    }

    pub(crate) fn end(mut self, result: Result<(), Incomplete>) {
        self.give_end(result);
    }

    fn give_end(&mut self, result: Result<(), Incomplete>) {
        match self.by.take() {
            Some(WantedBy::Stream {
                stream,
                task_source,
                ..
            }) => end_stream(stream.into_inner(), &task_source, result),
            Some(WantedBy::Sink(relay)) => relay.sink.end(result),
            None => {}
        }
    }
}

/// In a task. A stream that has ended already stays as it is.
fn end_stream(
    stream: Trusted<ReadableStream>,
    task_source: &SendableTaskSource,
    result: Result<(), Incomplete>,
) {
    task_source.queue(task!(end_body: move |cx| {
        let stream = stream.root();
        match result {
            _ if !stream.is_readable() => {},
            Ok(()) => stream.controller_close_native(cx),
            Err(Incomplete) => {
                let error = Error::Type(c"the body is not complete".to_owned());
                stream.error_native(cx, error);
            },
        }
    }));
}

impl Drop for WantedChunk {
    fn drop(&mut self) {
        self.give_end(Err(Incomplete));
    }
}

/// Between a source and a sink, without a stream.
#[derive(Clone)]
struct Relay {
    source: Arc<dyn BodySource>,
    sink: Arc<dyn BodySink>,
    under_way: Arc<UnderWay>,
}

impl Relay {
    fn pull(self) {
        let source = self.source.clone();
        source.pull(WantedChunk {
            by: Some(WantedBy::Sink(self)),
        });
    }

    fn pass_on(self, chunk: Bytes) {
        if self.sink.chunk(self.under_way.send(chunk)) == Wants::Nothing {
            return self.source.cancel();
        }
        let under_way = self.under_way.clone();
        under_way.when_there_is_room(move || self.pull());
    }
}

/// The stream of a body that is not a script's.
#[derive(JSTraceable, MallocSizeOf)]
#[cfg_attr(crown, crown::unrooted_must_root_lint::must_root)]
pub(crate) struct NativeBody {
    stream: MutNullableDom<ReadableStream>,
    #[no_trace]
    #[ignore_malloc_size_of = "Arc"]
    source: Arc<dyn BodySource>,
    #[no_trace]
    #[ignore_malloc_size_of = "Arc"]
    is_pulling: Arc<AtomicBool>,
    has_begun: Cell<bool>,
}

impl NativeBody {
    /// A stream that reads from `source` when it is read itself.
    ///
    /// # Errors
    /// If the script engine has no memory left.
    pub(crate) fn stream_of(
        cx: &mut JSContext,
        global: &GlobalScope,
        source: Arc<dyn BodySource>,
    ) -> Fallible<(DomRoot<ReadableStream>, Rc<NativeBody>)> {
        let body = Rc::new(NativeBody {
            stream: MutNullableDom::default(),
            source,
            is_pulling: Arc::default(),
            has_begun: Cell::new(false),
        });
        let native = UnderlyingSourceType::Native(&body);
        let stream = ReadableStream::new_with_external_underlying_byte_source(cx, global, native)?;
        body.stream.set(Some(&stream));
        Ok((stream, body))
    }

    /// <https://streams.spec.whatwg.org/#dom-underlyingsource-pull>
    pub(crate) fn pull(&self) {
        let Some(stream) = self.stream.get() else {
            return;
        };
        let global = stream.global();
        let task_source = global.task_manager().networking_task_source().to_sendable();
        if !self.has_begun.replace(true) {
            let (stream, task_source) = (Trusted::new(&*stream), task_source.clone());
            self.source.when_ended(Box::new(move |result| {
                end_stream(stream, &task_source, result);
            }));
        }
        if self.is_pulling.swap(true, Ordering::Relaxed) {
            return;
        }
        self.source.pull(WantedChunk {
            by: Some(WantedBy::Stream {
                stream: Mutex::new(Trusted::new(&*stream)),
                task_source,
                is_pulling: self.is_pulling.clone(),
            }),
        });
    }

    /// <https://streams.spec.whatwg.org/#dom-underlyingsource-cancel>
    pub(crate) fn cancel(&self) {
        self.source.cancel();
    }

    /// Whether the stream has asked for anything.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun.get()
    }

    /// All of it, if that is had at once. Not for one that has begun.
    pub(crate) fn take_whole(&self) -> Option<Bytes> {
        let whole = self.source.take_whole();
        self.has_begun.set(whole.is_some());
        whole
    }

    /// Sends all of it to `sink`. Not for one that has begun.
    pub(crate) fn send_to(&self, sink: Arc<dyn BodySink>) {
        self.has_begun.set(true);
        let relay = Relay {
            source: self.source.clone(),
            sink,
            under_way: Arc::default(),
        };
        relay.pull();
    }
}
