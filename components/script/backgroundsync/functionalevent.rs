/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Functional events on their way to a service worker, and their outcomes on the way back.
//!
//! <https://w3c.github.io/ServiceWorker/#fire-functional-event>

use background_sync_traits::{
    DispatchedEvent, EventOutcome, EventToken, ScopeKey, SyncEventKind, SyncManagerMessage,
    WorkerAuthority,
};
use js::realm::CurrentRealm;
use log::{debug, warn};
use servo_base::generic_channel::GenericSender;
use servo_constellation_traits::OnlineState;
use servo_constellation_traits::direct_events::DirectEvents;
use servo_url::ServoUrl;
use storage_traits::background_sync::BackgroundSyncMessage;

use crate::dom::backgroundsync::workerreports::handle_authority;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::extendableevent::ExtendableEvent;
use crate::dom::periodicsyncevent::PeriodicSyncEvent;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkers::extendedlifetime::OnSettled;
use crate::dom::serviceworkers::manager::ServiceWorkerManager;
use crate::dom::serviceworkers::manager::run::CannotRun;
use crate::dom::serviceworkers::workerscope::FromManager;
use crate::dom::serviceworkers::workerthread::EventsInHand;
use crate::dom::syncevent::SyncEvent;

/// Owes the SyncManager thread the outcome of an event. Dropped without a report, it reports what its state stands for:
/// a worker thread that ends must not swallow its events.
pub(crate) struct PendingOutcome {
    event: EventToken,
    report_to: GenericSender<BackgroundSyncMessage>,
    when_dropped: EventOutcome,
    /// Of the thread that has it.
    in_hand: Option<EventsInHand>,
}

impl PendingOutcome {
    pub(crate) fn new(event: EventToken, report_to: GenericSender<BackgroundSyncMessage>) -> Self {
        Self {
            event,
            report_to,
            when_dropped: EventOutcome::NotStarted,
            in_hand: None,
        }
    }

    /// The event is handed to the thread of a worker: from here on, to lose it is a failed attempt. `None` if the thread has
    /// just ended: then it is lost already.
    fn started(mut self, in_hand: &EventsInHand) -> Option<Self> {
        self.when_dropped = EventOutcome::WorkerGone;
        if !in_hand.insert(self.event, &self.report_to) {
            return None;
        }
        self.in_hand = Some(in_hand.clone());
        Some(self)
    }

    pub(crate) fn report(mut self, outcome: EventOutcome) {
        self.when_dropped = outcome;
    }
}

impl Drop for PendingOutcome {
    fn drop(&mut self) {
        // When the thread ended, it reported what it had.
        if let Some(in_hand) = self.in_hand.take()
            && !in_hand.remove(self.event)
        {
            return;
        }
        report_outcome(&self.report_to, self.event, self.when_dropped);
    }
}

pub(crate) fn report_outcome(
    report_to: &GenericSender<BackgroundSyncMessage>,
    event: EventToken,
    outcome: EventOutcome,
) {
    let message = SyncManagerMessage::EventFinished { event, outcome };
    if report_to.send(message).is_err() {
        debug!("The SyncManager thread is gone: nobody waits for this outcome.");
    }
}

/// A functional event that a worker is to fire.
pub(crate) struct FunctionalEvent {
    kind: SyncEventKind,
    outcome: PendingOutcome,
    /// If it has not come by the manager, which would have told the worker before.
    online: Option<OnlineState>,
}

impl FunctionalEvent {
    /// Of one that is in the hands of a worker's thread already.
    pub(crate) fn in_hand_of(
        in_hand: &EventsInHand,
        DispatchedEvent { event, kind, .. }: DispatchedEvent,
        report_to: GenericSender<BackgroundSyncMessage>,
        online: OnlineState,
    ) -> Self {
        let outcome = PendingOutcome {
            event,
            report_to,
            when_dropped: EventOutcome::WorkerGone,
            in_hand: Some(in_hand.clone()),
        };
        Self {
            kind,
            outcome,
            online: Some(online),
        }
    }

    pub(crate) fn is(&self, event: EventToken) -> bool {
        self.outcome.event == event
    }
}

