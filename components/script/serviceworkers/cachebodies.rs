/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Bodies on their way to and from the thread of the Cache API. They pass through no script.

use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use js::context::JSContext;
use parking_lot::Mutex;
use storage_traits::cache_storage::{
    CacheCall, CacheError, CacheReply, FoundBody, FoundResponse, MAX_APPENDED_BYTES, ReadBody,
    WrittenBody,
};

use crate::dom::bindings::error::Fallible;
use crate::dom::bindings::root::DomRoot;
use crate::dom::globalscope::GlobalScope;
use crate::dom::response::Response;
use crate::dom::serviceworkers::bodyflow::{BodySink, BodySource, Incomplete, WantedChunk, Wants};
use crate::dom::serviceworkers::cachecalls::OriginCaches;
use crate::dom::serviceworkers::cacheheads::from_stored_head;
use crate::dom::serviceworkers::responseparts::new_response;

/// Why a body was not written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Unwritten {
    /// It was not complete.
    Incomplete,
    Refused(CacheError),
}

/// A body in the hands of the thread, to be named in a batch. Dropped without that, it is removed.
pub(crate) struct WrittenByScript {
    caches: OriginCaches,
    name: Option<WrittenBody>,
}

impl WrittenByScript {
    /// The batch has it.
    pub(crate) fn take(mut self) -> Option<WrittenBody> {
        self.name.take()
    }
}

impl Drop for WrittenByScript {
    fn drop(&mut self) {
        if let Some(body) = self.name.take() {
            self.caches.tell(CacheCall::Abandon { body });
        }
    }
}

type Written = Box<dyn FnOnce(Result<WrittenByScript, Unwritten>) + Send>;

/// Has a body written. Chunks are held until they are with the medium, which holds back who sends them.
pub(crate) struct CacheWriter {
    caches: OriginCaches,
    name: WrittenBody,
    progress: Arc<Mutex<Progress>>,
}

struct Progress {
    /// How many appends were not answered.
    unanswered: usize,
    error: Option<CacheError>,
    end: Option<Result<(), Incomplete>>,
    /// `None` once it was called.
    written: Option<Written>,
}

impl CacheWriter {
    /// `written` hears of the end, in any thread.
    pub(crate) fn new(
        caches: &OriginCaches,
        written: impl FnOnce(Result<WrittenByScript, Unwritten>) + Send + 'static,
    ) -> Self {
        let progress = Progress {
            unanswered: 0,
            error: None,
            end: None,
            written: Some(Box::new(written)),
        };
        let writer = Self {
            caches: caches.clone(),
            name: WrittenBody::new(),
            progress: Arc::new(Mutex::new(progress)),
        };
        // There is a body, even if nothing comes.
        writer.append(Bytes::new(), 0..0);
        writer
    }

    fn append(&self, chunk: Bytes, range: std::ops::Range<usize>) {
        self.progress.lock().unanswered += 1;
        let bytes = chunk[range].to_vec();
        let (body, progress) = (self.name, self.progress.clone());
        let caches = self.caches.clone();
        self.caches.ask(
            move |callback| CacheCall::Append {
                body,
                bytes,
                callback,
            },
            move |answer| {
                // The permission to send more.
                drop(chunk);
                let mut progress = progress.lock();
                progress.unanswered -= 1;
                if let Err(error) = answer {
                    progress.error.get_or_insert(error);
                }
                Progress::settle(progress, caches, body);
            },
        );
    }
}

impl Progress {
    /// Tells of the end once nothing is under way.
    fn settle(
        mut progress: parking_lot::MutexGuard<'_, Self>,
        caches: OriginCaches,
        name: WrittenBody,
    ) {
        let result = match (progress.end, progress.error) {
            (None, _) => return,
            (Some(_), Some(error)) => Err(Unwritten::Refused(error)),
            (Some(Err(Incomplete)), None) => Err(Unwritten::Incomplete),
            (Some(Ok(())), None) => Ok(()),
        };
        if progress.unanswered > 0 {
            return;
        }
        let Some(written) = progress.written.take() else {
            return;
        };
        drop(progress);
        let body = WrittenByScript {
            caches,
            name: Some(name),
        };
        written(result.map(|()| body));
    }
}

impl BodySink for CacheWriter {
    fn chunk(&self, chunk: Bytes) -> Wants {
        // The rest of a body that was refused is of no use.
        if self.progress.lock().error.is_some() {
            self.end(Ok(()));
            return Wants::Nothing;
        }
        let mut start = 0;
        while start < chunk.len() {
            let end = chunk.len().min(start + MAX_APPENDED_BYTES);
            self.append(chunk.clone(), start..end);
            start = end;
        }
        Wants::More
    }

    fn end(&self, result: Result<(), Incomplete>) {
        let mut progress = self.progress.lock();
        progress.end = Some(result);
        Progress::settle(progress, self.caches.clone(), self.name);
    }
}

/// A stored body.
struct CacheReader {
    caches: OriginCaches,
    body: ReadBody,
}

impl BodySource for CacheReader {
    fn pull(&self, wanted: WantedChunk) {
        let body = self.body;
        self.caches.ask(
            move |callback| CacheCall::Read { body, callback },
            move |answer| match answer {
                Ok(CacheReply::Chunk(Some(bytes))) => wanted.chunk(bytes.into()),
                Ok(CacheReply::Chunk(None)) => wanted.end(Ok(())),
                _ => wanted.end(Err(Incomplete)),
            },
        );
    }

    fn cancel(&self) {
        self.caches.tell(CacheCall::Close { body: self.body });
    }
}

impl Drop for CacheReader {
    fn drop(&mut self) {
        self.caches.tell(CacheCall::Close { body: self.body });
    }
}

/// A stored body that has come as a whole: it answers at once, which is two calls deep at most.
struct ShortBody(Mutex<Vec<u8>>);

impl BodySource for ShortBody {
    fn pull(&self, wanted: WantedChunk) {
        let bytes = mem::take(&mut *self.0.lock());
        match bytes.is_empty() {
            true => wanted.end(Ok(())),
            false => wanted.chunk(bytes.into()),
        }
    }

    fn take_whole(&self) -> Option<Bytes> {
        Some(mem::take(&mut *self.0.lock()).into())
    }

    fn cancel(&self) {
        self.0.lock().clear();
    }
}

/// A `Response` for one that was stored.
///
/// # Errors
/// If the script engine has no memory left.
pub(crate) fn to_response(
    cx: &mut JSContext,
    global: &GlobalScope,
    caches: &OriginCaches,
    found: FoundResponse,
) -> Fallible<DomRoot<Response>> {
    let source: Option<Arc<dyn BodySource>> = match found.body {
        FoundBody::None => None,
        FoundBody::Bytes(bytes) => Some(Arc::new(ShortBody(Mutex::new(bytes)))),
        FoundBody::Stored(body) => Some(Arc::new(CacheReader {
            caches: caches.clone(),
            body,
        })),
    };
    new_response(cx, global, from_stored_head(&found.head), source)
}
