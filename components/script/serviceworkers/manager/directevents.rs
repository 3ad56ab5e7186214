/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Sync events that the SyncManager thread gives to a worker's thread itself, without its manager, which counts them when it
//! has to know: it closes this way before it decides anything about the worker, and opens it with the next event that it
//! gives.

use std::sync::Arc;

use background_sync_traits::{DispatchedEvent, UpdateTerms};
use crossbeam_channel::Sender;
use servo_base::generic_channel::GenericSender;
use servo_constellation_traits::OnlineState;
use servo_constellation_traits::direct_events::{DirectEvents, EventTaker};
use servo_url::ServoUrl;
use storage_traits::background_sync::BackgroundSyncMessage;

use crate::dom::backgroundsync::functionalevent::{FunctionalEvent, scope_key};
use crate::dom::backgroundsync::onlinestate::note_online;
use crate::dom::serviceworkerglobalscope::ServiceWorkerScriptMsg;
use crate::dom::serviceworkers::manager::ServiceWorkerManager;
use crate::dom::serviceworkers::manager::registration::is_stale;
use crate::dom::serviceworkers::workerscope::FromManager;
use crate::dom::serviceworkers::workerthread::EventsInHand;

/// The way of events to a worker that its manager has opened.
pub(crate) struct DirectWay {
    worker: Sender<ServiceWorkerScriptMsg>,
    report_to: GenericSender<BackgroundSyncMessage>,
    /// An event for a registration that is stale has its manager look for a new version.
    updates: UpdateTerms,
    /// How many events the manager has not given itself.
    events_given: u64,
}

impl EventTaker for EventsInHand {
    fn take(&self, event: DispatchedEvent, online: OnlineState) -> Result<(), DispatchedEvent> {
        let mut in_hand = self.0.lock();
        let Some(way) = in_hand.direct_way.as_mut() else {
            return Err(event);
        };
        if is_stale(&way.updates) {
            return Err(event);
        }
        way.events_given += 1;
        let (worker, report_to) = (way.worker.clone(), way.report_to.clone());
        in_hand.add(event.event, &report_to);
        note_online(online);
        let event = FunctionalEvent::in_hand_of(self, event, report_to, online);
        let message = FromManager::FunctionalEvent(event);
        // Under the lock: what the manager sends once it has closed this way comes after it.
        let unsent = worker.send(ServiceWorkerScriptMsg::FromManager(message));
        drop(in_hand);
        // Of a worker that has just ended: dropped, the event says so, which takes the lock.
        drop(unsent);
        Ok(())
    }
}

impl EventsInHand {
    /// Returns whether the thread can still be given events.
    fn open_direct_way(&self, way: DirectWay) -> bool {
        let mut in_hand = self.0.lock();
        if !in_hand.thread_has_ended {
            in_hand.direct_way = Some(way);
        }
        !in_hand.thread_has_ended
    }

    /// From here on, only the manager gives the worker events. Returns how many it did not give since it opened the way.
    pub(crate) fn close_direct_way(&self) -> u64 {
        let way = self.0.lock().direct_way.take();
        way.map_or(0, |way| way.events_given)
    }
}

impl ServiceWorkerManager {
    /// The active worker of this scope has been given an event: it takes the next ones itself.
    pub(crate) fn open_direct_way(
        &mut self,
        scope_url: &ServoUrl,
        direct: DirectEvents,
        report_to: &GenericSender<BackgroundSyncMessage>,
    ) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        let life_cycle = &mut registration.life_cycle;
        let Some(worker) = &registration.active_worker else {
            return;
        };
        // It may be open as it was before a check for updates.
        life_cycle.close_direct_way(worker.id);
        if let Some(thread) = life_cycle.thread_of(worker.id)
            && let Some(scope) = scope_key(scope_url)
        {
            let events = thread.events();
            let is_open = events.open_direct_way(DirectWay {
                worker: worker.sender.clone(),
                report_to: report_to.clone(),
                updates: life_cycle.updates,
                events_given: 0,
            });
            if is_open {
                direct.add(scope, Arc::new(events.clone()));
            }
        }
    }
}
