/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! How the service worker manager starts the threads of workers.
//!
//! <https://w3c.github.io/ServiceWorker/#run-service-worker>

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crossbeam_channel::unbounded;
use devtools_traits::{DevtoolScriptControlMsg, DevtoolsPageInfo, ScriptToDevtoolsControlMsg};
use servo_base::generic_channel::{self, GenericSender};
use servo_base::id::ServiceWorkerId;
use servo_constellation_traits::{
    DOMMessage, JobError, ScopeThings, ServiceWorkerRegistrationInfo, ServiceWorkerScript,
};
use servo_url::ServoUrl;

use crate::dom::abstractworker::MessageData;
use crate::dom::backgroundsync::workerreports::prepare_reports;
use crate::dom::bindings::codegen::Bindings::ServiceWorkerBinding::ServiceWorkerState;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkers::manager::ServiceWorkerManager;
use crate::dom::serviceworkers::manager::idle::Liveness;
use crate::dom::serviceworkers::manager::jobs::Stage;
use crate::dom::serviceworkers::manager::registration::{ServiceWorker, WorkerRecord};
use crate::dom::serviceworkers::workerscope::FromManager;
use crate::dom::serviceworkers::workerthread::{ThreadEnd, WorkerStart, WorkerThread};

/// So many threads of an origin's workers run at a time. One more ends an idle one, or is not started.
const MAX_RUNNING_WORKERS: usize = 64;

/// Why an active worker does not run.
#[derive(PartialEq)]
pub(crate) enum CannotRun {
    /// There is none, or nothing that it could be started from.
    Unknown,
    /// [`MAX_RUNNING_WORKERS`] have something to do.
    TooMany,
}

/// What a thread is started for.
struct Start {
    scope_url: ServoUrl,
    scope_things: ScopeThings,
    worker_id: ServiceWorkerId,
    registration: ServiceWorkerRegistrationInfo,
    script: ServiceWorkerScript,
    state: ServiceWorkerState,
    handles_fetch: bool,
}

impl ServiceWorkerManager {
    /// <https://w3c.github.io/ServiceWorker/#update>, steps 10 to 16: starts a worker of the scope's first job, which goes
    /// on by itself.
    pub(super) fn start_new_worker(
        &mut self,
        scope_url: &ServoUrl,
        scope_things: ScopeThings,
        script: ServiceWorkerScript,
    ) {
        // Before its worker is active it must be possible to say so.
        prepare_reports(&scope_things, scope_url);
        let via_cache = self.current_job(scope_url).map(|job| job.update_via_cache);
        let Some(registration) = self.registrations.get(scope_url) else {
            return;
        };
        // What it imports is fetched in the mode that its job asks for, which the registration gets once the script has run.
        let mut info = registration.info(scope_url);
        info.update_via_cache = via_cache.unwrap_or(info.update_via_cache);
        let started = self.start_thread(Start {
            scope_url: scope_url.clone(),
            scope_things: scope_things.clone(),
            worker_id: ServiceWorkerId::new(),
            registration: info,
            script: script.clone(),
            state: ServiceWorkerState::Installing,
            // It has not run yet.
            handles_fetch: false,
        });
        let Some((worker, thread)) = started else {
            let error =
                format!("more than {MAX_RUNNING_WORKERS} service workers of the origin run");
            return self.reject_and_finish_job(scope_url, JobError::TypeError(error));
        };
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        let record = WorkerRecord {
            thread: Some(thread),
            // It says itself which scripts it imports.
            script: Some(ServiceWorkerScript {
                imports: Vec::new(),
                ..script
            }),
            ..WorkerRecord::default()
        };
        let life_cycle = &mut registration.life_cycle;
        life_cycle.records.insert(worker.id, record);
        life_cycle.step_begins(worker.id);
        life_cycle.starting = Some(worker);
        life_cycle.scope_things = Some(scope_things);
        self.set_stage(scope_url, Stage::Installing);
    }

    /// Starts the active worker again if its thread has ended.
    ///
    /// <https://w3c.github.io/ServiceWorker/#run-service-worker>
    pub(crate) fn ensure_running(&mut self, scope_url: &ServoUrl) -> Result<(), CannotRun> {
        let registration = self.registrations.get(scope_url);
        let registration = registration.ok_or(CannotRun::Unknown)?;
        let active = registration.active_worker.as_ref();
        let active = active.ok_or(CannotRun::Unknown)?;
        let (worker_id, life_cycle) = (active.id, &registration.life_cycle);
        if life_cycle.is_running(worker_id) {
            return Ok(());
        }
        let (Some(script), Some(scope_things)) =
            (life_cycle.script_of(active), &life_cycle.scope_things)
        else {
            return Err(CannotRun::Unknown);
        };
        let start = Start {
            scope_url: scope_url.clone(),
            scope_things: ScopeThings {
                script_url: active.script_url.clone(),
                ..scope_things.clone()
            },
            worker_id,
            registration: registration.info(scope_url),
            script: script.clone(),
            // It may be started for its `activate` event.
            state: match life_cycle.activated {
                true => ServiceWorkerState::Activated,
                false => ServiceWorkerState::Activating,
            },
            handles_fetch: active.handles_fetch,
        };
        let (worker, thread) = self.start_thread(start).ok_or(CannotRun::TooMany)?;
        let registration = self.registrations.get_mut(scope_url);
        let registration = registration.ok_or(CannotRun::Unknown)?;
        registration.active_worker = Some(worker);
        if let Some(record) = registration.life_cycle.records.get_mut(&worker_id) {
            record.thread = Some(thread);
            record.liveness = Liveness::default();
        }
        Ok(())
    }

