/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What an origin has stored outside Background Sync is brought to the medium.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use background_sync::{DurabilityResponder, StoreFault};
use net::http_state_files;
use net_traits::{CoreResourceMsg, CoreResourceThread, cookie_changes};
use servo_base::generic_channel::GenericCallback;
use servo_config::opts;

/// Answers once IndexedDB and `localStorage` of `origin` are durable, and all cookies, which are in one file.
pub(super) fn make_durable(
    origin: &str,
    core_resource_thread: &CoreResourceThread,
    responder: DurabilityResponder,
) {
    let parts = Arc::new(Parts {
        responder: Mutex::new(Some(responder)),
        left: AtomicUsize::new(2),
    });
    let cookies = parts.clone();
    if cookies_are_durable() {
        cookies.done();
    } else if let Ok(done) = GenericCallback::new(move |durable| match durable {
        Ok(true) => cookies.done(),
        Ok(false) | Err(_) => cookies.failed("cookies can't be written"),
    }) {
        // Fails while Servo ends: then the request is dropped unanswered.
        let _ = core_resource_thread.send(CoreResourceMsg::MakeDurable(done));
    }
    storage::make_durable(origin, move |flushed| match flushed {
        Ok(()) => parts.done(),
        Err(error) => parts.failed(&format!("databases can't be flushed: {error}")),
    });
}

/// Whether the thread that has them need not be asked. Most who register a sync have set no cookie, and a thread that is woken
/// takes as long as a part of a flush.
fn cookies_are_durable() -> bool {
    // What scripts of other processes have sent is not counted here.
    !opts::get().multiprocess
        // In this order: one that arrives in between has changed something.
        && cookie_changes::none_on_the_way()
        && http_state_files::all_written()
}

/// Answers once all parts are done, or one has failed. If one is dropped, so is the responder.
struct Parts {
    responder: Mutex<Option<DurabilityResponder>>,
    left: AtomicUsize,
}

impl Parts {
    fn done(&self) {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.answer(Ok(()));
        }
    }

    fn failed(&self, reason: &str) {
        self.answer(Err(StoreFault::failed(reason)));
    }

    fn answer(&self, result: Result<(), StoreFault>) {
        let mut responder = self
            .responder
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(responder) = responder.take() {
            responder.answer(result);
        }
    }
}
