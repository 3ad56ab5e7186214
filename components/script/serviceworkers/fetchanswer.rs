/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The answer to a `fetch` event on its way back to the network, which gets one whatever the worker does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use log::debug;
use net_traits::request::RequestId;
use net_traits::service_workers::{FetchAnswer, HasBody, ResponseHead};
use servo_base::generic_channel::GenericCallback;

use crate::dom::serviceworkers::bodyflow::{BodySink, Incomplete, Wants};
use crate::dom::serviceworkers::workerthread::EventsInHand;

/// How far an answer has come.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum AnswerState {
    /// The worker has not fired the event yet.
    NotDispatched,
    /// The rest is still owed.
    Owed,
    Given,
}

/// Owes the network an answer. Dropped without one, it stands for the network's own if the worker has not fired the event
/// yet, and for a network error otherwise.
pub(crate) struct OwedAnswer {
    id: RequestId,
    answer: GenericCallback<FetchAnswer>,
    /// Of the thread that has it, which gives the answer if the thread ends first.
    in_hand: EventsInHand,
}

impl OwedAnswer {
    /// The event is handed to a worker's thread. `None` if that has just ended; then the network has its turn.
    pub(crate) fn new(
        id: RequestId,
        answer: GenericCallback<FetchAnswer>,
        in_hand: &EventsInHand,
    ) -> Option<Self> {
        in_hand.insert_fetch(id, &answer).then(|| Self {
            id,
            answer,
            in_hand: in_hand.clone(),
        })
    }

    /// The worker fires the event.
    pub(crate) fn is_dispatched(&self) {
        let _ = self.send(AnswerState::Owed, FetchAnswer::Dispatched);
    }

    pub(crate) fn fall_back(&self) {
        let _ = self.send(AnswerState::Given, FetchAnswer::Fallback);
    }

    pub(crate) fn fail(&self) {
        let _ = self.send(AnswerState::Given, FetchAnswer::Failed);
    }

    pub(crate) fn respond(&self, head: ResponseHead, has_body: HasBody) {
        let state = match has_body {
            HasBody::Yes => AnswerState::Owed,
            HasBody::No => AnswerState::Given,
        };
        let _ = self.send(state, FetchAnswer::Response(Box::new(head), has_body));
    }

    pub(crate) fn respond_shortly(&self, head: ResponseHead, body: Bytes) {
        let answer = FetchAnswer::ShortResponse(Box::new(head), body);
        let _ = self.send(AnswerState::Given, answer);
    }

    fn chunk(&self, chunk: Bytes) -> Wants {
        self.send(AnswerState::Owed, FetchAnswer::Chunk(chunk))
    }

    fn end(&self) {
        let _ = self.send(AnswerState::Given, FetchAnswer::End);
    }

    /// Unless the thread's end has given the answer, or nobody waits for it any more.
    fn send(&self, state: AnswerState, part: FetchAnswer) -> Wants {
        if !self.in_hand.note_answer(self.id, state) {
            return Wants::Nothing;
        }
        send_answer(&self.answer, part);
        Wants::More
    }
}

impl Drop for OwedAnswer {
    fn drop(&mut self) {
        match self.in_hand.remove_fetch(self.id) {
            Some(AnswerState::NotDispatched) => send_answer(&self.answer, FetchAnswer::Fallback),
            Some(AnswerState::Owed) => send_answer(&self.answer, FetchAnswer::Failed),
            Some(AnswerState::Given) | None => {}
        }
    }
}

/// An error means that nobody waits for it any more.
pub(crate) fn send_answer(answer: &GenericCallback<FetchAnswer>, part: FetchAnswer) {
    if answer.send(part).is_err() {
        debug!("Nobody waits for the answer to a fetch event any more.");
    }
}

/// Brings the body of an answer to the network.
pub(crate) struct AnswerSink {
    answer: Arc<OwedAnswer>,
    is_over: AtomicBool,
}

impl AnswerSink {
    pub(crate) fn new(answer: Arc<OwedAnswer>) -> Self {
        Self {
            answer,
            is_over: AtomicBool::new(false),
        }
    }

    pub(crate) fn fail(&self) {
        self.end(Err(Incomplete));
    }
}

impl BodySink for AnswerSink {
    fn chunk(&self, chunk: Bytes) -> Wants {
        match chunk.is_empty() {
            true => Wants::More,
            false => self.answer.chunk(chunk),
        }
    }

    fn end(&self, result: Result<(), Incomplete>) {
        if self.is_over.swap(true, Ordering::Relaxed) {
            return;
        }
        match result {
            Ok(()) => self.answer.end(),
            Err(Incomplete) => self.answer.fail(),
        }
    }
}