    /// `None` if too many run.
    fn start_thread(&mut self, start: Start) -> Option<(ServiceWorker, WorkerThread)> {
        if self.running() >= MAX_RUNNING_WORKERS && !self.end_an_idle_worker() {
            return None;
        }
        let Start {
            scope_url,
            mut scope_things,
            worker_id,
            registration,
            script,
            state,
            handles_fetch,
        } = start;
        let script_url = scope_things.script_url.clone();
        let (devtools_sender, devtools_receiver) = generic_channel::channel()?;
        tell_devtools(&scope_things, devtools_sender.clone());
        scope_things.init.from_devtools_sender = Some(devtools_sender);
        let thread_end = ThreadEnd::new(self.own_sender.clone(), scope_url.clone(), worker_id);
        let (events, waits) = (thread_end.events(), thread_end.waits());
        let (sender, receiver) = unbounded();
        let (control_sender, control_receiver) = unbounded();
        let (context_sender, context_receiver) = unbounded();
        let closing = Arc::new(AtomicBool::new(false));
        let join_handle = ServiceWorkerGlobalScope::run_serviceworker_scope(
            scope_things,
            sender.clone(),
            receiver,
            devtools_receiver,
            self.own_sender.clone(),
            control_receiver,
            context_sender,
            closing.clone(),
            self.font_context.clone(),
            WorkerStart {
                worker_id,
                registration,
                state,
                script,
                thread_end,
            },
        );
        let worker = ServiceWorker {
            id: worker_id,
            script_url,
            sender,
            handles_fetch,
        };
        let thread = WorkerThread::new(
            join_handle,
            control_sender,
            context_receiver,
            closing,
            events,
            waits,
        );
        Some((worker, thread))
    }

    /// Threads of workers, also of those that leave.
    fn running(&self) -> usize {
        let of_registrations: usize = self
            .registrations
            .values()
            .map(|registration| registration.life_cycle.running())
            .sum();
        of_registrations + self.leaving.running()
    }

    /// Brings a message of a page to one of the registration's workers, which is started if it is the active one.
    pub(super) fn deliver_to_worker(
        &mut self,
        message: DOMMessage,
        scope_url: &ServoUrl,
        worker_id: ServiceWorkerId,
    ) {
        let DOMMessage {
            origin,
            data,
            pipeline_id,
        } = message;
        let client = self.clients.info(pipeline_id);
        let Some(worker) = self.worker_for_message(scope_url, worker_id) else {
            return;
        };
        let data = MessageData {
            origin,
            pipeline_id,
            data: Box::new(data),
        };
        worker.send_message(FromManager::ClientMessage(data, client));
    }

    fn worker_for_message(
        &mut self,
        scope_url: &ServoUrl,
        worker_id: ServiceWorkerId,
    ) -> Option<&ServiceWorker> {
        let is = |worker: &&ServiceWorker| worker.id == worker_id;
        let registration = self.registrations.get(scope_url)?;
        if registration
            .active_worker
            .as_ref()
            .is_some_and(|it| is(&it))
        {
            self.ensure_running(scope_url).ok()?;
            self.note_message(scope_url);
        }
        self.registrations
            .get(scope_url)?
            .in_slots()
            .find(|worker| is(worker))
    }
}

/// The developer tools, if they are on, hear of a worker that starts.
fn tell_devtools(scope_things: &ScopeThings, sender: GenericSender<DevtoolScriptControlMsg>) {
    let Some(devtools) = &scope_things.devtools_chan else {
        return;
    };
    let page_info = DevtoolsPageInfo {
        title: format!("Service Worker for {}", scope_things.script_url),
        url: scope_things.script_url.clone(),
        is_top_level_global: false,
        is_service_worker: true,
    };
    let ids = (
        scope_things.browsing_context_id,
        scope_things.init.pipeline_id,
        Some(scope_things.worker_id),
        scope_things.webview_id,
    );
    // An error means that nobody debugs.
    let _ = devtools.send(ScriptToDevtoolsControlMsg::NewGlobal(
        ids, sender, page_info,
    ));
}
