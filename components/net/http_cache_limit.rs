/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Bounds what the HTTP cache holds in memory. The cache itself counts addresses, 5,000 of them, whatever their bodies
//! weigh: a page that shows pictures of three megabytes would fill fifteen gigabytes with them.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use net_traits::response::{Response, ResponseBody};

use crate::http_cache::{CacheEntry, CacheKey, CachedResource, HttpCache};

/// What the bodies of one cache may weigh together, in bytes.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// What is left of them when it was more, so that not each response makes it look again.
const BYTES_LEFT: usize = MAX_BYTES / 4 * 3;
/// After so many bytes of new bodies the cache is looked at again. It may hold so much more for a moment.
const BYTES_BETWEEN_LOOKS: usize = 4 * 1024 * 1024;

/// The new bodies since then.
static NEW_BYTES: AtomicUsize = AtomicUsize::new(0);

/// To be called when all of a response has arrived, whether it is in the cache or not.
pub(crate) fn response_ended(cache: &HttpCache, response: &Response) {
    let bytes = match &*response.actual_response().body.lock() {
        ResponseBody::Done(body) => body.len(),
        ResponseBody::Empty | ResponseBody::Receiving(_) => 0,
    };
    if NEW_BYTES.fetch_add(bytes, Ordering::Relaxed) + bytes >= BYTES_BETWEEN_LOOKS {
        NEW_BYTES.store(0, Ordering::Relaxed);
        evict(cache);
    }
}

/// What is kept for one address.
struct Kept {
    key: CacheKey,
    bytes: usize,
    validated: SystemTime,
}

/// Lets go of what was fetched longest ago.
fn evict(cache: &HttpCache) {
    let mut all: Vec<Kept> = Vec::new();
    for (key, entry) in cache.entries.iter() {
        // One that is being written to is new. One that is still arriving stays: others may wait for its body.
        let Ok(resources) = entry.try_read() else {
            continue;
        };
        if !are_done(&resources) {
            continue;
        }
        let validated = resources
            .iter()
            .map(|resource| resource.last_validated)
            .max();
        all.push(Kept {
            key,
            bytes: resources.iter().map(body_bytes).sum(),
            validated: validated.unwrap_or(SystemTime::UNIX_EPOCH),
        });
    }
    let mut bytes: usize = all.iter().map(|kept| kept.bytes).sum();
    if bytes <= MAX_BYTES {
        return;
    }
    all.sort_by_key(|kept| Reverse(kept.validated));
    while bytes > BYTES_LEFT
        && let Some(oldest) = all.pop()
    {
        // What has begun to arrive since then stays as well.
        let is_done = |entry: &CacheEntry| entry.try_read().is_ok_and(|it| are_done(&it));
        if cache.entries.remove_if(&oldest.key, is_done).is_some() {
            bytes -= oldest.bytes;
        }
    }
}

fn are_done(resources: &[CachedResource]) -> bool {
    resources.iter().all(CachedResource::is_done)
}

/// A body that is still arriving counts when it has ended.
fn body_bytes(resource: &CachedResource) -> usize {
    match &*resource.body.lock() {
        ResponseBody::Done(body) => body.len(),
        ResponseBody::Empty | ResponseBody::Receiving(_) => 0,
    }
}
