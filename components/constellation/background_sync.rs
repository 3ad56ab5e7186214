/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the SyncManager thread asks of the constellation.

use std::collections::HashMap;

use background_sync_traits::{
    DispatchedEvent, EventOutcome, KnownWorker, ScopeKey, StoredImports, StoredWorker,
    SyncManagerMessage,
};
use devtools_traits::WorkerId;
use embedder_traits::ScriptToEmbedderChan;
#[cfg(feature = "offline")]
use embedder_traits::service_workers::NotificationEventToFire;
use layout_api::ScriptThreadFactory;
use log::{debug, warn};
use net_traits::ReferrerPolicy;
use net_traits::policy_container::PolicyContainer;
use rustc_hash::FxHashMap;
use script_traits::{DocumentActivity, ScriptThreadMessage};
use servo_base::generic_channel::GenericSender;
use servo_base::id::{
    BrowsingContextId, PainterId, PipelineId, ServiceWorkerId, ServiceWorkerRegistrationId,
    WebViewId,
};
use servo_constellation_traits::{
    BackgroundSyncToConstellationMessage, EmbedderNews, ImportedScript, JobError, JobResult,
    ScopeThings, ServiceWorkerAlgorithm, ServiceWorkerAlgorithmResult, ServiceWorkerInfo,
    ServiceWorkerManagerFactory, ServiceWorkerMsg, ServiceWorkerRegistrationInfo,
    ServiceWorkerScript, WorkerGlobalScopeInit, WorkerScriptLoadOrigin,
};
use servo_url::{ImmutableOrigin, ServoUrl};
use storage_traits::StorageThreads;
use uuid::Uuid;

use crate::Constellation;
use crate::browsingcontext::BrowsingContext;
use crate::pipeline::Pipeline;

/// The service worker registrations of an earlier run.
pub(crate) type KnownWorkers =
    HashMap<ImmutableOrigin, Vec<(ScopeKey, ServiceWorkerRegistrationInfo)>>;

/// What the answers are taken from.
pub(crate) struct BackgroundSyncView<'a> {
    pub(crate) sw_managers: &'a mut HashMap<ImmutableOrigin, GenericSender<ServiceWorkerMsg>>,
    pub(crate) storage_threads: &'a StorageThreads,
    pub(crate) pipelines: &'a FxHashMap<PipelineId, Pipeline>,
}

impl BackgroundSyncView<'_> {
    pub(crate) fn handle<'b>(
        &mut self,
        message: BackgroundSyncToConstellationMessage,
        browsing_contexts: impl Iterator<Item = &'b BrowsingContext>,
    ) {
        match message {
            BackgroundSyncToConstellationMessage::QueryOpenWindow(scope, answer) => {
                answer(self.has_open_window(&scope, browsing_contexts));
            }
            // Need more than a view: methods of the constellation do it.
            BackgroundSyncToConstellationMessage::StartWorker(..)
            | BackgroundSyncToConstellationMessage::KnownWorkers(_)
            | BackgroundSyncToConstellationMessage::PermissionChanged(_) => {}
            #[cfg(feature = "offline")]
            BackgroundSyncToConstellationMessage::NotificationEvent(..) => {}
            BackgroundSyncToConstellationMessage::Dispatch(event) => self.dispatch(event),
            BackgroundSyncToConstellationMessage::Terminate(event, scope) => {
                if let Some(manager) = self.manager_of(&scope) {
                    let _ = manager.send(ServiceWorkerMsg::TerminateWorker(event, scope));
                }
            }
        }
    }

    /// Whether a top-level or auxiliary browsing context shows a document of the scope's origin. Frames do not count,
    /// nor do documents that are sandboxed into an origin of their own.
    ///
    /// <https://wicg.github.io/background-sync/spec/#in-the-background>
    fn has_open_window<'b>(
        &self,
        scope: &ScopeKey,
        mut browsing_contexts: impl Iterator<Item = &'b BrowsingContext>,
    ) -> bool {
        let Some(origin) = origin_of(scope) else {
            return false;
        };
        browsing_contexts.any(|context| {
            context.is_top_level()
                && !context.is_private
                && self
                    .pipelines
                    .get(&context.pipeline_id)
                    .is_some_and(|pipeline| {
                        pipeline.url.origin() == origin && !pipeline.has_opaque_origin
                    })
        })
    }

    /// Hands `event` to its origin's service worker manager, which exists if a page has used service workers.
    fn dispatch(&mut self, event: DispatchedEvent) {
        let Some(report_to) = self.storage_threads.background_sync() else {
            return;
        };
        let (token, scope) = (event.event, event.scope.clone());
        let sent = self.manager_of(&scope).map(|manager| {
            let report_to = report_to.clone();
            manager.send(ServiceWorkerMsg::DispatchFunctionalEvent { event, report_to })
        });
        let is_gone = match sent {
            Some(Ok(())) => return,
            Some(Err(_)) => true,
            None => false,
        };
        // The process that ran it has crashed: the next page, or the stored worker, starts another.
        if is_gone && let Some(origin) = origin_of(&scope) {
            warn!("The service worker manager of {scope} is gone.");
            self.sw_managers.remove(&origin);
        }
        let _ = report_to.send(SyncManagerMessage::EventFinished {
            event: token,
            outcome: EventOutcome::NotStarted,
        });
    }

    fn manager_of(&self, scope: &ScopeKey) -> Option<&GenericSender<ServiceWorkerMsg>> {
        self.sw_managers.get(&origin_of(scope)?)
    }
}

