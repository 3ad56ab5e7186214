/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The scripts that a service worker imports: fetched while it is installed, and never again.
//!
//! <https://w3c.github.io/ServiceWorker/#importscripts>

use background_sync_traits::UpdateViaCache;
use net_traits::request::{CacheMode, RequestBuilder, ServiceWorkersMode};
use servo_base::id::ServiceWorkerId;
use servo_constellation_traits::{ImportedScript, WorkerProgress};
use servo_url::ServoUrl;

use crate::dom::bindings::error::Error;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkers::manager::ServiceWorkerManager;

/// <https://w3c.github.io/ServiceWorker/#importscripts>, before the fetch.
pub(crate) enum Import {
    /// It was imported before, or fetched when the worker was checked for an update.
    Known(ImportedScript),
    /// As the request says.
    Fetch(RequestBuilder),
}

impl ServiceWorkerGlobalScope {
    /// Steps 1 to 8: where the script comes from that `request` asks for.
    ///
    /// # Errors
    /// `NetworkError`: an installed worker imports what it has imported before, and nothing else.
    pub(crate) fn import(&self, request: RequestBuilder) -> Result<Import, Error> {
        let url = request.url.url();
        let is_installing = self.is_new();
        let imports = self.imports().borrow();
        // Steps 4 and 5.
        if let Some(known) = imports.iter().find(|script| script.url == url) {
            if is_installing {
                self.note_used_import(known);
            }
            return Ok(Import::Known(known.clone()));
        }
        if !is_installing {
            let message = format!(
                "the script {url} was not imported while the service worker was installed, so it can't be imported now"
            );
            return Err(Error::Network(Some(message)));
        }
        // Steps 7 and 8. A registration that was just looked at is not stale.
        let no_cache = self.registration_info().borrow().update_via_cache == UpdateViaCache::None;
        Ok(Import::Fetch(RequestBuilder {
            service_workers_mode: ServiceWorkersMode::None,
            cache_mode: match no_cache {
                true => CacheMode::NoCache,
                false => CacheMode::Default,
            },
            ..request
        }))
    }

    /// Step 12: a script was fetched, and is kept for the next start of the worker.
    pub(crate) fn note_import(
        &self,
        url: ServoUrl,
        final_url: &ServoUrl,
        source: &[u8],
        muted_errors: bool,
    ) {
        let is_installing = self.is_new();
        let is_known = self.imports().borrow().iter().any(|it| it.url == url);
        if !is_installing || is_known {
            return;
        }
        let script = ImportedScript {
            url,
            final_url: final_url.clone(),
            source: source.to_vec(),
            muted_errors,
        };
        self.note_used_import(&script);
        self.imports().borrow_mut().push(script);
    }

    /// The manager keeps the scripts that are used: what was fetched to be compared may not be.
    fn note_used_import(&self, script: &ImportedScript) {
        let mut used = self.used_imports().borrow_mut();
        if !used.contains(&script.url) {
            used.push(script.url.clone());
            self.report_progress(WorkerProgress::ScriptImported(script.clone()));
        }
    }
}

impl ServiceWorkerManager {
    pub(super) fn script_was_imported(
        &mut self,
        scope_url: &ServoUrl,
        worker_id: ServiceWorkerId,
        import: ImportedScript,
    ) {
        let Some(registration) = self.registrations.get_mut(scope_url) else {
            return;
        };
        if let Some(script) = registration.life_cycle.script_of_mut(worker_id) {
            script.imports.push(import);
        }
    }
}
