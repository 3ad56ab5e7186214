/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `self.registration` in a service worker.
//!
//! <https://w3c.github.io/ServiceWorker/#service-worker-global-scope-registration>

use js::context::JSContext;
use servo_constellation_traits::{ServiceWorkerInfo, ServiceWorkerRegistrationInfo};
use stylo_atoms::Atom;

use crate::dom::bindings::codegen::Bindings::ServiceWorkerBinding::ServiceWorkerState;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::root::DomRoot;
use crate::dom::eventtarget::EventTarget;
use crate::dom::globalscope::GlobalScope;
use crate::dom::serviceworker::ServiceWorker;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkerregistration::ServiceWorkerRegistration;
use crate::dom::serviceworkers::registrationstate::{registration_changed, registration_object};
use crate::dom::workerglobalscope::WorkerGlobalScope;

impl ServiceWorkerGlobalScope {
    /// The registration that this worker belongs to, always the same object.
    pub(crate) fn own_registration(
        &self,
        cx: &mut JSContext,
    ) -> DomRoot<ServiceWorkerRegistration> {
        let info = self.own_registration_info();
        registration_object(cx, self.upcast::<GlobalScope>(), &info)
    }

    /// <https://w3c.github.io/ServiceWorker/#dom-serviceworkerglobalscope-serviceworker>, always the same object.
    pub(crate) fn own_service_worker(&self, cx: &mut JSContext) -> DomRoot<ServiceWorker> {
        let script_url = self.upcast::<WorkerGlobalScope>().get_url().clone();
        let global = self.upcast::<GlobalScope>();
        let worker =
            global.get_serviceworker(cx, &script_url, &self.scope_url(), self.service_worker_id());
        self.own_worker().set(Some(&worker));
        // Of a worker that is in no slot of its registration nobody else tells the state.
        worker.replace_state(self.own_state().get());
        worker
    }

    /// Whether it has not been installed yet.
    pub(crate) fn is_new(&self) -> bool {
        matches!(
            self.own_state().get(),
            ServiceWorkerState::Parsed | ServiceWorkerState::Installing
        )
    }

    /// This worker has come one step further in its life cycle.
    pub(crate) fn set_own_state(&self, cx: &mut JSContext, state: ServiceWorkerState) {
        self.own_state().set(state);
        let info = self.own_registration_info();
        registration_changed(cx, self.upcast::<GlobalScope>(), &info);
    }

    /// The manager says that a worker of the registration, perhaps another one, has come one step further.
    pub(crate) fn registration_changed(
        &self,
        cx: &mut JSContext,
        info: ServiceWorkerRegistrationInfo,
    ) {
        *self.registration_info().borrow_mut() = info;
        let info = self.own_registration_info();
        registration_changed(cx, self.upcast::<GlobalScope>(), &info);
    }

    /// <https://w3c.github.io/ServiceWorker/#service-worker-registration-updatefound-event>
    pub(crate) fn update_found(&self, cx: &mut JSContext) {
        let id = self.registration_info().borrow().id;
        let global = self.upcast::<GlobalScope>();
        if let Some(registration) = global.known_serviceworker_registration(id) {
            let target = registration.upcast::<EventTarget>();
            target.fire_event(cx, Atom::from("updatefound"));
        }
    }

    /// What the manager has told, but that of this worker it knows more: its state changes here first.
    fn own_registration_info(&self) -> ServiceWorkerRegistrationInfo {
        let told = self.registration_info().borrow().clone();
        let state = self.own_state().get();
        let own = ServiceWorkerInfo {
            id: self.service_worker_id(),
            script_url: self.upcast::<WorkerGlobalScope>().get_url().clone(),
        };
        let slot = |told: Option<ServiceWorkerInfo>, states: &[ServiceWorkerState]| {
            if states.contains(&state) {
                Some(own.clone())
            } else {
                told.filter(|worker| worker.id != own.id)
            }
        };
        let is_active = matches!(
            state,
            ServiceWorkerState::Activating | ServiceWorkerState::Activated
        );
        ServiceWorkerRegistrationInfo {
            installing_worker: slot(told.installing_worker, &[ServiceWorkerState::Installing]),
            waiting_worker: slot(told.waiting_worker, &[ServiceWorkerState::Installed]),
            active_worker: slot(
                told.active_worker,
                &[
                    ServiceWorkerState::Activating,
                    ServiceWorkerState::Activated,
                ],
            ),
            activated: match is_active {
                true => state == ServiceWorkerState::Activated,
                false => told.activated,
            },
            ..told
        }
    }
}
