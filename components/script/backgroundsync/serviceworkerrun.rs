/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! How the service worker manager runs an active worker: started again for an event, started from what was stored, ended.
//!
//! <https://w3c.github.io/ServiceWorker/#run-service-worker>

use std::collections::VecDeque;

use background_sync_traits::{
    EventToken, ScriptUrl, StoredImport, StoredImports, StoredWorker, SyncManagerMessage,
    WorkerSource,
};
use servo_base::id::ServiceWorkerId;
use servo_constellation_traits::{
    ImportedScript, ScopeThings, ServiceWorkerRegistrationInfo, ServiceWorkerScript, WorkerProgress,
};
use servo_url::ServoUrl;

use crate::dom::backgroundsync::serviceworkerlifecycle::WorkerRecord;
use crate::dom::backgroundsync::workerreports::tell_sync_manager;
use crate::dom::backgroundsync::workerthread::{ThreadEnd, WorkerStart, WorkerThread};
use crate::dom::serviceworker_manager::{
    ServiceWorker, ServiceWorkerManager, ServiceWorkerRegistration, update_serviceworker,
};
use crate::dom::serviceworkerglobalscope::ServiceWorkerScriptMsg;

/// What is kept of a registration for the next run of the browser. `None` if it is too long.
pub(super) fn stored_worker(registration: &ServiceWorkerRegistration) -> Option<StoredWorker> {
    let active = registration.active_worker.as_ref()?;
    let script = registration.life_cycle.script_of(active)?;
    Some(StoredWorker {
        script_url: ScriptUrl::try_from(active.script_url.as_str()).ok()?,
        source: WorkerSource::try_from(script.source.clone()).ok()?,
        imports: stored_imports(&script.imports)?,
    })
}

fn stored_imports(imports: &[ImportedScript]) -> Option<StoredImports> {
    let imports: Option<Vec<StoredImport>> = imports
        .iter()
        .map(|import| {
            Some(StoredImport {
                url: ScriptUrl::try_from(import.url.as_str()).ok()?,
                final_url: ScriptUrl::try_from(import.final_url.as_str()).ok()?,
                source: WorkerSource::try_from(import.source.clone()).ok()?,
                muted_errors: import.muted_errors,
            })
        })
        .collect();
    StoredImports::try_from(imports?).ok()
}

/// Unregistered registrations whose worker has events to finish. More end the oldest one at once.
const MAX_LEAVING_REGISTRATIONS: usize = 8;

/// Registrations that are gone for everybody but their own worker.
#[derive(Default)]
pub(crate) struct LeavingRegistrations(VecDeque<ServiceWorkerRegistration>);

impl LeavingRegistrations {
    /// <https://w3c.github.io/ServiceWorker/#try-clear-registration>
    fn add(&mut self, registration: ServiceWorkerRegistration) {
        let Some(active) = &registration.active_worker else {
            return;
        };
        if !registration.life_cycle.is_running(active.id) {
            return;
        }
        let events_given = registration.life_cycle.events_given;
        active.send_message(ServiceWorkerScriptMsg::ReportIdle { events_given });
        active.send_message(ServiceWorkerScriptMsg::Unregistered);
        self.0.push_back(registration);
        if self.0.len() > MAX_LEAVING_REGISTRATIONS {
            self.0.pop_front();
        }
    }

    /// Ends the worker that was given `event`, if it is one of these. Returns whether it was.
    pub(super) fn terminate(&mut self, event: EventToken) -> bool {
        let before = self.0.len();
        self.0
            .retain(|registration| registration.life_cycle.worker_with(event).is_none());
        self.0.len() < before
    }

    /// Whether a worker has nothing to do with a registration any more. One that has finished its events is ended.
    pub(super) fn is_done_with(
        &mut self,
        worker_id: ServiceWorkerId,
        progress: &WorkerProgress,
    ) -> bool {
        let position = self.0.iter().position(|registration| {
            let active = registration.active_worker.as_ref();
            active.is_some_and(|active| active.id == worker_id)
        });
        // An answer to an earlier question may not know of its last event.
        if let (Some(position), WorkerProgress::Idle { events_given }) = (position, progress)
            && self.0[position].life_cycle.events_given == *events_given
        {
            self.0.remove(position);
        }
        position.is_some()
    }
}

