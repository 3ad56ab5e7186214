/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Windows that workers have opened, and clients that they have sent elsewhere: the answer is the client that introduces
//! itself there.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use log::debug;
use servo_base::generic_channel::GenericCallback;
use servo_base::id::{BrowsingContextId, PipelineId, WebViewId};
use servo_constellation_traits::{
    NavigatedClient, ServiceWorkerAlgorithmResult, ServiceWorkerClientInfo,
};
use servo_url::ServoUrl;

use crate::dom::serviceworkers::manager::ServiceWorkerManager;
use crate::dom::serviceworkers::manager::idle::after;

/// A document that has not introduced itself by then is none of the origin's.
const OPENING_LIMIT: Duration = Duration::from_secs(30);

/// Once the document before it has left, what is of the origin takes less than so long to introduce itself.
const SUCCESSION_LIMIT: Duration = Duration::from_secs(2);

/// So many openings are waited for at a time. One more is answered as if its document were another origin's.
const MAX_OPENINGS: usize = 64;

/// What is being opened.
#[derive(Default)]
pub(super) struct Openings {
    /// By their names.
    pending: HashMap<Name, Opening>,
    navigations: u64,
}

#[derive(Clone, Copy, Eq, Hash, PartialEq)]
enum Name {
    Window(u64),
    Navigation(u64),
}

struct Opening {
    /// Clients that were there before have lower numbers, or this one.
    after_client: u64,
    limit: Option<Instant>,
    expected: Option<Expected>,
}

/// Once it is known where.
struct Expected {
    place: BrowsingContextId,
    answer: GenericCallback<NavigatedClient>,
}

impl Expected {
    fn answer(&self, client: Option<ServiceWorkerClientInfo>) {
        answer(&self.answer, Ok(client));
    }
}

fn answer(callback: &GenericCallback<NavigatedClient>, result: NavigatedClient) {
    if callback.send(result).is_err() {
        debug!("The worker that has opened a window is gone.");
    }
}

impl Openings {
    fn begin(&mut self, name: Name, after_client: u64, expected: Option<Expected>) {
        if self.pending.len() >= MAX_OPENINGS {
            if let Some(expected) = expected {
                expected.answer(None);
            }
            return;
        }
        let opening = Opening {
            after_client,
            limit: after(OPENING_LIMIT),
            expected,
        };
        self.pending.insert(name, opening);
    }

    /// A client has introduced itself. It has the highest number so far.
    pub(super) fn client_added(&mut self, number: u64, client: &ServiceWorkerClientInfo) {
        self.pending.retain(|_, opening| {
            let is_it = opening.expected.as_ref().filter(|expected| {
                expected.place == client.view.browsing_context_id && opening.after_client < number
            });
            if let Some(expected) = is_it {
                expected.answer(Some(client.clone()));
            }
            is_it.is_none()
        });
    }

    /// A client has left its place to another document, which need not be of the origin.
    pub(super) fn place_left(&mut self, place: BrowsingContextId) {
        let limit = after(SUCCESSION_LIMIT);
        for opening in self.pending.values_mut() {
            let expected = opening.expected.as_ref();
            if expected.is_some_and(|expected| expected.place == place) {
                opening.limit = opening.limit.min(limit);
            }
        }
    }

    pub(super) fn next_limit(&self) -> Option<Instant> {
        self.pending
            .values()
            .filter_map(|opening| opening.limit)
            .min()
    }

    pub(super) fn give_up(&mut self, now: Instant) {
        self.pending.retain(|_, opening| {
            let is_over = opening.limit.is_some_and(|limit| limit <= now);
            if is_over && let Some(expected) = &opening.expected {
                expected.answer(None);
            }
            !is_over
        });
    }
}

impl ServiceWorkerManager {
    /// What introduces itself from now on may be the document of this opening.
    pub(super) fn window_will_open(&mut self, opening: u64) {
        let last = self.clients.last_number();
        self.openings.begin(Name::Window(opening), last, None);
    }

    /// <https://w3c.github.io/ServiceWorker/#clients-openwindow>, from step 7.4 on.
    pub(super) fn window_opened(
        &mut self,
        opening: u64,
        url: &ServoUrl,
        webview_id: Option<WebViewId>,
        callback: GenericCallback<NavigatedClient>,
    ) {
        let name = Name::Window(opening);
        let Some(pending) = self.openings.pending.remove(&name) else {
            return answer(&callback, Ok(None));
        };
        let Some(webview_id) = webview_id else {
            return answer(&callback, Err(()));
        };
        if url.origin() != self.origin {
            return answer(&callback, Ok(None));
        }
        let place = BrowsingContextId::from(webview_id);
        // It may have been faster than the news of its window.
        if let Some(client) = self.clients.newest_at(place, pending.after_client) {
            return answer(&callback, Ok(Some(client)));
        }
        let expected = Expected {
            place,
            answer: callback,
        };
        self.openings
            .begin(name, pending.after_client, Some(expected));
    }

    /// <https://w3c.github.io/ServiceWorker/#client-navigate>, from step 4 on.
    pub(super) fn navigate_client(
        &mut self,
        scope_url: &ServoUrl,
        pipeline_id: PipelineId,
        url: ServoUrl,
        callback: GenericCallback<NavigatedClient>,
    ) {
        let Some(client) = self.clients.controlled_info(pipeline_id, scope_url) else {
            return answer(&callback, Err(()));
        };
        let is_of_origin = url.origin() == self.origin;
        self.clients
            .tell(pipeline_id, ServiceWorkerAlgorithmResult::Navigate(url));
        if !is_of_origin {
            return answer(&callback, Ok(None));
        }
        self.openings.navigations += 1;
        let name = Name::Navigation(self.openings.navigations);
        let expected = Expected {
            place: client.view.browsing_context_id,
            answer: callback,
        };
        let last = self.clients.last_number();
        self.openings.begin(name, last, Some(expected));
    }

    /// <https://w3c.github.io/ServiceWorker/#clients-get>
    pub(super) fn get_client(
        &self,
        id: &str,
        callback: &GenericCallback<Option<ServiceWorkerClientInfo>>,
    ) {
        if callback.send(self.clients.by_id(id)).is_err() {
            debug!("The worker that asked for a client is gone.");
        }
    }
}
