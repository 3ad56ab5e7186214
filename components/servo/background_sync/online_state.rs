/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Whether there is a network, as the embedder has reported it last. Changes are numbered: news of one reach a worker by two
//! ways, with its sync events and through the constellation, and what comes late must not undo what came before.

use std::sync::{Mutex, MutexGuard, PoisonError};

use servo_constellation_traits::OnlineState;

static LAST: Mutex<OnlineState> = Mutex::new(OnlineState {
    online: true,
    change: 0,
});

/// What was reported last; at first, that there is a network.
pub(crate) fn last() -> OnlineState {
    *lock()
}

/// The embedder has reported it again. Returns what holds now.
pub(crate) fn change(online: bool) -> OnlineState {
    let mut last = lock();
    if last.online != online {
        last.online = online;
        last.change += 1;
    }
    *last
}

/// Nobody panics while they hold it.
fn lock() -> MutexGuard<'static, OnlineState> {
    LAST.lock().unwrap_or_else(PoisonError::into_inner)
}
