/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Changes of cookies that scripts have asked for, while they are on their way to the network thread. Whoever needs cookies
//! durable need not ask that thread while there are none.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::CoreResourceMsg;

/// Of this process: whoever wants to know must be in the one in which scripts run.
static SENT: AtomicU64 = AtomicU64::new(0);
static HANDLED: AtomicU64 = AtomicU64::new(0);

/// To be called before a message is sent.
pub(crate) fn note_sent(message: &CoreResourceMsg) {
    if is_change(message) {
        SENT.fetch_add(1, Ordering::SeqCst);
    }
}

/// Whether there are none. What a script has sent before it told the caller of something counts.
pub fn none_on_the_way() -> bool {
    // The other way round, one that is sent in between might be taken for one that was before.
    let handled = HANDLED.load(Ordering::SeqCst);
    handled == SENT.load(Ordering::SeqCst)
}

/// To be kept by the network thread while it handles a message.
pub struct Handling {
    is_change: bool,
}

impl Handling {
    pub fn begin(message: &CoreResourceMsg) -> Self {
        Self {
            is_change: is_change(message),
        }
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        if self.is_change {
            HANDLED.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Only what is sent by way of [`crate::ResourceThreads`], whose messages are counted.
fn is_change(message: &CoreResourceMsg) -> bool {
    matches!(
        message,
        CoreResourceMsg::SetCookiesForUrl(..)
            | CoreResourceMsg::SetCookieForUrlAsync(..)
            | CoreResourceMsg::DeleteCookieAsync(..)
    )
}
