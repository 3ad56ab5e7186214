/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The `fetch` events that a worker's thread was given and that are not over.

use std::collections::HashMap;
use std::mem;
use std::time::Instant;

use net_traits::request::RequestId;
use net_traits::service_workers::FetchAnswer;
use servo_base::generic_channel::GenericCallback;

use crate::dom::serviceworkers::fetchanswer::{AnswerState, send_answer};
use crate::dom::serviceworkers::manager::limits::step_limit;
use crate::dom::serviceworkers::workerthread::EventsInHand;

#[derive(Default)]
pub(super) struct FetchesInHand(HashMap<RequestId, FetchInHand>);

/// A `fetch` event that is not over, or whose answer is not.
struct FetchInHand {
    answer: GenericCallback<FetchAnswer>,
    state: AnswerState,
    /// When the worker got on with it last.
    since: Instant,
}

impl FetchesInHand {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When the worker has had enough time for one of them.
    pub(super) fn limit(&self) -> Option<Instant> {
        let since = self.0.values().map(|fetch| fetch.since).min()?;
        since.checked_add(step_limit())
    }
}

impl EventsInHand {
    /// Returns whether the thread can still be given the event.
    pub(crate) fn insert_fetch(
        &self,
        fetch: RequestId,
        answer: &GenericCallback<FetchAnswer>,
    ) -> bool {
        let mut in_hand = self.0.lock();
        if !in_hand.thread_has_ended {
            let fetch_in_hand = FetchInHand {
                answer: answer.clone(),
                state: AnswerState::NotDispatched,
                since: Instant::now(),
            };
            in_hand.fetches.0.insert(fetch, fetch_in_hand);
        }
        !in_hand.thread_has_ended
    }

    /// A part of the answer is given. Returns whether it is still waited for.
    pub(crate) fn note_answer(&self, fetch: RequestId, state: AnswerState) -> bool {
        let mut in_hand = self.0.lock();
        let Some(fetch) = in_hand.fetches.0.get_mut(&fetch) else {
            return false;
        };
        let is_owed = fetch.state != AnswerState::Given;
        fetch.state = state;
        fetch.since = Instant::now();
        is_owed
    }

    /// Nobody waits for the answer any more. Returns whether it was this thread's to give.
    pub(crate) fn cancel_fetch(&self, fetch: RequestId) -> bool {
        let mut in_hand = self.0.lock();
        let fetch = in_hand.fetches.0.get_mut(&fetch);
        fetch.is_some_and(|fetch| {
            fetch.state = AnswerState::Given;
            true
        })
    }

    /// The event is over. Returns how far its answer has come, if it was not given in the worker's stead.
    pub(crate) fn remove_fetch(&self, fetch: RequestId) -> Option<AnswerState> {
        Some(self.0.lock().fetches.0.remove(&fetch)?.state)
    }

    /// Gives the answers that the worker owes.
    pub(crate) fn give_up_fetches(&self) {
        let fetches = mem::take(&mut self.0.lock().fetches);
        for fetch in fetches.0.into_values() {
            match fetch.state {
                AnswerState::NotDispatched => send_answer(&fetch.answer, FetchAnswer::Fallback),
                AnswerState::Owed => send_answer(&fetch.answer, FetchAnswer::Failed),
                AnswerState::Given => {}
            }
        }
    }
}
