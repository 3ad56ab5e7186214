/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `navigator.serviceWorker.ready`.
//!
//! <https://w3c.github.io/ServiceWorker/#navigator-service-worker-ready>

use js::context::JSContext;
use log::warn;
use servo_constellation_traits::{
    ScriptToConstellationMessage, ServiceWorkerAlgorithm, ServiceWorkerRegistrationInfo,
};

use crate::dom::RootedPromise;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::promise::Promise;
use crate::dom::serviceworkercontainer::ServiceWorkerContainer;
use crate::dom::serviceworkers::registrationstate::registration_object;

impl ServiceWorkerContainer {
    /// The container's ready promise. It is never rejected: without an active worker it stays pending.
    pub(crate) fn ready(&self, cx: &mut JSContext) -> RootedPromise {
        if let Some(promise) = self.ready_promise().borrow().as_ref() {
            return promise.root(cx);
        }
        let global = self.global();
        let promise = Promise::new(cx, &global);
        *self.ready_promise().borrow_mut() = Some(promise.to_traced());

        let Some(storage_key) = global.obtain_storage_key() else {
            return promise;
        };
        let message = ScriptToConstellationMessage::ServiceWorkerAlgorithm(
            ServiceWorkerAlgorithm::WhenActive {
                client_url: global.creation_url(),
                storage_key,
                result_handler: self.result_callback(None),
            },
        );
        if global.script_to_constellation_chan().send(message).is_err() {
            warn!("The constellation is gone: navigator.serviceWorker.ready stays pending.");
        }
        promise
    }

    /// A registration that the page is in the scope of has an active worker.
    pub(crate) fn resolve_ready(&self, cx: &mut JSContext, info: &ServiceWorkerRegistrationInfo) {
        let promise = self
            .ready_promise()
            .borrow()
            .as_ref()
            .map(|promise| promise.root(cx));
        if let Some(promise) = promise {
            let registration = registration_object(cx, &self.global(), info);
            promise.resolve_native(cx, &*registration);
        }
    }
}
