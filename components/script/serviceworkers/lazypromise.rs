/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A promise that is made when a script asks for it: of the two that each `fetch` event has, hardly any worker looks at one.

use std::cell::Cell;

use js::context::JSContext;
use script_bindings::cell::DomRefCell;

use crate::dom::bindings::error::Error;
use crate::dom::globalscope::GlobalScope;
use crate::dom::promise::{Promise, RootedPromise, TracedPromise};

#[derive(Clone, Copy, Debug, Default, JSTraceable, MallocSizeOf, PartialEq)]
enum Outcome {
    #[default]
    Pending,
    Fulfilled,
    Rejected,
}

/// Is fulfilled with `undefined`, or rejected with a `NetworkError`.
#[derive(Default, JSTraceable, MallocSizeOf)]
#[cfg_attr(crown, crown::unrooted_must_root_lint::must_root)]
pub(crate) struct LazyPromise {
    outcome: Cell<Outcome>,
    /// `None` until a script has asked for it.
    promise: DomRefCell<Option<TracedPromise>>,
}

impl LazyPromise {
    /// One that is fulfilled.
    pub(crate) fn fulfilled() -> Self {
        Self {
            outcome: Cell::new(Outcome::Fulfilled),
            promise: DomRefCell::default(),
        }
    }

    /// One that is there already, and settled by others.
    pub(crate) fn of(promise: &RootedPromise) -> Self {
        Self {
            outcome: Cell::default(),
            promise: DomRefCell::new(Some(promise.to_traced())),
        }
    }

    /// What a script gets, each time the same.
    pub(crate) fn get(&self, cx: &mut JSContext, global: &GlobalScope) -> RootedPromise {
        if let Some(promise) = &*self.promise.borrow() {
            return promise.root(cx);
        }
        let promise = Promise::new(cx, global);
        *self.promise.borrow_mut() = Some(promise.to_traced());
        settle(cx, &promise, self.outcome.get());
        promise
    }

    pub(crate) fn fulfil(&self, cx: &mut JSContext) {
        self.settle(cx, Outcome::Fulfilled);
    }

    pub(crate) fn reject(&self, cx: &mut JSContext) {
        self.settle(cx, Outcome::Rejected);
    }

    fn settle(&self, cx: &mut JSContext, outcome: Outcome) {
        self.outcome.set(outcome);
        let promise = self.promise.borrow().as_ref().map(|it| it.root(cx));
        if let Some(promise) = promise {
            settle(cx, &promise, outcome);
        }
    }
}

fn settle(cx: &mut JSContext, promise: &RootedPromise, outcome: Outcome) {
    match outcome {
        Outcome::Pending => {}
        Outcome::Fulfilled => promise.resolve_native(cx, &()),
        Outcome::Rejected => {
            // Whoever does not look at it need not hear of it.
            promise.set_promise_is_handled(cx);
            promise.reject_error(cx, Error::Network(None));
        }
    }
}
