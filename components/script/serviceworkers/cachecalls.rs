/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Calls to the thread of the Cache API.

use std::sync::Arc;

use js::context::JSContext;
use js::jsval::UndefinedValue;
use log::warn;
use parking_lot::Mutex;
use servo_base::generic_channel::{GenericCallback, GenericSend, GenericSender, SendError};
use servo_url::ImmutableOrigin;
use storage_traits::cache_storage::{
    CacheCall, CacheCallback, CacheError, CacheId, CacheReply, CacheStorageThreadMessage,
};

use crate::dom::bindings::error::Error;
use crate::dom::bindings::refcounted::{Trusted, TrustedPromise};
use crate::dom::globalscope::GlobalScope;
use crate::dom::promise::RootedPromise;
use crate::dom::response::Response;
use crate::realms::enter_auto_realm;
use crate::tasks::task_source::SendableTaskSource;

pub(crate) type Answer = Result<CacheReply, CacheError>;

/// The caches of an origin, from any thread.
#[derive(Clone)]
pub(crate) struct OriginCaches {
    sender: Arc<Mutex<GenericSender<CacheStorageThreadMessage>>>,
    origin: ImmutableOrigin,
}

impl OriginCaches {
    /// Those of the origin of `global`.
    ///
    /// # Errors
    /// A `SecurityError` if that origin has no storage.
    pub(crate) fn of(global: &GlobalScope) -> Result<Self, Error> {
        let origin = global.origin().immutable().clone();
        if !origin.is_tuple() {
            return Err(Error::Security(None));
        }
        let sender: GenericSender<CacheStorageThreadMessage> = global.storage_threads().sender();
        Ok(Self {
            sender: Arc::new(Mutex::new(sender)),
            origin,
        })
    }

    /// Sends what is not answered.
    pub(crate) fn tell(&self, call: CacheCall) {
        let origin = self.origin.clone();
        let message = CacheStorageThreadMessage::Call { origin, call };
        if self.sender.lock().send(message).is_err() {
            warn!("The thread of the Cache API is gone.");
        }
    }

    /// Sends a call; `answered` hears of it in any thread, or never if the browser ends.
    pub(crate) fn ask(
        &self,
        call: impl FnOnce(CacheCallback) -> CacheCall,
        answered: impl FnOnce(Answer) + Send + 'static,
    ) {
        let mut answered = Some(answered);
        let callback = GenericCallback::new(move |answer: Result<Answer, SendError>| {
            if let Some(answered) = answered.take() {
                answered(answer.unwrap_or(Err(CacheError::Unavailable)));
            }
        });
        match callback {
            Ok(callback) => self.tell(call(callback)),
            Err(error) => warn!("There is no way for an answer of the Cache API: {error:?}"),
        }
    }

    /// Sends a call whose answer settles a promise.
    pub(crate) fn settle_later(
        &self,
        unsettled: Unsettled,
        call: impl FnOnce(CacheCallback) -> CacheCall,
        settle: impl FnOnce(&mut JSContext, &RootedPromise, CacheReply) + Send + 'static,
    ) {
        self.ask(call, move |answer| unsettled.settle(answer, settle));
    }
}

/// A promise that waits for an answer, and the page or worker in which it is settled.
pub(crate) struct Unsettled {
    promise: TrustedPromise,
    task_source: SendableTaskSource,
}

impl Unsettled {
    pub(crate) fn new(global: &GlobalScope, promise: &RootedPromise) -> Self {
        Self {
            promise: TrustedPromise::from(promise),
            task_source: global
                .task_manager()
                .dom_manipulation_task_source()
                .to_sendable(),
        }
    }

    /// In a task. An error rejects it.
    pub(crate) fn settle(
        self,
        answer: Answer,
        settle: impl FnOnce(&mut JSContext, &RootedPromise, CacheReply) + Send + 'static,
    ) {
        let promise = self.promise;
        self.task_source
            .queue(task!(settle_cache_promise: move |cx| {
                let promise = promise.root(cx);
                let mut realm = enter_auto_realm(cx, &*promise);
                let cx = &mut realm.current_realm();
                match answer {
                    Ok(reply) => settle(cx, &promise, reply),
                    Err(error) => promise.reject_error(cx, to_dom_error(error)),
                }
            }));
    }

    /// In a task.
    pub(crate) fn reject(self, error: Error) {
        self.task_source.queue(self.promise.reject_task(error));
    }

    /// In a task, with what the body of `response` has failed with.
    pub(crate) fn reject_like(self, response: Trusted<Response>) {
        let promise = self.promise;
        self.task_source
            .queue(task!(reject_cache_promise: move |cx| {
                let promise = promise.root(cx);
                let mut realm = enter_auto_realm(cx, &*promise);
                let cx = &mut realm.current_realm();
                let body = response.root().internal_body();
                let Some(body) = body.filter(|body| body.is_errored()) else {
                    let error = Error::Type(c"the body is not complete".to_owned());
                    return promise.reject_error(cx, error);
                };
                rooted!(&in(cx) let mut reason = UndefinedValue());
                body.get_stored_error(reason.handle_mut());
                promise.reject(cx, reason.handle());
            }));
    }

    /// Now, in the thread of the promise.
    pub(crate) fn into_promise(self, cx: &JSContext) -> RootedPromise {
        self.promise.root(cx)
    }
}

/// A cache stays, even if its name is removed, as long as there is one of these.
pub(crate) struct HeldCache {
    pub(crate) caches: OriginCaches,
    pub(crate) id: CacheId,
}

impl Drop for HeldCache {
    fn drop(&mut self) {
        self.caches.tell(CacheCall::Release { cache: self.id });
    }
}

/// The exception for each way in which a call fails. Servo has no `UnknownError`; `OperationError` stands in for it.
pub(crate) fn to_dom_error(error: CacheError) -> Error {
    match error {
        CacheError::QuotaExceeded => Error::QuotaExceeded {
            quota: None,
            requested: None,
        },
        CacheError::DuplicateRequest | CacheError::NotFound => {
            Error::InvalidState(Some(error.to_string()))
        }
        CacheError::NotGet => Error::Type(c"only requests whose method is GET are stored".into()),
        CacheError::NotHttp => {
            Error::Type(c"only requests whose scheme is http or https are stored".into())
        }
        CacheError::Partial => Error::Type(c"responses with status 206 are not stored".into()),
        CacheError::VariesByAll => Error::Type(c"responses with \"Vary: *\" are not stored".into()),
        CacheError::TooLong => {
            Error::Type(c"the head of the request or response is too long".into())
        }
        CacheError::Damaged | CacheError::Unavailable => Error::Operation(Some(error.to_string())),
    }
}
