/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! How a worker fires `fetch` events, and how it gives them up.

use std::sync::Arc;

use js::realm::CurrentRealm;
use net_traits::request::{RequestBuilder, RequestId};

use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::root::{Dom, DomRoot};
use crate::dom::extendableevent::ExtendableEvent;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkers::extendedlifetime::OnSettled;
use crate::dom::serviceworkers::fetchanswer::OwedAnswer;
use crate::dom::serviceworkers::fetchevent::FetchEvent;
use crate::dom::serviceworkers::navigationpreload::NavigationPreload;

/// A `fetch` event that a worker is to fire.
pub(crate) struct FetchToFire {
    pub(crate) request: RequestBuilder,
    pub(crate) answer: OwedAnswer,
    pub(crate) preload: Option<NavigationPreload>,
}

impl ServiceWorkerGlobalScope {
    /// <https://w3c.github.io/ServiceWorker/#create-fetch-event-and-dispatch>
    pub(crate) fn fire_fetch_event(&self, cx: &mut CurrentRealm, fetch: FetchToFire) {
        // A client has sent something.
        self.set_prompted(true);
        let FetchToFire {
            request,
            answer,
            preload,
        } = fetch;
        answer.is_dispatched();
        let answer = Arc::new(answer);
        let event = FetchEvent::new_for_dispatch(cx, self, request, preload, answer.clone());
        event
            .upcast::<ExtendableEvent>()
            .fire_extendable(cx, self, OnSettled::Fetch(answer));
        event.dispatch_is_over(cx);
        let mut answered = self.offline_events().answered_fetches.borrow_mut();
        answered.retain(|other| other.is_being_answered());
        if event.is_being_answered() {
            answered.push(Dom::from_ref(&event));
        }
    }

    /// Nobody waits for the answer to this request any more.
    pub(crate) fn abort_fetch_event(&self, cx: &mut CurrentRealm, fetch: RequestId) {
        let event = {
            let answered = self.offline_events().answered_fetches.borrow();
            let event = answered.iter().find(|event| event.is_for(fetch));
            event.map(|event| DomRoot::from_ref(&**event))
        };
        if let Some(event) = event {
            event.abort(cx);
        }
    }
}
