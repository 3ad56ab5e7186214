/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Bodies that are not a script's: who has them, who takes them, and how the one holds the other back.

use std::cell::Cell;
use std::collections::VecDeque;
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
use crate::dom::stream::readablestream::ReadableStream;
use crate::dom::stream::underlyingsourcecontainer::UnderlyingSourceType;
use crate::tasks::task_source::SendableTaskSource;

/// So many bytes of one body are with its sink before more are sent.
pub(crate) const MAX_BYTES_UNDER_WAY: usize = 512 * 1024;

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

/// Holds what the network has brought until it is wanted.
#[derive(Default)]
pub(crate) struct ArrivingBody(Mutex<Arriving>);

#[derive(Default)]
struct Arriving {
    chunks: VecDeque<Bytes>,
    end: Option<Result<(), Incomplete>>,
    wanted: Option<WantedChunk>,
    is_cancelled: bool,
    /// Has the network send no more.
    give_up: Option<Resume>,
    /// Hears of the end without asking.
    ended: Option<Ended>,
}

impl ArrivingBody {
    /// Calls `give_up` once nobody wants the rest.
    pub(crate) fn when_cancelled(&self, give_up: impl FnOnce() + Send + 'static) {
        self.0.lock().give_up = Some(Box::new(give_up));
    }

    pub(crate) fn push(&self, chunk: Bytes) {
        let wanted = {
            let mut arriving = self.0.lock();
            if arriving.is_cancelled {
                return;
            }
            match arriving.wanted.take() {
                Some(wanted) => wanted,
                None => return arriving.chunks.push_back(chunk),
            }
        };
        wanted.chunk(chunk);
    }

    pub(crate) fn end(&self, result: Result<(), Incomplete>) {
        let (wanted, ended) = {
            let mut arriving = self.0.lock();
            arriving.end = Some(result);
            arriving.give_up = None;
            let ended = match arriving.chunks.is_empty() {
                true => arriving.ended.take(),
                false => None,
            };
            (arriving.wanted.take(), ended)
        };
        if let Some(wanted) = wanted {
            wanted.end(result);
        }
        if let Some(ended) = ended {
            ended(result);
        }
    }
}

impl BodySource for ArrivingBody {
    fn pull(&self, wanted: WantedChunk) {
        let (chunk, end, ended) = {
            let mut arriving = self.0.lock();
            match (arriving.chunks.pop_front(), arriving.end) {
                (None, None) => {
                    arriving.wanted = Some(wanted);
                    return;
                }
                (chunk, end) => {
                    let is_last = end.is_some() && arriving.chunks.is_empty();
                    let ended = arriving.ended.take_if(|_| is_last);
                    (chunk, end, ended)
                }
            }
        };
        let end = end.unwrap_or(Err(Incomplete));
        match chunk {
            Some(chunk) => wanted.chunk(chunk),
            None => wanted.end(end),
        }
        if let Some(ended) = ended {
            ended(end);
        }
    }

    fn when_ended(&self, ended: Ended) {
        self.0.lock().ended = Some(ended);
    }

    fn cancel(&self) {
        let give_up = {
            let mut arriving = self.0.lock();
            arriving.is_cancelled = true;
            arriving.chunks.clear();
            arriving.give_up.take()
        };
        if let Some(give_up) = give_up {
            give_up();
        }
    }
}

type Resume = Box<dyn FnOnce() + Send>;

/// What the sink of a body has not dropped yet.
#[derive(Default)]
pub(crate) struct UnderWay(Mutex<Amount>);

#[derive(Default)]
struct Amount {
    bytes: usize,
    /// Sends more.
    waiting: Option<Resume>,
}

impl UnderWay {
    /// Counts a chunk until it is dropped.
    pub(crate) fn send(self: &Arc<Self>, chunk: Bytes) -> Bytes {
        self.0.lock().bytes += chunk.len();
        Bytes::from_owner(ChunkUnderWay {
            chunk,
            under_way: self.clone(),
        })
    }

    pub(crate) fn has_room(&self) -> bool {
        self.0.lock().bytes < MAX_BYTES_UNDER_WAY
    }

    /// Calls `resume`, now or later, in any thread.
    pub(crate) fn when_there_is_room(&self, resume: impl FnOnce() + Send + 'static) {
        {
            let mut amount = self.0.lock();
            if amount.bytes >= MAX_BYTES_UNDER_WAY {
                amount.waiting = Some(Box::new(resume));
                return;
            }
        }
        resume();
    }

    fn is_used(&self, bytes: usize) {
        let waiting = {
            let mut amount = self.0.lock();
            amount.bytes = amount.bytes.saturating_sub(bytes);
            match amount.bytes < MAX_BYTES_UNDER_WAY {
                true => amount.waiting.take(),
                false => None,
            }
        };
        if let Some(resume) = waiting {
            resume();
        }
    }
}

/// A chunk that counts.
struct ChunkUnderWay {
    chunk: Bytes,
    under_way: Arc<UnderWay>,
}

impl AsRef<[u8]> for ChunkUnderWay {
    fn as_ref(&self) -> &[u8] {
        &self.chunk
    }
}

impl Drop for ChunkUnderWay {
    fn drop(&mut self) {
        self.under_way.is_used(self.chunk.len());
    }
}
