/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! How much of a body is on its way to its sink. A slow sink holds the source back.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

/// So many bytes of one body are with its sink before more are sent.
pub(crate) const MAX_BYTES_UNDER_WAY: usize = 512 * 1024;

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
