/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the SyncManager thread asks of the constellation.

use std::collections::HashMap;

use background_sync_traits::{DispatchedEvent, EventOutcome, ScopeKey, SyncManagerMessage};
use content_security_policy::sandboxing_directive::SandboxingFlagSet;
use log::debug;
use rustc_hash::FxHashMap;
use servo_base::generic_channel::GenericSender;
use servo_base::id::PipelineId;
use servo_constellation_traits::{BackgroundSyncToConstellationMessage, ServiceWorkerMsg};
use servo_url::{ImmutableOrigin, ServoUrl};
use storage_traits::StorageThreads;

use crate::browsingcontext::BrowsingContext;
use crate::pipeline::Pipeline;

/// What the answers are taken from.
pub(crate) struct BackgroundSyncView<'a> {
    pub(crate) sw_managers: &'a HashMap<ImmutableOrigin, GenericSender<ServiceWorkerMsg>>,
    pub(crate) storage_threads: &'a StorageThreads,
    pub(crate) pipelines: &'a FxHashMap<PipelineId, Pipeline>,
}

impl BackgroundSyncView<'_> {
    pub(crate) fn handle<'b>(
        &self,
        message: BackgroundSyncToConstellationMessage,
        browsing_contexts: impl Iterator<Item = &'b BrowsingContext>,
    ) {
        match message {
            BackgroundSyncToConstellationMessage::QueryOpenWindow(scope, answer) => {
                answer(self.has_open_window(&scope, browsing_contexts));
            }
            BackgroundSyncToConstellationMessage::Dispatch(event) => self.dispatch(event),
            BackgroundSyncToConstellationMessage::Terminate(scope) => {
                if let Some(manager) = self.manager_of(&scope) {
                    let _ = manager.send(ServiceWorkerMsg::TerminateWorker(scope));
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
                        pipeline.url.origin() == origin
                            && !pipeline
                                .load_data
                                .creation_sandboxing_flag_set
                                .contains(SandboxingFlagSet::SANDBOXED_ORIGIN_BROWSING_CONTEXT_FLAG)
                    })
        })
    }

    /// Hands `event` to its origin's service worker manager, which exists if a page has used service workers.
    fn dispatch(&self, event: DispatchedEvent) {
        let Some(report_to) = self.storage_threads.background_sync() else {
            return;
        };
        match self.manager_of(&event.scope) {
            Some(manager) => {
                let message = ServiceWorkerMsg::DispatchFunctionalEvent { event, report_to };
                if manager.send(message).is_err() {
                    debug!("A service worker manager is gone.");
                }
            }
            None => {
                let _ = report_to.send(SyncManagerMessage::EventFinished {
                    event: event.event,
                    outcome: EventOutcome::NotStarted,
                });
            }
        }
    }

    fn manager_of(&self, scope: &ScopeKey) -> Option<&GenericSender<ServiceWorkerMsg>> {
        self.sw_managers.get(&origin_of(scope)?)
    }
}

fn origin_of(scope: &ScopeKey) -> Option<ImmutableOrigin> {
    Some(ServoUrl::parse(scope.scope.as_str()).ok()?.origin())
}
