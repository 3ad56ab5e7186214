/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Bodies that must not be in memory as a whole.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use headers::{ContentLength, HeaderMapExt};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use net_traits::request::{Destination, Request};
use tokio::sync::Notify;

/// A longer body, in bytes, is neither collected nor kept in the HTTP cache.
const MAX_KEPT_BYTES: u64 = 8 * 1024 * 1024;

/// So many bytes of one body wait for the script that fetches it, before more are read from the network.
const MAX_WAITING_BYTES: usize = 1024 * 1024;

/// Whether a response says that its body is so long. Those that do not say their length are kept.
pub(crate) fn is_long(headers: &HeaderMap) -> bool {
    headers
        .typed_get::<ContentLength>()
        .is_some_and(|length| length.0 > MAX_KEPT_BYTES)
}

/// Whether the body is collected while it passes: it is checked afterwards, or kept.
pub(crate) fn is_collected(request: &Request, headers: &HeaderMap) -> bool {
    !is_long(headers) || !request.integrity_metadata.is_empty()
}

/// Whether a body that ends with an error is not complete. If its end is that of the connection, many servers don't say
/// goodbye.
pub(crate) fn says_its_end(headers: &HeaderMap) -> bool {
    headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING)
}

/// Holds the network back while the chunks of a body wait for somebody to use them. In one process, chunks count until
/// they are dropped; on their way to another one they don't.
#[derive(Clone)]
pub(crate) struct Pace(Option<Arc<Waiting>>);

#[derive(Default)]
struct Waiting {
    bytes: AtomicUsize,
    used: Notify,
}

impl Pace {
    /// Only what a script fetches by itself: others may hold on to all chunks until the last one is there.
    pub(crate) fn of(request: &Request) -> Self {
        Self((request.destination == Destination::None).then(Arc::default))
    }

    /// The chunk counts from now on.
    pub(crate) fn count(&self, chunk: Bytes) -> Bytes {
        let Some(waiting) = &self.0 else {
            return chunk;
        };
        waiting.bytes.fetch_add(chunk.len(), Ordering::Relaxed);
        Bytes::from_owner(WaitingChunk {
            chunk,
            waiting: waiting.clone(),
        })
    }

    /// The value, once there is room for more.
    pub(crate) fn when_there_is_room<T: Send + 'static>(
        &self,
        value: T,
    ) -> Pin<Box<dyn Future<Output = T> + Send>> {
        let waiting = self.0.clone();
        Box::pin(async move {
            if let Some(waiting) = waiting {
                while waiting.bytes.load(Ordering::Relaxed) >= MAX_WAITING_BYTES {
                    waiting.used.notified().await;
                }
            }
            value
        })
    }
}

struct WaitingChunk {
    chunk: Bytes,
    waiting: Arc<Waiting>,
}

impl AsRef<[u8]> for WaitingChunk {
    fn as_ref(&self) -> &[u8] {
        &self.chunk
    }
}

impl Drop for WaitingChunk {
    fn drop(&mut self) {
        self.waiting.bytes.fetch_sub(self.chunk.len(), Ordering::Relaxed);
        self.waiting.used.notify_one();
    }
}
