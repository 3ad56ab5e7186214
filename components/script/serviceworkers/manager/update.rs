/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Looks for a new version of a worker: fetches its scripts without running anything, and
//! compares them with those that are known.
//!
//! <https://w3c.github.io/ServiceWorker/#update>

use std::mem;
use std::time::Instant;

use background_sync_traits::UpdateViaCache;
use http::{HeaderMap, HeaderName, HeaderValue};
use net_traits::request::{Destination, RedirectMode, RequestBuilder, RequestId, RequestMode};
use net_traits::{ResourceThreads, cancel_async_fetch, fetch_async};
use servo_base::generic_channel::GenericSend;
use servo_constellation_traits::{ImportedScript, JobError, ScopeThings, ServiceWorkerScript};
use servo_url::ServoUrl;

use crate::dom::serviceworkers::manager::ServiceWorkerManager;
use crate::dom::serviceworkers::manager::idle::after;
use crate::dom::serviceworkers::manager::jobs::Stage;
use crate::dom::serviceworkers::manager::limits::step_limit;
use crate::dom::serviceworkers::manager::registration::ServiceWorkerRegistration;
use crate::dom::serviceworkers::manager::scriptfetch::{
    ResponseCollector, ScriptResponse, check_main_script, is_good_import, policy_headers,
    script_request,
};

const SERVICE_WORKER: HeaderName = HeaderName::from_static("service-worker");

/// A fetch of a script is over.
pub(super) struct FetchedScript {
    scope_url: ServoUrl,
    request: RequestId,
    result: Result<ScriptResponse, String>,
}

/// Of one job.
pub(super) struct UpdateCheck {
    scope_things: ScopeThings,
    /// When it has lasted too long.
    pub(super) limit: Option<Instant>,
    /// What is being fetched: the worker's own script alone, or then its imports.
    fetches: Vec<(RequestId, ServoUrl)>,
    main: Option<ServiceWorkerScript>,
    /// Whether the registration was stale when this began. The worker's own script ends that, and its imports still need
    /// to know.
    was_stale: bool,
    is_updated: bool,
}

impl Drop for UpdateCheck {
    fn drop(&mut self) {
        if !self.fetches.is_empty() {
            let requests = self.fetches.iter().map(|(request, _)| *request).collect();
            cancel_async_fetch(requests, &self.scope_things.init.resource_threads.sender());
        }
    }
}

impl ServiceWorkerManager {
    /// <https://w3c.github.io/ServiceWorker/#update>, step 7: fetches the script of the scope's first job.
    pub(super) fn begin_update(&mut self, scope_url: &ServoUrl) {
        let Some(job) = self.current_job(scope_url) else {
            return;
        };
        let script_url = job.script_url.clone();
        let via_cache = job.update_via_cache;
        let of_page = job.scope_things.take();
        // A job without a client is not under a page's policies.
        let policies = of_page.as_ref().map(|it| it.policy_container.clone());
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        let life_cycle = &mut registration.life_cycle;
        let Some(scope_things) = of_page.or_else(|| life_cycle.scope_things.clone()) else {
            let error = "none of its pages was open since the browser was started".to_owned();
            return self.reject_and_finish_job(scope_url, JobError::TypeError(error));
        };
        let scope_things = ScopeThings {
            script_url: script_url.clone(),
            ..scope_things
        };
        life_cycle
            .scope_things
            .get_or_insert_with(|| scope_things.clone());
        let was_stale = life_cycle.is_stale();
        let no_cache = via_cache != UpdateViaCache::All || was_stale;
        let mut headers = HeaderMap::new();
        headers.insert(SERVICE_WORKER, HeaderValue::from_static("script"));
        let load_origin = &scope_things.worker_load_origin;
        // Steps 1, 2, 3 and 5 of the fetch hook; the mode is that of every worker's script.
        let request = script_request(&scope_things, script_url.clone(), no_cache)
            .destination(Destination::ServiceWorker)
            .headers(headers)
            .mode(RequestMode::SameOrigin)
            .redirect_mode(RedirectMode::Error)
            .referrer_policy(load_origin.referrer_policy)
            .policy_container(policies.unwrap_or_default());
        let fetch = (request.id, script_url);
        self.fetch_script(&scope_things.init.resource_threads, request, scope_url);
        let check = UpdateCheck {
            scope_things,
            limit: after(step_limit()),
            fetches: vec![fetch],
            main: None,
            was_stale,
            is_updated: false,
        };
        self.set_stage(scope_url, Stage::Checking(check));
    }

    fn fetch_script(
        &self,
        resource_threads: &ResourceThreads,
        request: RequestBuilder,
        scope_url: &ServoUrl,
    ) {
        let core_thread = resource_threads.sender();
        let mut collector = Some(ResponseCollector::default());
        let (id, scope_url) = (request.id, scope_url.clone());
        let to_manager = self.fetched_sender.clone();
        let cancel_at = core_thread.clone();
        fetch_async(
            &core_thread,
            request,
            None,
            Box::new(move |message| {
                // What comes after the end of one that was cancelled here.
                let Some(result) = collector.as_mut().and_then(|it| it.handle(message)) else {
                    return;
                };
                collector = None;
                if result.is_err() {
                    cancel_async_fetch(vec![id], &cancel_at);
                }
                // An error means that the manager is gone.
                let _ = to_manager.send(FetchedScript {
                    scope_url: scope_url.clone(),
                    request: id,
                    result,
                });
            }),
        );
    }

