/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What is kept of a worker for the next run of the browser, and workers that come from there.

use background_sync_traits::{
    NavigationPreloadState, ScriptUrl, StoredImport, StoredImports, StoredWorker,
    SyncManagerMessage, UpdateTerms, WorkerSource,
};
use servo_base::id::ServiceWorkerId;
use servo_constellation_traits::{ImportedScript, ScopeThings, ServiceWorkerScript};
use servo_url::ServoUrl;

use crate::dom::backgroundsync::workerreports::tell_sync_manager;
use crate::dom::serviceworkers::manager::ServiceWorkerManager;
use crate::dom::serviceworkers::manager::registration::{
    ServiceWorker, ServiceWorkerRegistration, WorkerRecord,
};

/// What is kept of a registration for the next run of the browser. `None` if it is too long.
fn stored_worker(registration: &ServiceWorkerRegistration) -> Option<StoredWorker> {
    let active = registration.active_worker.as_ref()?;
    let script = registration.life_cycle.script_of(active)?;
    Some(StoredWorker {
        script_url: ScriptUrl::try_from(active.script_url.as_str()).ok()?,
        source: WorkerSource::try_from(script.source.clone()).ok()?,
        imports: stored_imports(&script.imports)?,
        headers: script.headers.clone().try_into().ok()?,
        updates: registration.life_cycle.updates,
        handles_fetch: active.handles_fetch,
        navigation_preload: registration.life_cycle.navigation_preload.clone(),
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

impl ServiceWorkerRegistration {
    /// Has what it takes to start the active worker without its page kept, or else what was kept before forgotten: an old
    /// version must not come back.
    pub(crate) fn have_worker_stored(&self, scope_url: &ServoUrl) {
        let Some(scope_things) = &self.life_cycle.scope_things else {
            return;
        };
        if self.active_worker.is_none() {
            return;
        }
        let worker = stored_worker(self);
        if worker.is_none() {
            self.life_cycle.report_error(format!(
                "The service worker of {scope_url} is too long to be kept: after a restart of the browser it starts \
                 only once a page of it was opened."
            ));
        }
        tell_sync_manager(scope_things, scope_url, |authority, scope| match worker {
            Some(worker) => SyncManagerMessage::StoreWorker {
                authority,
                scope,
                worker,
            },
            None => SyncManagerMessage::ForgetWorker { authority, scope },
        });
    }
}

impl ServiceWorkerManager {
    /// A worker that was installed and activated in an earlier run of the browser is there again. Its thread is started
    /// by the first event.
    pub(super) fn start_stored_worker(
        &mut self,
        scope_url: ServoUrl,
        scope_things: ScopeThings,
        script: ServiceWorkerScript,
        updates: UpdateTerms,
        handles_fetch: bool,
        navigation_preload: NavigationPreloadState,
    ) {
        let registration = self
            .registrations
            .entry(scope_url.clone())
            .or_insert_with(ServiceWorkerRegistration::new);
        let worker_id = match &registration.active_worker {
            Some(active) if registration.life_cycle.restoring.is_some() => active.id,
            // A page was faster. If what it registers is not active yet, it takes over from this one as a new version.
            Some(_) => return,
            None => ServiceWorkerId::new(),
        };
        // Nobody listens at the other end until the worker runs.
        let (sender, _) = crossbeam_channel::unbounded();
        let worker = ServiceWorker {
            id: worker_id,
            script_url: scope_things.script_url.clone(),
            sender,
            handles_fetch,
        };
        let record = WorkerRecord {
            script: Some(script),
            ..WorkerRecord::default()
        };
        let life_cycle = &mut registration.life_cycle;
        life_cycle.records.insert(worker.id, record);
        life_cycle.activated = true;
        life_cycle.updates = updates;
        life_cycle.navigation_preload = navigation_preload;
        registration.active_worker = Some(worker);
        tell_sync_manager(&scope_things, &scope_url, |authority, scope| {
            SyncManagerMessage::WorkerActivated { authority, scope }
        });
        registration
            .life_cycle
            .scope_things
            .get_or_insert(scope_things);
        self.tell_of_change(&scope_url);
        self.answer_waiting_clients();
        self.handle_restored(&scope_url);
    }
}
