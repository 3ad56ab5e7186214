/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a page's `navigator.serviceWorker` has of the life cycle: its controller, updates, and what the service worker
//! manager tells it.
//!
//! <https://w3c.github.io/ServiceWorker/#serviceworkercontainer-interface>

use js::context::JSContext;
use log::warn;
use servo_base::id::ServiceWorkerRegistrationId;
use servo_constellation_traits::{
    ScriptToConstellationMessage, ServiceWorkerAlgorithm, ServiceWorkerRegistrationInfo,
};
use stylo_atoms::Atom;

use crate::dom::backgroundsync::registrationstate::registration_object;
use crate::dom::backgroundsync::serviceworkerclients::controlling_registration;
use crate::dom::bindings::codegen::Bindings::ServiceWorkerRegistrationBinding::ServiceWorkerRegistrationMethods;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::eventtarget::EventTarget;
use crate::dom::serviceworkercontainer::ServiceWorkerContainer;
use crate::dom::window::Window;

impl ServiceWorkerContainer {
    /// Finds the worker that controls this page, and makes the page known to the service worker manager.
    pub(crate) fn introduce(&self, cx: &mut JSContext) {
        let global = self.global();
        let Some(storage_key) = global.obtain_storage_key() else {
            return;
        };
        let client_url = global.creation_url();
        let window = global.downcast::<Window>();
        // What became active only later does not control this page, although it asks only now.
        let controlled_by = window
            .and_then(|window| controlling_registration(&client_url, window.navigation_start()));
        if let Some(info) = &controlled_by {
            self.set_controller(cx, info);
        }
        let is_top_level = window.is_some_and(|window| window.is_top_level());
        let message = ScriptToConstellationMessage::ServiceWorkerAlgorithm(
            ServiceWorkerAlgorithm::NewClient {
                storage_key,
                client_url,
                is_top_level,
                controlled_by: controlled_by.map(|info| info.scope_url),
                result_handler: self.result_callback(None),
            },
        );
        if global.script_to_constellation_chan().send(message).is_err() {
            warn!("The constellation is gone: this page hears nothing of its service workers.");
        }
    }

    fn set_controller(&self, cx: &mut JSContext, info: &ServiceWorkerRegistrationInfo) {
        let registration = registration_object(cx, &self.global(), info);
        self.controller().set(registration.GetActive().as_deref());
    }

    /// <https://w3c.github.io/ServiceWorker/#notify-controller-change>
    pub(crate) fn controller_changed(
        &self,
        cx: &mut JSContext,
        info: &ServiceWorkerRegistrationInfo,
    ) {
        self.set_controller(cx, info);
        self.upcast::<EventTarget>()
            .fire_event(cx, Atom::from("controllerchange"));
    }

    /// A registration has a new installing worker.
    pub(crate) fn update_found(&self, cx: &mut JSContext, id: ServiceWorkerRegistrationId) {
        if let Some(registration) = self.global().known_serviceworker_registration(id) {
            registration
                .upcast::<EventTarget>()
                .fire_event(cx, Atom::from("updatefound"));
        }
    }
}