/// A page asks for what is not of its origin: its promise is not left pending.
pub(crate) fn refuse_algorithm(algorithm: ServiceWorkerAlgorithm) {
    let (client, answer) = match algorithm {
        ServiceWorkerAlgorithm::StartRegister(job) | ServiceWorkerAlgorithm::Unregister(job) => {
            let why = "the page is not of the registration's origin, or private".to_owned();
            let refused = JobResult::RejectPromise(JobError::SecurityError(why));
            (job.client, ServiceWorkerAlgorithmResult::Job(refused))
        }
        ServiceWorkerAlgorithm::MatchServiceWorkerRegistration { result_handler, .. } => (
            result_handler,
            ServiceWorkerAlgorithmResult::MatchServiceWorkerRegistration(None),
        ),
        ServiceWorkerAlgorithm::GetRegistrations { result_handler, .. } => (
            result_handler,
            ServiceWorkerAlgorithmResult::Registrations(Vec::new()),
        ),
        #[cfg(feature = "offline")]
        ServiceWorkerAlgorithm::NavigationPreload { result_handler, .. } => {
            let answer = background_sync_traits::NavigationPreloadAnswer::NoActiveWorker;
            if result_handler.send(answer).is_err() {
                debug!("Who asked for the navigation preload is gone.");
            }
            return;
        }
        // Nobody waits for an answer that must come.
        ServiceWorkerAlgorithm::NewClient { .. } | ServiceWorkerAlgorithm::WhenActive { .. } => {
            return;
        }
        #[cfg(feature = "offline")]
        ServiceWorkerAlgorithm::ViewChanged { .. } => return,
    };
    if client.send(answer).is_err() {
        debug!("The client of a service worker job is gone.");
    }
}

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

fn origin_of(scope: &ScopeKey) -> Option<ImmutableOrigin> {
    Some(ServoUrl::parse(scope.scope.as_str()).ok()?.origin())
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

    /// Pages and workers hear of what the embedder has changed.
    pub(crate) fn tell_of_embedder(&self, news: &EmbedderNews) {
        // What is gone need not know.
        for event_loop in self.event_loops() {
            let _ = event_loop.send(ScriptThreadMessage::EmbedderNews(news.clone()));
        }
        for manager in self.sw_managers.values() {
            let _ = manager.send(ServiceWorkerMsg::EmbedderNews(news.clone()));
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

    /// Whether the window of a page is a private one: its service workers would be shared with others.
    pub(crate) fn is_private(&self, pipeline_id: PipelineId) -> bool {
        let context = self
            .pipelines
            .get(&pipeline_id)
            .and_then(|pipeline| self.browsing_contexts.get(&pipeline.browsing_context_id));
        context.is_some_and(|context| context.is_private)
    }

    /// A service worker manager knows the pages that introduce themselves: asks those of its origin to do so.
    pub(crate) fn introduce_clients(&self, origin: &ImmutableOrigin) {
        for pipeline_id in self
            .browsing_contexts
            .values()
            .map(|context| context.pipeline_id)
        {
            if let Some(pipeline) = self.pipelines.get(&pipeline_id)
                && pipeline.url.origin() == *origin
            {
                introduce(pipeline);
            }
        }
    }

    /// The document takes the place of another one, which may have held a new version of their worker back.
    pub(crate) fn expect_client(&self, pipeline_id: PipelineId) {
        let Some(pipeline) = self.pipelines.get(&pipeline_id) else {
            return;
        };
        let Some(manager) = self.sw_managers.get(&pipeline.url.origin()) else {
            return;
        };
        if pipeline.has_opaque_origin {
            return;
        }
        let message = ServiceWorkerMsg::ClientExpected(pipeline_id, pipeline.url.clone());
        if manager.send(message).is_ok() {
            introduce(pipeline);
        }
    }

    /// A document has become the one of its window, has gone into the window's session history, or has come back.
    pub(crate) fn tell_of_activity(&self, pipeline: &Pipeline, activity: DocumentActivity) {
        let Some(manager) = self.sw_managers.get(&pipeline.url.origin()) else {
            return;
        };
        let is_fully_active = activity == DocumentActivity::FullyActive;
        if is_fully_active {
            introduce(pipeline);
        }
        let message = ServiceWorkerMsg::ClientActivityChanged {
            pipeline_id: pipeline.id,
            is_fully_active,
        };
        if manager.send(message).is_err() {
            debug!("A service worker manager is gone.");
        }
    }
}

fn introduce(pipeline: &Pipeline) {
    if pipeline.has_opaque_origin {
        return;
    }
    let message = ScriptThreadMessage::IntroduceToServiceWorkers(pipeline.id);
    if pipeline.event_loop.send(message).is_err() {
        debug!("The page is gone.");
    }
}
