/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The scripts that a service worker imports: fetched while it is installed, and never again.
//!
//! <https://w3c.github.io/ServiceWorker/#importscripts>

use servo_base::id::ServiceWorkerId;
use servo_constellation_traits::{ImportedScript, WorkerProgress};
use servo_url::ServoUrl;

use crate::dom::bindings::codegen::Bindings::ServiceWorkerBinding::ServiceWorkerState;
use crate::dom::serviceworker_manager::ServiceWorkerManager;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;

impl ServiceWorkerGlobalScope {
    /// Step 2 of the fetch: a script that was imported before is not fetched again.
    pub(crate) fn known_import(&self, url: &ServoUrl) -> Option<ImportedScript> {
        let imports = self.imports().borrow();
        imports.iter().find(|script| script.url == *url).cloned()
    }

    /// A script was fetched: while this worker is installed, it is kept for the next start of the worker.
    ///
    /// FIXME: step 4: an active worker should not fetch what it has not imported before.
    pub(crate) fn note_import(
        &self,
        url: ServoUrl,
        final_url: &ServoUrl,
        source: &[u8],
        muted_errors: bool,
    ) {
        let is_installing = self.own_state().get() == ServiceWorkerState::Installing;
        if !is_installing || self.known_import(&url).is_some() {
            return;
        }
        let script = ImportedScript {
            url,
            final_url: final_url.clone(),
            source: source.to_vec(),
            muted_errors,
        };
        self.imports().borrow_mut().push(script.clone());
        self.report_progress(WorkerProgress::ScriptImported(script));
    }
}

impl ServiceWorkerManager {
    pub(super) fn script_was_imported(
        &mut self,
        scope_url: &ServoUrl,
        worker_id: ServiceWorkerId,
        script: ImportedScript,
    ) {
        let registration = self.registrations.get_mut(scope_url);
        let record = registration.and_then(|it| it.life_cycle.records.get_mut(&worker_id));
        if let Some(record) = record {
            let imports = match &mut record.script {
                Some(main) => &mut main.imports,
                None => &mut record.imports,
            };
            imports.push(script);
        }
    }
}
