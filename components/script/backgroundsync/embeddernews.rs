/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Pages and workers are told of what the embedder has changed: the network's state, and permissions.

use js::context::JSContext;
use servo_constellation_traits::EmbedderNews;

use crate::dom::backgroundsync::onlinestate::{fire_online_changed, note_online};
use crate::dom::backgroundsync::permissions::permission_changed;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::document::Document;
use crate::dom::globalscope::GlobalScope;
use crate::dom::serviceworkers::manager::ServiceWorkerManager;
use crate::dom::serviceworkers::workerscope::FromManager;
use crate::realms::enter_auto_realm;

/// Tells the pages of a script thread, and the workers that they own.
pub(crate) fn tell_pages(
    cx: &mut JSContext,
    news: &EmbedderNews,
    documents: impl Iterator<Item = impl std::ops::Deref<Target = Document>>,
) {
    note(news);
    for document in documents {
        tell(cx, document.window().upcast(), news);
    }
}

/// Tells a worker, and those that it owns.
pub(crate) fn tell_worker(cx: &mut JSContext, global: &GlobalScope, news: &EmbedderNews) {
    let mut realm = enter_auto_realm(cx, global);
    tell(&mut realm.current_realm(), global, news);
}

/// For whoever asks before they are told.
fn note(news: &EmbedderNews) {
    if let EmbedderNews::NetworkOnlineState(online) = news {
        note_online(*online);
    }
}

fn tell(cx: &mut JSContext, global: &GlobalScope, news: &EmbedderNews) {
    global.tell_owned_workers(news);
    match news {
        EmbedderNews::NetworkOnlineState(online) => fire_online_changed(cx, global, *online),
        EmbedderNews::SyncPermission(origin, name, permission) => {
            permission_changed(cx, global, origin, *name, *permission);
        }
    }
}

impl ServiceWorkerManager {
    /// Workers that do not run learn of it when they ask.
    pub(crate) fn tell_workers(&self, news: &EmbedderNews) {
        note(news);
        for registration in self.registrations.values() {
            for worker in registration.in_slots() {
                worker.send_message(FromManager::EmbedderNews(news.clone()));
            }
        }
    }
}
