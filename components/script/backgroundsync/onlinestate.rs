/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Whether the user agent is online, as the embedder reports it.
//!
//! <https://html.spec.whatwg.org/multipage/#dom-navigator-online>

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use js::context::JSContext;
use servo_constellation_traits::OnlineState;
use stylo_atoms::Atom;

use crate::dom::bindings::inheritance::Castable;
use crate::dom::eventtarget::EventTarget;
use crate::dom::globalscope::GlobalScope;

/// The last change that a thread of this process has heard of, doubled, and one more for online; so that workers can read it
/// too. Online until an embedder says otherwise: a page that is told to be offline by mistake does not even try.
static LAST: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// What this thread's pages or worker were told last. Each thread hears of a change when it gets to it: one that is
    /// late must not change what the others see in their events.
    static TOLD: Cell<Option<bool>> = const { Cell::new(None) };
}

/// The value of `navigator.onLine`.
pub(crate) fn is_online() -> bool {
    TOLD.get().unwrap_or_else(|| last_online_state().online)
}

/// What a thread of this process has heard last.
pub(crate) fn last_online_state() -> OnlineState {
    let last = LAST.load(Ordering::Relaxed);
    OnlineState {
        online: last % 2 == 1,
        change: last / 2,
    }
}

/// The embedder has reported a change, which workers without a page must see, too. A thread that is late changes nothing.
pub(crate) fn note_online(state: OnlineState) {
    let state = 2 * state.change + u64::from(state.online);
    LAST.fetch_max(state, Ordering::Relaxed);
}

/// The embedder has reported a change: tells a page or a worker.
pub(crate) fn fire_online_changed(cx: &mut JSContext, global: &GlobalScope, online: bool) {
    TOLD.set(Some(online));
    let name = if online { "online" } else { "offline" };
    global
        .upcast::<EventTarget>()
        .fire_event(cx, Atom::from(name));
}