impl ServiceWorkerManager {
    /// A worker that was installed and activated in an earlier run of the browser is there again. Its thread is started
    /// by the first event.
    pub(crate) fn start_stored_worker(
        &mut self,
        scope_url: ServoUrl,
        scope_things: ScopeThings,
        script: ServiceWorkerScript,
    ) {
        let registration = self
            .registrations
            .entry(scope_url.clone())
            .or_insert_with(ServiceWorkerRegistration::new);
        // A page was faster. If what it registers is not active yet, it takes over from this one as a new version.
        if registration.active_worker.is_some() {
            return;
        }
        // Nobody listens at the other end until the worker runs.
        let (sender, _) = crossbeam_channel::unbounded();
        let worker = ServiceWorker::new(
            scope_things.script_url.clone(),
            sender,
            ServiceWorkerId::new(),
        );
        let record = WorkerRecord {
            script: Some(script),
            ..WorkerRecord::default()
        };
        registration.life_cycle.records.insert(worker.id, record);
        registration.life_cycle.activated = true;
        registration.active_worker = Some(worker);
        let info = registration.info(&scope_url);
        tell_sync_manager(&scope_things, &scope_url, |authority, scope| {
            SyncManagerMessage::WorkerActivated { authority, scope }
        });
        registration
            .life_cycle
            .scope_things
            .get_or_insert(scope_things);
        self.clients.tell_all_of_change(&info);
        self.answer_waiting_clients();
    }

    /// Removes a registration for good, and its sync registrations with it. Returns whether there was one.
    ///
    /// <https://w3c.github.io/ServiceWorker/#clear-registration>
    pub(crate) fn clear_registration(&mut self, scope_url: &ServoUrl) -> bool {
        let Some(mut registration) = self.registrations.remove(scope_url) else {
            return false;
        };
        // Its workers are redundant now; pages see it before unregister() resolves.
        self.clients
            .tell_all_of_change(&ServiceWorkerRegistrationInfo {
                installing_worker: None,
                waiting_worker: None,
                active_worker: None,
                ..registration.info(scope_url)
            });
        self.clients.release(scope_url);
        if let Some(scope_things) = &registration.life_cycle.scope_things {
            tell_sync_manager(scope_things, scope_url, |authority, scope| {
                SyncManagerMessage::WorkerUnregistered { authority, scope }
            });
        }
        // What its active worker has begun, it may finish.
        let installing = registration.installing_worker.take();
        let waiting = registration.waiting_worker.take();
        let starting = registration.life_cycle.starting.take();
        registration.life_cycle.discard(starting);
        registration.life_cycle.discard(installing);
        registration.life_cycle.discard(waiting);
        registration.life_cycle.reject_jobs();
        self.leaving.add(registration);
        true
    }

    /// The worker that a page sends a message to, running.
    pub(crate) fn worker_for_message(
        &mut self,
        scope_url: &ServoUrl,
        worker_id: ServiceWorkerId,
    ) -> Option<&ServiceWorker> {
        let is = |worker: &&ServiceWorker| worker.id == worker_id;
        let registration = self.registrations.get(scope_url)?;
        if registration
            .active_worker
            .as_ref()
            .is_some_and(|worker| worker.id == worker_id)
        {
            self.ensure_running(scope_url);
            self.note_message(scope_url);
        }
        let registration = self.registrations.get(scope_url)?;
        [
            &registration.active_worker,
            &registration.waiting_worker,
            &registration.installing_worker,
        ]
        .into_iter()
        .flatten()
        .find(is)
    }

    /// Starts the active worker again if its thread has ended. Returns whether it runs.
    ///
    /// <https://w3c.github.io/ServiceWorker/#run-service-worker>
    pub(crate) fn ensure_running(&mut self, scope_url: &ServoUrl) -> bool {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return false;
        };
        let Some(active) = &mut registration.active_worker else {
            return false;
        };
        let life_cycle = &mut registration.life_cycle;
        let (Some(record), Some(scope_things)) = (
            life_cycle.records.get_mut(&active.id),
            &life_cycle.scope_things,
        ) else {
            return false;
        };
        if record
            .thread
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
        {
            return true;
        }
        let Some(script) = record.script.clone() else {
            return false;
        };
        let thread_end = ThreadEnd::new(self.own_sender.clone(), scope_url.clone(), active.id);
        let events = thread_end.events();
        let start = WorkerStart {
            registration_id: registration.id,
            worker_id: active.id,
            script: Some(script),
            known_source: None,
            thread_end,
        };
        let (worker, join_handle, control_sender, context, closing) = update_serviceworker(
            self.own_sender.clone(),
            scope_url.clone(),
            ScopeThings {
                script_url: active.script_url.clone(),
                ..scope_things.clone()
            },
            self.font_context.clone(),
            start,
        );
        *active = worker;
        record.thread = Some(WorkerThread::new(
            join_handle,
            control_sender,
            context,
            closing,
            events,
        ));
        true
    }
}
