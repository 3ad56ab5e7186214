/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Bodies that the network brings.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::dom::serviceworkers::bodyflow::{BodySource, Ended, Incomplete, WantedChunk};

/// Holds what the network has brought until it is wanted.
#[derive(Default)]
pub(crate) struct ArrivingBody(Mutex<Arriving>);

type GiveUp = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Arriving {
    chunks: VecDeque<Bytes>,
    end: Option<Result<(), Incomplete>>,
    wanted: Option<WantedChunk>,
    is_cancelled: bool,
    /// Has the network send no more.
    give_up: Option<GiveUp>,
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
