/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Registrations of an earlier run of the browser: pages find them at once, and what needs their scripts waits until those
//! are read.

use std::mem;
use std::time::{Duration, Instant};

use background_sync_traits::SyncEventKind;
use log::warn;
use servo_constellation_traits::{
    ServiceWorkerAlgorithm, ServiceWorkerMsg, ServiceWorkerRegistrationInfo,
};
use servo_url::ServoUrl;

use crate::dom::serviceworkers::manager::ServiceWorkerManager;
use crate::dom::serviceworkers::manager::activeregistrations::note_restored;
use crate::dom::serviceworkers::manager::idle::after;
use crate::dom::serviceworkers::manager::registration::{ServiceWorker, ServiceWorkerRegistration};

/// A registration whose scripts have not come by then is given up.
const RESTORE_LIMIT: Duration = Duration::from_secs(10);

/// So many messages of a registration may wait for its scripts. One more is handled as if there were none.
const MAX_WAITING_MESSAGES: usize = 4_096;

/// Of a registration whose scripts are being read.
pub(super) struct Restoring {
    pub(super) limit: Option<Instant>,
    waiting: Vec<ServiceWorkerMsg>,
}

impl ServiceWorkerManager {
    /// The manager is new: these are the registrations that it has from an earlier run. Their scripts will follow.
    pub(super) fn restore_registrations(&mut self, restored: Vec<ServiceWorkerRegistrationInfo>) {
        for info in restored {
            let Some(active) = info.active_worker else {
                continue;
            };
            let mut registration = ServiceWorkerRegistration::new();
            registration.id = info.id;
            // Nobody listens at the other end until the worker runs.
            let (sender, _) = crossbeam_channel::unbounded();
            registration.active_worker = Some(ServiceWorker {
                id: active.id,
                script_url: active.script_url,
                sender,
                handles_fetch: info.handles_fetch,
            });
            registration.life_cycle.activated = true;
            registration.life_cycle.updates.via_cache = info.update_via_cache;
            registration.life_cycle.restoring = Some(Restoring {
                limit: after(RESTORE_LIMIT),
                waiting: Vec::new(),
            });
            self.registrations.insert(info.scope_url, registration);
        }
    }

    /// Keeps a message that needs the scripts of a registration which are still being read. Gives back any other.
    pub(super) fn keep_until_restored(
        &mut self,
        message: ServiceWorkerMsg,
    ) -> Option<ServiceWorkerMsg> {
        let Some(scope_url) = scope_that_needs_scripts(&message) else {
            return Some(message);
        };
        let registration = self.registrations.get_mut(&scope_url);
        match registration.and_then(|it| it.life_cycle.restoring.as_mut()) {
            Some(restoring) if restoring.waiting.len() < MAX_WAITING_MESSAGES => {
                restoring.waiting.push(message);
                None
            }
            _ => Some(message),
        }
    }

    /// The scripts are there: what waited for them goes on.
    pub(super) fn handle_restored(&mut self, scope_url: &ServoUrl) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        let restoring = registration.life_cycle.restoring.take();
        self.handle_kept(restoring);
        #[cfg(feature = "offline")]
        self.send_waiting(scope_url);
    }

    fn handle_kept(&mut self, restoring: Option<Restoring>) {
        for message in restoring.into_iter().flat_map(|it| it.waiting) {
            // None of them ends the thread.
            let _ = self.handle_message(message);
        }
    }

    /// Registrations whose scripts have not come are no more than a name: a page that registers them starts anew.
    pub(super) fn give_up_restoring(&mut self, now: Instant) {
        let is_overlong = |registration: &ServiceWorkerRegistration| {
            let restoring = registration.life_cycle.restoring.as_ref();
            restoring.is_some_and(|it| it.limit.is_some_and(|limit| limit <= now))
        };
        let overlong: Vec<ServoUrl> = self
            .registrations
            .iter()
            .filter(|(_, registration)| is_overlong(registration))
            .map(|(scope_url, _)| scope_url.clone())
            .collect();
        for scope_url in overlong {
            warn!(
                "The service worker of {scope_url} could not be read: it must be registered again."
            );
            let Some(registration) = self.registrations.get_mut(&scope_url) else {
                continue;
            };
            let restoring = mem::take(&mut registration.life_cycle.restoring);
            self.clear_registration(&scope_url);
            self.handle_kept(restoring);
        }
    }

    /// In the process that pages run in.
    pub(super) fn note_restored(restored: &[ServiceWorkerRegistrationInfo]) {
        for info in restored {
            note_restored(info);
        }
    }
}

/// The scope of a message that can't be handled without the registration's scripts.
fn scope_that_needs_scripts(message: &ServiceWorkerMsg) -> Option<ServoUrl> {
    match message {
        ServiceWorkerMsg::HandleAlgorithm(
            _,
            ServiceWorkerAlgorithm::StartRegister(job) | ServiceWorkerAlgorithm::Unregister(job),
        ) => {
            let mut scope_url = job.scope_url.clone();
            scope_url.set_fragment(None);
            Some(scope_url)
        }
        ServiceWorkerMsg::ForwardDOMMessage(_, scope_url, _) => Some(scope_url.clone()),
        #[cfg(feature = "offline")]
        ServiceWorkerMsg::HandleAlgorithm(
            _,
            ServiceWorkerAlgorithm::NavigationPreload { scope_url, .. },
        )
        | ServiceWorkerMsg::NotificationEvent(scope_url, _) => Some(scope_url.clone()),
        ServiceWorkerMsg::DispatchFunctionalEvents { events, .. } => {
            let event = events.first()?;
            match event.kind {
                SyncEventKind::Authority(_) => None,
                _ => ServoUrl::parse(event.scope.scope.as_str()).ok(),
            }
        }
        _ => None,
    }
}
