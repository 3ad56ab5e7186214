/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the SyncManager thread asks of the constellation.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use background_sync_traits::{DispatchedEvent, EventOutcome, ScopeKey, SyncManagerMessage};
use layout_api::ScriptThreadFactory;
use log::{debug, warn};
use rustc_hash::FxHashMap;
use script_traits::{DocumentActivity, ScriptThreadMessage};
use servo_base::generic_channel::GenericSender;
use servo_base::id::PipelineId;
use servo_constellation_traits::{
    BackgroundSyncToConstellationMessage, EmbedderNews, JobError, JobResult, OnlineState,
    ServiceWorkerAlgorithm, ServiceWorkerAlgorithmResult, ServiceWorkerManagerFactory,
    ServiceWorkerMsg,
};
use servo_url::{ImmutableOrigin, ServoUrl};
use storage_traits::StorageThreads;

pub(crate) use self::stored_workers::KnownWorkers;
use crate::Constellation;
use crate::browsingcontext::BrowsingContext;
use crate::pipeline::Pipeline;

mod stored_workers;

/// How often windows have changed, of all constellations of the process.
static WINDOW_CHANGES: AtomicU64 = AtomicU64::new(0);

/// Changes whenever a window may have been closed, or shows another document: as long as it does not, an answer to
/// [`BackgroundSyncToConstellationMessage::QueryOpenWindow`] holds. Read it where that is answered.
pub fn window_changes() -> u64 {
    WINDOW_CHANGES.load(Ordering::SeqCst)
}

/// A window has been closed, or shows another document.
pub(crate) fn note_window_change() {
    WINDOW_CHANGES.fetch_add(1, Ordering::SeqCst);
}

/// Its window is closed.
impl Drop for BrowsingContext {
    fn drop(&mut self) {
        note_window_change();
    }
}

/// Its document has gone.
impl Drop for Pipeline {
    fn drop(&mut self) {
        note_window_change();
    }
}

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
            BackgroundSyncToConstellationMessage::Dispatch(events, online, tell) => {
                self.dispatch(events, online, tell);
            }
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

    /// Hands events of one scope to its origin's service worker manager, which exists if a page has used service workers.
    fn dispatch(
        &mut self,
        events: Vec<DispatchedEvent>,
        online: OnlineState,
        tell: Box<dyn FnOnce(GenericSender<ServiceWorkerMsg>) + Send>,
    ) {
        let Some(report_to) = self.storage_threads.background_sync() else {
            return;
        };
        let Some(scope) = events.first().map(|event| event.scope.clone()) else {
            return;
        };
        let tokens: Vec<_> = events.iter().map(|event| event.event).collect();
        let manager = self.manager_of(&scope).cloned();
        let sent = manager.as_ref().map(|manager| {
            let report_to = report_to.clone();
            manager.send(ServiceWorkerMsg::DispatchFunctionalEvents {
                events,
                report_to,
                online,
                // Not before the manager itself is known.
                direct: None,
            })
        });
        let is_gone = match (sent, manager) {
            (Some(Ok(())), Some(manager)) => return tell(manager),
            (sent, _) => sent.is_some(),
        };
        // The process that ran it has crashed: the next page, or the stored worker, starts another.
        if is_gone && let Some(origin) = origin_of(&scope) {
            warn!("The service worker manager of {scope} is gone.");
            self.sw_managers.remove(&origin);
        }
        for event in tokens {
            let _ = report_to.send(SyncManagerMessage::EventFinished {
                event,
                outcome: EventOutcome::NotStarted,
            });
        }
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

fn origin_of(scope: &ScopeKey) -> Option<ImmutableOrigin> {
    Some(ServoUrl::parse(scope.scope.as_str()).ok()?.origin())
}

impl<STF: ScriptThreadFactory, SWF: ServiceWorkerManagerFactory> Constellation<STF, SWF> {
    /// The embedder has reported whether there is a network. Pages are told of changes, however often it does.
    pub(crate) fn online_changed(&mut self, online: OnlineState) {
        if online.change > self.online.change {
            self.online = online;
            self.tell_of_embedder(&EmbedderNews::NetworkOnlineState(online));
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
