/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Pages and workers are told of what the embedder has changed: the network's state, and permissions.

use js::context::JSContext;
use servo_constellation_traits::{EmbedderNews, OnlineState};

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
    if let EmbedderNews::NetworkOnlineState(state) = news {
        note_online(*state);
    }
}

fn tell(cx: &mut JSContext, global: &GlobalScope, news: &EmbedderNews) {
    global.tell_owned_workers(news);
    match news {
        EmbedderNews::NetworkOnlineState(state) => fire_online_changed(cx, global, state.online),
        EmbedderNews::SyncPermission(origin, name, permission) => {
            permission_changed(cx, global, origin, *name, *permission);
        }
    }
}

impl ServiceWorkerManager {
    pub(crate) fn handle_news(&mut self, news: &EmbedderNews) {
        match news {
            EmbedderNews::NetworkOnlineState(state) => self.handle_online_state(*state),
            EmbedderNews::SyncPermission(..) => self.tell_workers(news),
        }
    }

    /// It may come with a sync event, before the news: in the handler, `navigator.onLine` is not to say that there is no
    /// network.
    pub(crate) fn handle_online_state(&mut self, state: OnlineState) {
        if state.change <= self.online.change {
            return;
        }
        self.online = state;
        note_online(state);
        self.tell_workers(&EmbedderNews::NetworkOnlineState(state));
    }

    /// Workers that do not run learn of it when they ask.
    fn tell_workers(&self, news: &EmbedderNews) {
        for registration in self.registrations.values() {
            for worker in registration.in_slots() {
                worker.send_message(FromManager::EmbedderNews(news.clone()));
            }
        }
    }
}
