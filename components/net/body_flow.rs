/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Bodies of what service workers and their clients fetch: they may be passed on, however long they are, so they are not
//! kept as a whole, and are read from the network only as fast as they are used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use net_traits::NetworkError;
use net_traits::request::{Destination, Request, RequestMode, ServiceWorkersMode};
use net_traits::response::Response;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::fetch::methods::Data;

/// So many bytes of one body are under way before more are read.
const MAX_BYTES_UNDER_WAY: usize = 1024 * 1024;

/// A body that is longer is not kept for the HTTP cache.
const MAX_KEPT_BYTES: usize = 1024 * 1024;

/// Whoever holds on to what it was given for so long gets one more chunk all the same: to be slow is better than to wait for
/// each other.
const PATIENCE: Duration = Duration::from_secs(1);

/// How the body of one response is read.
#[derive(Clone)]
pub(crate) struct BodyFlow {
    /// `None` for the others.
    under_way: Option<Arc<UnderWay>>,
    /// Of the response: whether it is of no use to the HTTP cache.
    is_incomplete: servo_arc::Arc<AtomicBool>,
    /// Whether the body has an end other than that of its connection, before which many servers don't say goodbye.
    says_its_end: bool,
}

impl BodyFlow {
    pub(crate) fn of(request: &Request, response: &Response) -> Self {
        let headers = &response.headers;
        let has_worker = request
            .client
            .as_ref()
            .is_some_and(|it| it.controller.is_some());
        // `fetch()` of a worker, its navigation preloads, and what pages fetch that theirs has left to the network. They drop
        // what they have used.
        let is_held = has_worker
            && request.service_workers_mode == ServiceWorkersMode::None
            && (request.destination == Destination::None || request.mode == RequestMode::Navigate);
        Self {
            under_way: is_held.then(Arc::default),
            is_incomplete: response.aborted.clone(),
            says_its_end: headers.contains_key(CONTENT_LENGTH)
                || headers.contains_key(TRANSFER_ENCODING),
        }
    }

    /// How much room to make for a body of so many bytes.
    pub(crate) fn capacity(&self, bytes: usize) -> usize {
        match self.under_way {
            Some(_) if bytes > MAX_KEPT_BYTES => 0,
            _ => bytes,
        }
    }

    /// Waits until there is room for `chunk`, and counts it until it is dropped.
    pub(crate) async fn wait_for_room(self, chunk: Bytes) -> std::io::Result<Bytes> {
        let Some(under_way) = self.under_way else {
            return Ok(chunk);
        };
        while under_way.bytes.load(Ordering::Relaxed) >= MAX_BYTES_UNDER_WAY {
            if timeout(PATIENCE, under_way.used.notified()).await.is_err() {
                break;
            }
        }
        under_way.bytes.fetch_add(chunk.len(), Ordering::Relaxed);
        Ok(Bytes::from_owner(ChunkUnderWay { chunk, under_way }))
    }

    /// The connection has failed: the body is not complete, and whoever passes it on must know.
    pub(crate) fn end_of_failed(&self) -> Data {
        match self.under_way {
            Some(_) if self.says_its_end => {
                self.is_incomplete.store(true, Ordering::Release);
                Data::Error(NetworkError::ConnectionFailure)
            }
            _ => Data::Done,
        }
    }

    /// Keeps `chunk` for the HTTP cache, unless the body is too long for that.
    pub(crate) fn keep(&self, kept: &mut Vec<u8>, chunk: &[u8]) {
        if self.under_way.is_none() {
            return kept.extend_from_slice(chunk);
        }
        if self.is_incomplete.load(Ordering::Relaxed) {
            return;
        }
        if kept.len() + chunk.len() > MAX_KEPT_BYTES {
            self.is_incomplete.store(true, Ordering::Release);
            *kept = Vec::new();
        } else {
            kept.extend_from_slice(chunk);
        }
    }
}

#[derive(Default)]
struct UnderWay {
    bytes: AtomicUsize,
    used: Notify,
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
        let UnderWay { bytes, used } = &*self.under_way;
        bytes.fetch_sub(self.chunk.len(), Ordering::Relaxed);
        used.notify_one();
    }
}
