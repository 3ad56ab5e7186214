/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Service workers of an earlier run of the browser, and those of which no page is open.

use std::collections::HashMap;

use background_sync_traits::{
    KnownWorker, ScopeKey, StoredImports, StoredWorker, SyncManagerMessage,
};
use devtools_traits::WorkerId;
use embedder_traits::ScriptToEmbedderChan;
#[cfg(feature = "offline")]
use embedder_traits::service_workers::NotificationEventToFire;
use layout_api::ScriptThreadFactory;
use log::{debug, warn};
use net_traits::ReferrerPolicy;
use net_traits::policy_container::PolicyContainer;
use servo_base::generic_channel::GenericSender;
use servo_base::id::{
    BrowsingContextId, PainterId, PipelineId, ServiceWorkerId, ServiceWorkerRegistrationId,
    WebViewId,
};
use servo_constellation_traits::{
    ImportedScript, ScopeThings, ServiceWorkerInfo, ServiceWorkerManagerFactory, ServiceWorkerMsg,
    ServiceWorkerRegistrationInfo, ServiceWorkerScript, WorkerGlobalScopeInit,
    WorkerScriptLoadOrigin,
};
use servo_url::{ImmutableOrigin, ServoUrl};
use uuid::Uuid;

use crate::Constellation;

/// The service worker registrations of an earlier run.
pub(crate) type KnownWorkers =
    HashMap<ImmutableOrigin, Vec<(ScopeKey, ServiceWorkerRegistrationInfo)>>;

/// The scripts of which the URLs can be read, which are all that were stored.
fn imported_scripts(imports: StoredImports) -> Vec<ImportedScript> {
    Vec::from(imports)
        .into_iter()
        .filter_map(|import| {
            Some(ImportedScript {
                url: ServoUrl::parse(import.url.as_str()).ok()?,
                final_url: ServoUrl::parse(import.final_url.as_str()).ok()?,
                source: import.source.into(),
                muted_errors: import.muted_errors,
            })
        })
        .collect()
}

impl<STF: ScriptThreadFactory, SWF: ServiceWorkerManagerFactory> Constellation<STF, SWF> {
    /// Makes a service worker known that was installed in an earlier run of the browser, with everything that a page
    /// would have given it.
    pub(crate) fn start_stored_worker(&mut self, scope: &ScopeKey, worker: StoredWorker) {
        let (Ok(scope_url), Ok(script_url)) = (
            ServoUrl::parse(scope.scope.as_str()),
            ServoUrl::parse(worker.script_url.as_str()),
        ) else {
            return warn!("A stored service worker has no valid URLs.");
        };
        let origin = scope_url.origin();
        if script_url.origin() != origin || !origin.is_potentially_trustworthy() {
            return warn!("A stored service worker is not of its scope's origin.");
        }
        let scope_things = self.scope_things_without_page(script_url.clone(), origin.clone());
        let Some(manager) = self.serviceworker_manager(origin) else {
            return;
        };
        let message = ServiceWorkerMsg::StartStoredWorker {
            scope_url,
            scope_things,
            script: ServiceWorkerScript {
                url: script_url,
                headers: worker.headers.into(),
                source: worker.source.into(),
                imports: imported_scripts(worker.imports),
            },
            updates: worker.updates,
            handles_fetch: worker.handles_fetch,
            navigation_preload: worker.navigation_preload,
        };
        if manager.send(message).is_err() {
            debug!("A service worker manager is gone.");
        }
    }

    /// A person has done something with a notification: its worker is told, and started if need be.
    #[cfg(feature = "offline")]
    pub(crate) fn notification_event(
        &mut self,
        scope_url: ServoUrl,
        event: Box<NotificationEventToFire>,
    ) {
        let Some(manager) = self.serviceworker_manager(scope_url.origin()) else {
            return;
        };
        let message = ServiceWorkerMsg::NotificationEvent(scope_url, event);
        if manager.send(message).is_err() {
            debug!("A service worker manager is gone.");
        }
    }