impl ServiceWorkerManager {
    /// Hands events of one scope to its active worker, which is started for them if need be.
    pub(crate) fn dispatch_functional_events(
        &mut self,
        events: Vec<DispatchedEvent>,
        report_to: &GenericSender<BackgroundSyncMessage>,
        direct: Option<DirectEvents>,
    ) {
        let Some(first) = events.first() else {
            return;
        };
        let scope_url = ServoUrl::parse(first.scope.scope.as_str());
        let mut functional_events = Vec::with_capacity(events.len());
        for DispatchedEvent { event, scope, kind } in events {
            if let SyncEventKind::Authority(authority) = kind {
                self.take_authority(scope, authority, scope_url.as_ref().ok(), report_to);
                continue;
            }
            functional_events.push(FunctionalEvent {
                outcome: PendingOutcome::new(event, report_to.clone()),
                kind,
                online: None,
            });
        }
        if functional_events.is_empty() {
            return;
        }
        let Ok(scope_url) = scope_url else {
            return warn!("A sync event came with a scope that is no URL.");
        };
        // Step 2: without an active worker there is nobody to fire them at.
        let Some(registration) = self.registrations.get_mut(&scope_url) else {
            return;
        };
        if registration.active_worker.is_none() {
            return;
        }
        // Step 3: while the active worker is activating, events wait.
        if !registration.life_cycle.activated {
            let queued_events = &mut registration.life_cycle.queued_events;
            return queued_events.extend(functional_events);
        }
        for event in functional_events {
            self.send_functional_event(&scope_url, event);
        }
        self.update_if_stale(&scope_url);
        if let Some(direct) = direct {
            self.open_direct_way(&scope_url, direct, report_to);
        }
    }

    fn take_authority(
        &self,
        scope: ScopeKey,
        authority: WorkerAuthority,
        scope_url: Option<&ServoUrl>,
        report_to: &GenericSender<BackgroundSyncMessage>,
    ) {
        handle_authority(scope.origin, authority, report_to);
        // What was kept of it may have been cleared.
        if let Some(scope_url) = scope_url
            && let Some(registration) = self.registrations.get(scope_url)
        {
            registration.have_worker_stored(scope_url);
        }
    }

    /// Hands over the events that came while the worker was activating.
    pub(crate) fn send_queued_functional_events(&mut self, scope_url: &ServoUrl) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        let events = std::mem::take(&mut registration.life_cycle.queued_events);
        if events.is_empty() {
            return;
        }
        for event in events {
            self.send_functional_event(scope_url, event);
        }
        self.update_if_stale(scope_url);
    }

    /// Step 8: an app whose page is never left has new versions, too.
    pub(crate) fn update_if_stale(&mut self, scope_url: &ServoUrl) {
        let registration = self.registrations.get(scope_url);
        if registration.is_some_and(|registration| registration.life_cycle.is_stale()) {
            self.schedule_soft_update(scope_url);
        }
    }

    fn send_functional_event(&mut self, scope_url: &ServoUrl, event: FunctionalEvent) {
        // Step 4: run the service worker.
        match self.ensure_running(scope_url) {
            Ok(()) => {}
            // Tried again later: it is there, so nobody would tell when there is one.
            Err(CannotRun::TooMany) => return event.outcome.report(EventOutcome::WorkerGone),
            Err(CannotRun::Unknown) => return,
        }
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        if let Some(worker) = &registration.active_worker
            && let Some(thread) = registration.life_cycle.thread_of(worker.id)
        {
            let Some(outcome) = event.outcome.started(thread.events()) else {
                return;
            };
            registration.life_cycle.events_given += 1;
            registration.life_cycle.idleness.begin();
            worker.send_message(FromManager::FunctionalEvent(FunctionalEvent {
                outcome,
                ..event
            }));
        }
    }
}

/// Names the registration of `scope_url`; `None` if its URL is too long.
pub(crate) fn scope_key(scope_url: &ServoUrl) -> Option<ScopeKey> {
    let origin = scope_url.origin();
    Some(ScopeKey {
        origin: background_sync_traits::Origin::try_from(&*origin.ascii_serialization()).ok()?,
        scope: background_sync_traits::ScopeUrl::try_from(scope_url.as_str()).ok()?,
    })
}

impl ServiceWorkerGlobalScope {
    /// Steps 5 to 7: fires the event and reports its outcome once it is over.
    pub(crate) fn fire_functional_event(&self, cx: &mut CurrentRealm, event: FunctionalEvent) {
        if let Some(online) = event.online {
            self.hear_of_network(cx, online);
        }
        self.set_prompted(false);
        let on_settled = OnSettled::Report(event.outcome);
        match event.kind {
            SyncEventKind::Sync { tag, last_chance } => {
                SyncEvent::new_for_dispatch(cx, self, tag, last_chance, None)
                    .upcast::<ExtendableEvent>()
                    .fire_extendable(cx, self, on_settled);
            }
            SyncEventKind::PeriodicSync { tag } => {
                PeriodicSyncEvent::new_for_dispatch(cx, self, tag)
                    .upcast::<ExtendableEvent>()
                    .fire_extendable(cx, self, on_settled);
            }
            SyncEventKind::ExplainerSync {
                id,
                data,
                last_chance,
            } => {
                SyncEvent::new_for_dispatch(cx, self, id, last_chance, Some(data))
                    .upcast::<ExtendableEvent>()
                    .fire_extendable(cx, self, on_settled);
            }
            // Never given to a worker.
            SyncEventKind::Authority(_) => {}
        }
    }
}
