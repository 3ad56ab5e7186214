/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The jobs that a `ServiceWorkerRegistration` object schedules, in windows and in workers.
//!
//! <https://w3c.github.io/ServiceWorker/#serviceworkerregistration-interface>

use std::ffi::CString;

use background_sync_traits::UpdateViaCache;
use js::context::JSContext;
use js::realm::CurrentRealm;
use servo_constellation_traits::{
    Job, JobError, JobResult, JobResultValue, JobType, ScriptToConstellationMessage,
    ServiceWorkerAlgorithm, ServiceWorkerAlgorithmResult, ServiceWorkerMsg,
};

use crate::dom::RootedPromise;
use crate::dom::bindings::codegen::Bindings::ServiceWorkerBinding::ServiceWorkerState;
use crate::dom::bindings::codegen::Bindings::ServiceWorkerRegistrationBinding::ServiceWorkerUpdateViaCache;
use crate::dom::bindings::error::Error;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::globalscope::GlobalScope;
use crate::dom::promise::Promise;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkerregistration::ServiceWorkerRegistration;
use crate::dom::serviceworkers::registrationstate::registration_object;
use crate::dom::window::Window;
use crate::routed_promise::{RoutedPromiseListener, callback_promise};

/// Sends `algorithm` to the service worker manager. A service worker does it itself: the page whose name the constellation
/// would look at may be gone.
///
/// # Errors
/// The browser is shutting down.
pub(crate) fn send_algorithm(
    global: &GlobalScope,
    algorithm: ServiceWorkerAlgorithm,
) -> Result<(), Error> {
    let sent = match global.downcast::<ServiceWorkerGlobalScope>() {
        Some(worker) => {
            let message = ServiceWorkerMsg::HandleAlgorithm(global.pipeline_id(), algorithm);
            worker.swmanager_sender().send(message).is_ok()
        }
        None => {
            let message = ScriptToConstellationMessage::ServiceWorkerAlgorithm(algorithm);
            global.script_to_constellation_chan().send(message).is_ok()
        }
    };
    if sent {
        Ok(())
    } else {
        Err(Error::Type(c"the browser is shutting down".to_owned()))
    }
}

/// What a job's promise is rejected with.
pub(crate) fn job_error(error: JobError) -> Error {
    match error {
        JobError::TypeError(why) => {
            let message = CString::new(format!("Failed to register a service worker: {why}"));
            Error::Type(message.unwrap_or_default())
        }
        JobError::SecurityError(why) => {
            Error::Security(Some(format!("Failed to register a service worker: {why}")))
        }
    }
}

/// As the job says it.
pub(crate) fn update_via_cache(mode: ServiceWorkerUpdateViaCache) -> UpdateViaCache {
    match mode {
        ServiceWorkerUpdateViaCache::Imports => UpdateViaCache::Imports,
        ServiceWorkerUpdateViaCache::All => UpdateViaCache::All,
        ServiceWorkerUpdateViaCache::None => UpdateViaCache::None,
    }
}

/// As scripts see it.
pub(crate) fn dom_update_via_cache(mode: UpdateViaCache) -> ServiceWorkerUpdateViaCache {
    match mode {
        UpdateViaCache::Imports => ServiceWorkerUpdateViaCache::Imports,
        UpdateViaCache::All => ServiceWorkerUpdateViaCache::All,
        UpdateViaCache::None => ServiceWorkerUpdateViaCache::None,
    }
}

impl ServiceWorkerRegistration {
    /// <https://w3c.github.io/ServiceWorker/#dom-serviceworkerregistration-update>
    pub(crate) fn update(&self, cx: &mut CurrentRealm) -> RootedPromise {
        let promise = Promise::new_in_realm(cx);
        let global: &GlobalScope = &self.global();
        // Step 4: a worker that is being installed can't replace itself.
        let is_installing = global
            .downcast::<ServiceWorkerGlobalScope>()
            .is_some_and(|worker| worker.own_state().get() == ServiceWorkerState::Installing);
        if is_installing {
            let message = "a worker can't call update() while it is being installed".to_owned();
            promise.reject_error(cx, Error::InvalidState(Some(message)));
            return promise;
        }
        if let Err(error) = self.schedule(global, JobType::Update, &promise) {
            promise.reject_error(cx, error);
        }
        promise
    }

    /// <https://w3c.github.io/ServiceWorker/#dom-serviceworkerregistration-unregister>, in a worker.
    pub(crate) fn unregister_in_worker(&self, cx: &mut JSContext, promise: &RootedPromise) {
        if let Err(error) = self.schedule(&self.global(), JobType::Unregister, promise) {
            promise.reject_error(cx, error);
        }
    }

    /// <https://w3c.github.io/ServiceWorker/#create-job>, <https://w3c.github.io/ServiceWorker/#schedule-job>
    fn schedule(
        &self,
        global: &GlobalScope,
        job_type: JobType,
        promise: &RootedPromise,
    ) -> Result<(), Error> {
        let no_worker = || Error::InvalidState(Some("the registration has no worker".to_owned()));
        let storage_key = global.obtain_storage_key().ok_or_else(no_worker)?;
        let script_url = match self.get_newest_worker() {
            Some(newest) => newest.get_script_url(),
            // A worker whose script runs for the first time is not its registration's yet.
            None if job_type == JobType::Unregister => global.creation_url(),
            None => return Err(no_worker()),
        };
        // What only a page has: without it, the manager takes that of the registration.
        let scope_things = global
            .is::<Window>()
            .then(|| Self::create_scope_things(global, script_url.clone()));
        let task_manager = global.task_manager();
        let into_algorithm = match job_type {
            JobType::Unregister => ServiceWorkerAlgorithm::Unregister,
            JobType::Register | JobType::Update => ServiceWorkerAlgorithm::StartRegister,
        };
        let job = Job::create_job(
            job_type,
            self.scope_url().clone(),
            script_url,
            callback_promise(promise, self, task_manager.dom_manipulation_task_source()),
            global.creation_url(),
            scope_things,
            storage_key,
        );
        send_algorithm(global, into_algorithm(job))
    }
}

impl RoutedPromiseListener<crate::DomTypeHolder, ServiceWorkerAlgorithmResult>
    for ServiceWorkerRegistration
{
    /// <https://w3c.github.io/ServiceWorker/#resolve-job-promise>,
    /// <https://w3c.github.io/ServiceWorker/#reject-job-promise>
    fn handle_response(
        &self,
        cx: &mut JSContext,
        response: ServiceWorkerAlgorithmResult,
        promise: &RootedPromise,
    ) {
        // Nothing else is sent to the client of a job.
        let ServiceWorkerAlgorithmResult::Job(result) = response else {
            return;
        };
        match result {
            JobResult::ResolvePromise(JobResultValue::Register(info)) => {
                let registration = registration_object(cx, &self.global(), &info);
                promise.resolve_native(cx, &*registration);
            }
            JobResult::ResolvePromise(JobResultValue::Unregister(found)) => {
                promise.resolve_native(cx, &found);
            }
            JobResult::RejectPromise(error) => promise.reject_error(cx, job_error(error)),
        }
    }
}
