/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The pages that a service worker manager knows: it answers them, tells them of changes, and lists them for workers.
//!
//! <https://w3c.github.io/ServiceWorker/#dfn-service-worker-client>

use std::cmp::Reverse;
use std::collections::HashMap;
use std::mem;
use std::time::{Duration, Instant};

use log::debug;
use servo_base::generic_channel::GenericCallback;
use servo_base::id::{PipelineId, ServiceWorkerRegistrationId};
use servo_constellation_traits::{
    ClientView, ServiceWorkerAlgorithm, ServiceWorkerAlgorithmResult, ServiceWorkerClientInfo,
    ServiceWorkerRegistrationInfo,
};
use servo_url::ServoUrl;

use crate::dom::serviceworkers::manager::{ServiceWorkerManager, activeregistrations};
use crate::dom::serviceworkers::workerscope::FromManager;

#[cfg(feature = "offline")]
mod views;

/// How long a page may take that has to introduce itself.
const INTRODUCTION_LIMIT: Duration = Duration::from_secs(5);

struct Client {
    /// Clients have their numbers in the order in which they appeared.
    number: u64,
    callback: GenericCallback<ServiceWorkerAlgorithmResult>,
    url: ServoUrl,
    is_top_level: bool,
    view: ClientView,
    /// When it had the focus last, as a number that grows; 0 if never.
    last_focus: u64,
    /// A document that is only in a session history is no client for the time.
    is_active: bool,
    /// Scope of the registration whose active worker controls the page.
    controlled_by: Option<ServoUrl>,
    /// Whether the page waits for an active worker.
    waits_for_active: bool,
}

/// The pages of this origin.
#[derive(Default)]
pub(super) struct Clients {
    clients: HashMap<PipelineId, Client>,
    last_number: u64,
    last_focus: u64,
    expected: HashMap<PipelineId, Expected>,
}

/// A page that is about to be shown in the place of another one.
struct Expected {
    url: ServoUrl,
    /// It is not waited for any longer.
    limit: Instant,
}

impl Clients {
    /// Until it has introduced itself, the page holds a new version back as the one before it did.
    pub(super) fn expect(&mut self, pipeline_id: PipelineId, url: ServoUrl) {
        if !self.clients.contains_key(&pipeline_id) {
            let limit = Instant::now() + INTRODUCTION_LIMIT;
            self.expected.insert(pipeline_id, Expected { url, limit });
        }
    }

    pub(super) fn next_limit(&self) -> Option<Instant> {
        self.expected.values().map(|expected| expected.limit).min()
    }

    /// Notes a page that introduces itself, and where it wants its answers.
    pub(super) fn add(&mut self, pipeline_id: PipelineId, algorithm: ServiceWorkerAlgorithm) {
        let ServiceWorkerAlgorithm::NewClient {
            client_url,
            is_top_level,
            controlled_by,
            view,
            result_handler,
            ..
        } = algorithm
        else {
            return;
        };
        self.last_number += 1;
        self.expected.remove(&pipeline_id);
        let client = Client {
            number: self.last_number,
            callback: result_handler,
            url: client_url,
            is_top_level,
            view,
            last_focus: 0,
            is_active: true,
            controlled_by,
            waits_for_active: false,
        };
        self.clients.insert(pipeline_id, client);
        self.view_changed(pipeline_id, view);
    }

    /// The page is seen now, or no more; or has the focus, or no more.
    pub(super) fn view_changed(&mut self, pipeline_id: PipelineId, view: ClientView) {
        if let Some(client) = self.clients.get_mut(&pipeline_id) {
            client.view = view;
            if view.has_focus {
                self.last_focus += 1;
                client.last_focus = self.last_focus;
            }
        }
    }

    fn forget(&mut self, pipeline_id: PipelineId) {
        self.clients.remove(&pipeline_id);
        self.expected.remove(&pipeline_id);
    }

    /// Whether a page uses the registration of `scope_url`.
    pub(super) fn uses(&self, scope_url: &ServoUrl) -> bool {
        self.clients
            .values()
            .any(|client| client.is_active && client.controlled_by.as_ref() == Some(scope_url))
            || self
                .expected
                .values()
                .any(|expected| expected.url.as_str().starts_with(scope_url.as_str()))
    }