    pub(super) fn handle_fetched_script(&mut self, fetched: FetchedScript) {
        let FetchedScript {
            scope_url,
            request,
            result,
        } = fetched;
        let Some(check) = self
            .job_queues
            .get_mut(&scope_url)
            .and_then(|queue| queue.check_mut())
        else {
            return;
        };
        let Some(position) = check.fetches.iter().position(|(id, _)| *id == request) else {
            return;
        };
        let (_, url) = check.fetches.swap_remove(position);
        match (&check.main, result) {
            (None, Ok(response)) => self.handle_main_script(&scope_url, response),
            (None, Err(why)) => {
                let error = format!("the script {url} can't be fetched: {why}");
                self.reject_and_finish_job(&scope_url, JobError::TypeError(error));
            }
            (Some(_), result) => self.handle_import(&scope_url, url, result.ok()),
        }
    }

    /// Steps 7 to 22 of the fetch hook.
    fn handle_main_script(&mut self, scope_url: &ServoUrl, response: ScriptResponse) {
        let Some(job) = self.current_job(scope_url) else {
            return;
        };
        let script_url = job.script_url.clone();
        // The registration gets it once this check is over.
        let via_cache = job.update_via_cache;
        if let Err(error) = check_main_script(&script_url, scope_url, &response.metadata) {
            return self.reject_and_finish_job(scope_url, error);
        }
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        // Step 20. The network does not say whether a response came from the cache.
        registration.life_cycle.note_update_check();
        // Steps 18 and 19.
        let main = ServiceWorkerScript {
            url: script_url,
            headers: policy_headers(&response.metadata),
            source: response.body,
            imports: Vec::new(),
        };
        // Step 21.
        let is_updated = is_new_script(registration, &main);
        let imports = match registration.newest_script() {
            // Step 22: the imports are compared if the script itself is the same.
            Some(script) if !is_updated => script.imports.clone(),
            _ => Vec::new(),
        };
        let Some(check) = self
            .job_queues
            .get_mut(scope_url)
            .and_then(|queue| queue.check_mut())
        else {
            return;
        };
        check.is_updated = is_updated;
        check.main = Some(main);
        let no_cache = via_cache == UpdateViaCache::None || check.was_stale;
        let scope_things = check.scope_things.clone();
        let requests: Vec<_> = imports
            .into_iter()
            .map(|import| {
                script_request(&scope_things, import.url, no_cache).destination(Destination::Script)
            })
            .collect();
        check.fetches = requests
            .iter()
            .map(|request| (request.id, request.url.url()))
            .collect();
        for request in requests {
            self.fetch_script(&scope_things.init.resource_threads, request, scope_url);
        }
        self.end_check_if_done(scope_url);
    }

    /// Step 22 of the fetch hook, for an import. One that can't be had makes no new version.
    fn handle_import(
        &mut self,
        scope_url: &ServoUrl,
        url: ServoUrl,
        response: Option<ScriptResponse>,
    ) {
        let known = self
            .registrations
            .get(scope_url)
            .and_then(ServiceWorkerRegistration::newest_script)
            .and_then(|script| script.imports.iter().find(|import| import.url == url));
        let response = response.filter(|response| is_good_import(&response.metadata));
        if let Some(response) = response {
            let is_updated = known.is_none_or(|known| known.source != response.body);
            let check = self
                .job_queues
                .get_mut(scope_url)
                .and_then(|queue| queue.check_mut());
            if let Some(check) = check
                && let Some(main) = &mut check.main
            {
                check.is_updated |= is_updated;
                main.imports.push(ImportedScript {
                    url,
                    final_url: response.metadata.final_url,
                    source: response.body,
                    muted_errors: response.muted_errors,
                });
            }
        }
        self.end_check_if_done(scope_url);
    }

    /// Steps 9 to 16 of the algorithm, once nothing is left to be fetched.
    fn end_check_if_done(&mut self, scope_url: &ServoUrl) {
        let Some(job) = self.current_job(scope_url) else {
            return;
        };
        let via_cache = job.update_via_cache;
        let Stage::Checking(check) = &mut job.stage else {
            return;
        };
        if !check.fetches.is_empty() {
            return;
        }
        let Some(main) = check.main.take() else {
            return;
        };
        let scope_things = check.scope_things.clone();
        let is_updated = mem::take(&mut check.is_updated);
        if is_updated {
            return self.start_new_worker(scope_url, scope_things, main);
        }
        // Step 9: it is the version that is there.
        if let Some(registration) = self.registrations.get_mut(scope_url)
            && registration.life_cycle.updates.via_cache != via_cache
        {
            registration.life_cycle.updates.via_cache = via_cache;
            registration.have_worker_stored(scope_url);
            self.tell_of_change(scope_url);
        }
        self.resolve_job(scope_url);
        self.finish_job(scope_url);
    }
}

/// Step 21 of the fetch hook.
fn is_new_script(registration: &ServiceWorkerRegistration, script: &ServiceWorkerScript) -> bool {
    match (registration.newest_worker(), registration.newest_script()) {
        (Some(newest), Some(known)) => {
            newest.script_url != script.url || known.source != script.source
        }
        _ => true,
    }
}
