/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Keeps a global's `ServiceWorkerRegistration` and `ServiceWorker` objects in step with the service worker manager.
//!
//! <https://w3c.github.io/ServiceWorker/#update-registration-state-algorithm>,
//! <https://w3c.github.io/ServiceWorker/#update-worker-state-algorithm>

use js::context::JSContext;
use servo_constellation_traits::{ServiceWorkerInfo, ServiceWorkerRegistrationInfo};
use stylo_atoms::Atom;

use crate::dom::bindings::codegen::Bindings::ServiceWorkerBinding::ServiceWorkerState;
use crate::dom::bindings::codegen::Bindings::ServiceWorkerRegistrationBinding::ServiceWorkerRegistrationMethods;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::root::DomRoot;
use crate::dom::eventtarget::EventTarget;
use crate::dom::globalscope::GlobalScope;
use crate::dom::serviceworker::ServiceWorker;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkerregistration::ServiceWorkerRegistration;
use crate::dom::serviceworkers::registrationjobs::dom_update_via_cache;

/// The object that stands for the registration `info` describes, in the state that `info` describes.
pub(crate) fn registration_object(
    cx: &mut JSContext,
    global: &GlobalScope,
    info: &ServiceWorkerRegistrationInfo,
) -> DomRoot<ServiceWorkerRegistration> {
    // Its workers get their places below.
    let registration = global.get_serviceworker_registration(
        cx,
        &info.scope_url,
        &info.scope_url,
        info.id,
        None,
        None,
        None,
    );
    update_registration_state(cx, global, &registration, info);
    registration
}

/// A registration has changed. Does nothing unless script has seen its object.
pub(crate) fn registration_changed(
    cx: &mut JSContext,
    global: &GlobalScope,
    info: &ServiceWorkerRegistrationInfo,
) {
    if let Some(registration) = global.known_serviceworker_registration(info.id) {
        update_registration_state(cx, global, &registration, info);
    }
}

fn update_registration_state(
    cx: &mut JSContext,
    global: &GlobalScope,
    registration: &ServiceWorkerRegistration,
    info: &ServiceWorkerRegistrationInfo,
) {
    let before = [
        registration.GetInstalling(),
        registration.GetWaiting(),
        registration.GetActive(),
    ];
    let mut worker_object = |worker: &Option<ServiceWorkerInfo>| {
        let worker = worker.as_ref()?;
        Some(global.get_serviceworker(cx, &worker.script_url, &info.scope_url, worker.id))
    };
    let installing = worker_object(&info.installing_worker);
    let waiting = worker_object(&info.waiting_worker);
    let active = worker_object(&info.active_worker);
    registration.set_workers(installing.as_deref(), waiting.as_deref(), active.as_deref());
    registration.set_update_via_cache(dom_update_via_cache(info.update_via_cache));

    let is_cleared = installing.is_none() && waiting.is_none() && active.is_none();
    let active_state = if info.activated {
        ServiceWorkerState::Activated
    } else {
        ServiceWorkerState::Activating
    };
    let after = [
        (installing, ServiceWorkerState::Installing),
        (waiting, ServiceWorkerState::Installed),
        (active, active_state),
    ];
    for worker in before.into_iter().flatten() {
        if !after
            .iter()
            .any(|(other, _)| other.as_deref().is_some_and(|other| *other == *worker))
        {
            worker.set_state(cx, ServiceWorkerState::Redundant);
        }
    }
    for (worker, state) in after {
        if let Some(worker) = worker {
            worker.set_state(cx, state);
        }
    }
    // Nobody will hear of it again. A worker keeps the object of its own registration, which it may ask for at any time.
    if is_cleared && !global.is::<ServiceWorkerGlobalScope>() {
        global.forget_serviceworker_registration(info.id);
    }
}

impl ServiceWorker {
    /// <https://w3c.github.io/ServiceWorker/#update-worker-state-algorithm>
    fn set_state(&self, cx: &mut JSContext, state: ServiceWorkerState) {
        if self.replace_state(state) != state {
            self.upcast::<EventTarget>()
                .fire_event(cx, Atom::from("statechange"));
        }
    }
}