    /// The registration of `scope_url` is gone: a later one of that scope does not control its pages.
    pub(super) fn release(&mut self, scope_url: &ServoUrl) {
        for client in self.clients.values_mut() {
            client
                .controlled_by
                .take_if(|controlled_by| controlled_by == scope_url);
        }
    }

    pub(super) fn tell(&self, pipeline_id: PipelineId, result: ServiceWorkerAlgorithmResult) {
        if let Some(client) = self.clients.get(&pipeline_id) {
            client.tell(result);
        }
    }

    pub(super) fn tell_all_of_change(&self, info: &ServiceWorkerRegistrationInfo) {
        activeregistrations::note_change(info);
        for client in self.clients.values() {
            client.tell(ServiceWorkerAlgorithmResult::RegistrationChanged(
                info.clone(),
            ));
        }
    }

    fn tell_all_of_update(&self, id: ServiceWorkerRegistrationId) {
        for client in self.clients.values() {
            client.tell(ServiceWorkerAlgorithmResult::UpdateFound(id));
        }
    }

    /// Tells the pages that use a registration of its new active worker.
    pub(super) fn tell_controlled(&self, info: &ServiceWorkerRegistrationInfo) {
        for client in self.clients.values() {
            if client.controlled_by.as_ref() == Some(&info.scope_url) {
                client.tell(ServiceWorkerAlgorithmResult::ControllerChanged(
                    info.clone(),
                ));
            }
        }
    }

    fn list(
        &self,
        scope_url: &ServoUrl,
        include_uncontrolled: bool,
    ) -> Vec<ServiceWorkerClientInfo> {
        let mut matching: Vec<_> = self
            .clients
            .iter()
            .filter(|(_, client)| {
                client.is_active
                    && (include_uncontrolled || client.controlled_by.as_ref() == Some(scope_url))
            })
            .collect();
        // Step 6.3: those that had the focus last come first, the others as they appeared.
        matching.sort_by_key(|(_, client)| (Reverse(client.last_focus), client.number));
        matching
            .into_iter()
            .map(|(pipeline_id, client)| client.info(*pipeline_id))
            .collect()
    }

    pub(super) fn info(&self, pipeline_id: PipelineId) -> Option<ServiceWorkerClientInfo> {
        let client = self.clients.get(&pipeline_id)?;
        Some(client.info(pipeline_id))
    }

    fn take_waiting(&mut self) -> Vec<(PipelineId, ServoUrl)> {
        self.clients
            .iter_mut()
            .filter_map(|(pipeline_id, client)| {
                mem::take(&mut client.waits_for_active).then(|| (*pipeline_id, client.url.clone()))
            })
            .collect()
    }
}

impl Client {
    fn info(&self, pipeline_id: PipelineId) -> ServiceWorkerClientInfo {
        ServiceWorkerClientInfo {
            view: self.view,
            pipeline_id,
            url: self.url.clone(),
            is_top_level: self.is_top_level,
        }
    }

    fn tell(&self, result: ServiceWorkerAlgorithmResult) {
        if self.callback.send(result).is_err() {
            debug!("A service worker client is gone.");
        }
    }
}

impl ServiceWorkerManager {
    /// Answers `pipeline_id` now or as soon as a registration that `client_url` is in the scope of has an active worker.
    pub(super) fn answer_when_active(&mut self, pipeline_id: PipelineId, client_url: &ServoUrl) {
        let answered = self.answer_if_active(pipeline_id, client_url);
        if let Some(client) = self.clients.clients.get_mut(&pipeline_id) {
            client.waits_for_active = !answered;
        }
    }

    /// An active worker has appeared: answers the clients that wait for it.
    pub(super) fn answer_waiting_clients(&mut self) {
        for (pipeline_id, client_url) in self.clients.take_waiting() {
            self.answer_when_active(pipeline_id, &client_url);
        }
    }

    fn answer_if_active(&self, pipeline_id: PipelineId, client_url: &ServoUrl) -> bool {
        let Some(scope_url) = self.matching_scope(client_url) else {
            return false;
        };
        let Some(registration) = self.registrations.get(&scope_url) else {
            return false;
        };
        if registration.active_worker.is_none() {
            return false;
        }
        let info = registration.info(&scope_url);
        self.clients
            .tell(pipeline_id, ServiceWorkerAlgorithmResult::Ready(info));
        true
    }

