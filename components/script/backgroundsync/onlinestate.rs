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
use crate::dom::document::Document;
use crate::dom::eventtarget::EventTarget;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkers::manager::ServiceWorkerManager;
use crate::dom::serviceworkers::workerscope::FromManager;
use crate::realms::enter_auto_realm;

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

/// The embedder has reported a change: tells `documents`' windows.
pub(crate) fn set_online(
    cx: &mut JSContext,
    online: bool,
    documents: impl Iterator<Item = impl std::ops::Deref<Target = Document>>,
) {
    note_online(online);
    TOLD.set(Some(online));
    for document in documents {
        fire(cx, document.window().upcast(), online);
    }
}

fn fire(cx: &mut JSContext, global: &EventTarget, online: bool) {
    let name = if online { "online" } else { "offline" };
    global.fire_event(cx, Atom::from(name));
}

impl ServiceWorkerManager {
    /// Workers that do not run see `navigator.onLine` when they do.
    pub(crate) fn tell_workers_of_network(&self, online: bool) {
        for registration in self.registrations.values() {
            let workers = [
                &registration.installing_worker,
                &registration.waiting_worker,
                &registration.active_worker,
            ];
            for worker in workers.into_iter().flatten() {
                worker.send_message(FromManager::OnlineChanged(online));
            }
        }
    }
}

impl ServiceWorkerGlobalScope {
    pub(crate) fn fire_online_changed(&self, cx: &mut JSContext, online: bool) {
        TOLD.set(Some(online));
        let mut realm = enter_auto_realm(cx, self);
        fire(&mut realm.current_realm(), self.upcast(), online);
    }
}
