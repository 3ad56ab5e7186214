//! What is stored of a service worker, so that it can be started without its page.

use serde::{Deserialize, Serialize};

use crate::navigation_preload::NavigationPreloadState;
use crate::stored_imports::StoredImports;
use crate::stored_terms::{StoredHeaders, UpdateTerms, UpdateViaCache};
use crate::types::{ScopeKey, ScriptUrl};
use crate::worker_source::WorkerSource;

/// What it takes to start an installed service worker without its page and without the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredWorker {
    /// Its script's URL.
    pub script_url: ScriptUrl,
    /// Its script.
    pub source: WorkerSource,
    /// What the script has imported.
    pub imports: StoredImports,
    /// What its policies are made from.
    pub headers: StoredHeaders,
    /// How it is checked for updates.
    pub updates: UpdateTerms,
    /// Whether it listens to `fetch` events.
    pub handles_fetch: bool,
    /// The registration's navigation preload.
    pub navigation_preload: NavigationPreloadState,
}

/// What is known of a stored worker before its scripts are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownWorker {
    /// Its service worker registration.
    pub scope: ScopeKey,
    /// Its script's URL.
    pub script_url: ScriptUrl,
    /// The registration's update via cache mode.
    pub via_cache: UpdateViaCache,
    /// Whether it listens to `fetch` events.
    pub handles_fetch: bool,
}