    /// Tells pages and the registration's own workers what has become of it.
    pub(super) fn tell_of_change(&self, scope_url: &ServoUrl) {
        let Some(registration) = self.registrations.get(scope_url) else {
            return;
        };
        let info = registration.info(scope_url);
        self.clients.tell_all_of_change(&info);
        for worker in registration.in_slots() {
            worker.send_message(FromManager::RegistrationChanged(info.clone()));
        }
    }

    /// The registration has a new installing worker.
    pub(super) fn tell_of_update(&self, scope_url: &ServoUrl) {
        let Some(registration) = self.registrations.get(scope_url) else {
            return;
        };
        self.clients.tell_all_of_update(registration.id);
        // The new one tells itself, before it is installed.
        for worker in registration.in_slots().skip(1) {
            worker.send_message(FromManager::UpdateFound);
        }
    }

    /// The longest scope that `client_url` starts with.
    ///
    /// <https://w3c.github.io/ServiceWorker/#match-service-worker-registration>
    pub(super) fn matching_scope(&self, client_url: &ServoUrl) -> Option<ServoUrl> {
        self.registrations
            .keys()
            .filter(|scope| client_url.as_str().starts_with(scope.as_str()))
            .max_by_key(|scope| scope.as_str().len())
            .cloned()
    }

    /// <https://w3c.github.io/ServiceWorker/#clients-matchall>
    pub(super) fn list_clients(
        &self,
        scope_url: &ServoUrl,
        include_uncontrolled: bool,
        answer: &GenericCallback<Vec<ServiceWorkerClientInfo>>,
    ) {
        let clients = self.clients.list(scope_url, include_uncontrolled);
        if answer.send(clients).is_err() {
            debug!("The service worker that asked for its clients is gone.");
        }
    }

    /// <https://w3c.github.io/ServiceWorker/#clients-claim>
    pub(super) fn claim_clients(&mut self, scope_url: &ServoUrl) {
        let Some(registration) = self.registrations.get(scope_url) else {
            return;
        };
        let info = registration.info(scope_url);
        // Also pages that have not used `navigator.serviceWorker` yet.
        activeregistrations::note_claim(scope_url);
        let matching: Vec<PipelineId> = self
            .clients
            .clients
            .iter()
            .filter(|(_, client)| {
                client.controlled_by.as_ref() != Some(scope_url)
                    && self.matching_scope(&client.url).as_ref() == Some(scope_url)
            })
            .map(|(pipeline_id, _)| *pipeline_id)
            .collect();
        for pipeline_id in matching {
            if let Some(client) = self.clients.clients.get_mut(&pipeline_id) {
                client.controlled_by = Some(scope_url.clone());
                client.tell(ServiceWorkerAlgorithmResult::ControllerChanged(
                    info.clone(),
                ));
            }
        }
    }

    /// A page is gone: what waited for it may go on.
    pub(super) fn forget_client(&mut self, pipeline_id: PipelineId) {
        #[cfg(feature = "offline")]
        if let Some(client) = self.clients.info(pipeline_id) {
            self.openings.place_left(client.view.browsing_context_id);
        }
        self.clients.forget(pipeline_id);
        self.try_activate_all();
    }

    /// A page has gone into its window's session history, or has come back from there.
    ///
    /// <https://w3c.github.io/ServiceWorker/#dfn-service-worker-client>: only documents that are fully active are clients.
    pub(super) fn client_activity_changed(&mut self, pipeline_id: PipelineId, is_active: bool) {
        if let Some(client) = self.clients.clients.get_mut(&pipeline_id) {
            client.is_active = is_active;
            #[cfg(feature = "offline")]
            if !is_active {
                let place = client.view.browsing_context_id;
                self.openings.place_left(place);
            }
        }
        self.try_activate_all();
    }

    /// Pages that have not introduced themselves in time hold nothing back.
    pub(super) fn give_up_expected_clients(&mut self, now: Instant) {
        let before = self.clients.expected.len();
        self.clients
            .expected
            .retain(|_, expected| expected.limit > now);
        if self.clients.expected.len() < before {
            self.try_activate_all();
        }
    }

    pub(super) fn try_activate_all(&mut self) {
        let waiting: Vec<ServoUrl> = self
            .registrations
            .iter()
            .filter(|(_, registration)| registration.waiting_worker.is_some())
            .map(|(scope_url, _)| scope_url.clone())
            .collect();
        for scope_url in waiting {
            self.try_activate(&scope_url);
        }
    }
}
