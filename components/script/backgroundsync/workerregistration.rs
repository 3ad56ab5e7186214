/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `self.registration` in a service worker.
//!
//! <https://w3c.github.io/ServiceWorker/#service-worker-global-scope-registration>

use js::context::JSContext;
use servo_constellation_traits::ServiceWorkerRegistrationInfo;

use crate::dom::backgroundsync::registrationstate::{registration_changed, registration_object};
use crate::dom::bindings::codegen::Bindings::ServiceWorkerBinding::ServiceWorkerState;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::root::DomRoot;
use crate::dom::globalscope::GlobalScope;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkerregistration::ServiceWorkerRegistration;
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

    /// This worker has come one step further in its life cycle.
    pub(crate) fn set_own_state(&self, cx: &mut JSContext, state: ServiceWorkerState) {
        self.own_state().set(state);
        let info = self.own_registration_info();
        registration_changed(cx, self.upcast::<GlobalScope>(), &info);
    }

    fn own_registration_info(&self) -> ServiceWorkerRegistrationInfo {
        let state = self.own_state().get();
        let in_slot = |states: &[ServiceWorkerState]| {
            states.contains(&state).then_some(self.service_worker_id())
        };
        let scope_url = self.scope_url().clone();
        ServiceWorkerRegistrationInfo {
            id: self.registration_id(),
            installing_worker: in_slot(&[ServiceWorkerState::Installing]),
            waiting_worker: in_slot(&[ServiceWorkerState::Installed]),
            active_worker: in_slot(&[
                ServiceWorkerState::Activating,
                ServiceWorkerState::Activated,
            ]),
            activated: state == ServiceWorkerState::Activated,
            storage_key: scope_url.origin(),
            scope_url,
            script_url: self.upcast::<WorkerGlobalScope>().get_url().clone(),
        }
    }
}
