/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Whether the user agent is online, as the embedder reports it.
//!
//! <https://html.spec.whatwg.org/multipage/#dom-navigator-online>

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use js::context::JSContext;
use stylo_atoms::Atom;

use crate::dom::bindings::inheritance::Castable;
use crate::dom::eventtarget::EventTarget;
use crate::dom::globalscope::GlobalScope;

/// Of this process, so that workers can read it too. Online until an embedder says otherwise: a page that is told to
/// be offline by mistake does not even try.
static ONLINE: AtomicBool = AtomicBool::new(true);

thread_local! {
    /// What this thread's pages or worker were told last. Each thread hears of a change when it gets to it: one that is
    /// late must not change what the others see in their events.
    static TOLD: Cell<Option<bool>> = const { Cell::new(None) };
}

/// The value of `navigator.onLine`.
pub(crate) fn is_online() -> bool {
    TOLD.get().unwrap_or_else(|| ONLINE.load(Ordering::Relaxed))
}

/// The embedder has reported a change, which workers without a page must see, too.
pub(crate) fn note_online(online: bool) {
    ONLINE.store(online, Ordering::Relaxed);
}

/// The embedder has reported a change: tells a page or a worker.
pub(crate) fn fire_online_changed(cx: &mut JSContext, global: &GlobalScope, online: bool) {
    TOLD.set(Some(online));
    let name = if online { "online" } else { "offline" };
    global
        .upcast::<EventTarget>()
        .fire_event(cx, Atom::from(name));
}