    /// Pages are to find the registrations of an earlier run before any event has started their workers.
    pub(crate) fn know_workers(&mut self, workers: Vec<KnownWorker>) {
        for worker in workers {
            let (Ok(scope_url), Ok(script_url)) = (
                ServoUrl::parse(worker.scope.scope.as_str()),
                ServoUrl::parse(worker.script_url.as_str()),
            ) else {
                continue;
            };
            let origin = scope_url.origin();
            if script_url.origin() != origin || !origin.is_potentially_trustworthy() {
                continue;
            }
            let info = ServiceWorkerRegistrationInfo {
                id: ServiceWorkerRegistrationId::new(),
                installing_worker: None,
                waiting_worker: None,
                active_worker: Some(ServiceWorkerInfo {
                    id: ServiceWorkerId::new(),
                    script_url,
                }),
                activated: true,
                update_via_cache: worker.via_cache,
                handles_fetch: worker.handles_fetch,
                storage_key: origin.clone(),
                scope_url,
            };
            SWF::note_restored(std::slice::from_ref(&info));
            let known = self.known_workers.entry(origin).or_default();
            known.push((worker.scope, info));
        }
    }

    /// A document of an origin that had service workers in an earlier run is about to be loaded: the network may have
    /// questions for them. Not before its event loop is there: to start one takes a lock that a new manager has while it
    /// waits for this thread.
    #[cfg(feature = "offline")]
    pub(crate) fn prepare_for_load(&mut self, url: &ServoUrl) {
        // None are left once each has its manager.
        if !self.known_workers.is_empty() && self.known_workers.contains_key(&url.origin()) {
            self.serviceworker_manager(url.origin());
        }
    }

    /// A service worker manager is new: tells it what is known of an earlier run, and has the scripts read.
    pub(crate) fn restore_registrations(
        &self,
        known: Vec<(ScopeKey, ServiceWorkerRegistrationInfo)>,
        manager: &GenericSender<ServiceWorkerMsg>,
    ) {
        if known.is_empty() {
            return;
        }
        let (scopes, infos): (Vec<_>, Vec<_>) = known.into_iter().unzip();
        if manager
            .send(ServiceWorkerMsg::RestoreRegistrations(infos))
            .is_err()
        {
            return debug!("A service worker manager is gone.");
        }
        let Some(sync_manager) = self.public_storage_threads.background_sync() else {
            return;
        };
        for scope in scopes {
            // An error means that the browser ends.
            let _ = sync_manager.send(SyncManagerMessage::ReviveWorker { scope });
        }
    }

    fn scope_things_without_page(
        &self,
        script_url: ServoUrl,
        origin: ImmutableOrigin,
    ) -> ScopeThings {
        let worker_id = WorkerId(Uuid::new_v4());
        // Of no page: messages that are checked against a pipeline are refused, as they are once a worker's page is
        // closed.
        let pipeline_id = PipelineId::new();
        let webview_id = WebViewId::new(PainterId::next());
        let devtools_chan = self.script_to_devtools_callback();
        let init = WorkerGlobalScopeInit {
            resource_threads: self.public_resource_threads.clone(),
            storage_threads: self.public_storage_threads.clone(),
            mem_profiler_chan: self.mem_profiler_chan.clone(),
            to_devtools_sender: devtools_chan.clone(),
            time_profiler_chan: self.time_profiler_chan.clone(),
            from_devtools_sender: None,
            script_to_constellation_chan: self.script_sender.clone(),
            script_to_embedder_chan: ScriptToEmbedderChan::new(
                self.embedder_proxy.sender.clone(),
                self.embedder_proxy.event_loop_waker.clone(),
            ),
            worker_id,
            animation_frame_provider_supported: false,
            pipeline_id,
            origin,
            inherited_secure_context: Some(true),
            unminify_js: false,
            #[cfg(feature = "webgl")]
            webgl_chan: None,
        };
        ScopeThings {
            script_url,
            init,
            worker_load_origin: WorkerScriptLoadOrigin {
                referrer_url: None,
                referrer_policy: ReferrerPolicy::EmptyString,
                pipeline_id,
            },
            devtools_chan,
            worker_id,
            browsing_context_id: BrowsingContextId::from(webview_id),
            webview_id,
            policy_container: PolicyContainer::default(),
        }
    }
}
