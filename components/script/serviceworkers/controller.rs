/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Which worker a request is for. It is known before the request is sent, so that the requests of pages without a worker
//! that listens to `fetch` events cost nothing.
//!
//! <https://w3c.github.io/ServiceWorker/#dfn-control>

use std::collections::VecDeque;

use content_security_policy::sandboxing_directive::SandboxingFlagSet;
use net_traits::Metadata;
use net_traits::request::RequestBuilder;
use parking_lot::Mutex;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_base::id::PipelineId;
use servo_config::pref;
use servo_constellation_traits::LoadData;
use servo_url::ServoUrl;

use crate::dom::bindings::codegen::Bindings::WindowBinding::WindowMethods;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::globalscope::GlobalScope;
use crate::dom::node::node::NodeTraits;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkers::manager::activeregistrations::controlling_registration;
use crate::dom::window::Window;

/// Scope of the registration that the requests of `global` go to.
pub(crate) fn controller_of(global: &GlobalScope) -> Option<ServoUrl> {
    if !pref!(dom_serviceworker_enabled) || global.is::<ServiceWorkerGlobalScope>() {
        return None;
    }
    let since = match global.downcast::<Window>() {
        Some(window) => window.navigation_start(),
        None => CrossProcessInstant::now(),
    };
    scope_with_listener(&client_url(global), since)
}

/// What decides on the controller of `global`: a client whose URL is local has that of its creator.
///
/// <https://w3c.github.io/ServiceWorker/#control-and-use-window-client>,
/// <https://w3c.github.io/ServiceWorker/#control-and-use-worker-client>
pub(crate) fn client_url(global: &GlobalScope) -> ServoUrl {
    let url = global.creation_url();
    let window = global.downcast::<Window>();
    match (url.scheme(), window) {
        ("about", Some(window)) => window.Document().fallback_base_url(),
        ("blob", Some(window)) => url_of_container(window).unwrap_or(url),
        ("blob", None) => BLOB_WORKERS
            .lock()
            .creator(global.pipeline_id(), &url)
            .unwrap_or(url),
        _ => url,
    }
}

/// Of the document that a frame is in, if that is of its origin.
fn url_of_container(window: &Window) -> Option<ServoUrl> {
    let window_proxy = window.window_proxy();
    let container = window_proxy.frame_element()?.owner_window();
    let container = container.upcast::<GlobalScope>();
    let is_same =
        container.origin().immutable() == window.upcast::<GlobalScope>().origin().immutable();
    is_same.then(|| client_url(container))
}

/// So many workers are known whose scripts are blobs. One more takes the place of the oldest.
const MAX_BLOB_WORKERS: usize = 1_024;

static BLOB_WORKERS: Mutex<BlobWorkers> = Mutex::new(BlobWorkers(VecDeque::new()));

/// Workers of this process whose scripts are blobs: the URL does not say whose they are.
struct BlobWorkers(VecDeque<BlobWorker>);

struct BlobWorker {
    pipeline_id: PipelineId,
    url: ServoUrl,
    creator: ServoUrl,
}

impl BlobWorkers {
    fn creator(&self, pipeline_id: PipelineId, url: &ServoUrl) -> Option<ServoUrl> {
        let mut newest_first = self.0.iter().rev();
        let found = newest_first.find(|it| it.pipeline_id == pipeline_id && it.url == *url)?;
        Some(found.creator.clone())
    }
}

/// `global` starts a worker with this script.
pub(crate) fn note_worker(global: &GlobalScope, url: &ServoUrl) {
    if url.scheme() != "blob" || !pref!(dom_serviceworker_enabled) {
        return;
    }
    let worker = BlobWorker {
        pipeline_id: global.pipeline_id(),
        url: url.clone(),
        creator: client_url(global),
    };
    let mut workers = BLOB_WORKERS.lock();
    if workers.0.len() == MAX_BLOB_WORKERS {
        workers.0.pop_front();
    }
    workers.0.push_back(worker);
}

/// Scope of the registration that the script of a worker at `url` is asked from.
pub(crate) fn controller_of_worker(url: &ServoUrl) -> Option<ServoUrl> {
    pref!(dom_serviceworker_enabled)
        .then(|| scope_with_listener(url, CrossProcessInstant::now()))
        .flatten()
}

/// Scope of the registration that a navigation to `url` goes to.
pub(crate) fn controller_of_navigation(load: &LoadData, url: &ServoUrl) -> Option<ServoUrl> {
    // A document that is sandboxed into an origin of its own has none.
    let opaque = SandboxingFlagSet::SANDBOXED_ORIGIN_BROWSING_CONTEXT_FLAG;
    if load.creation_sandboxing_flag_set.contains(opaque) {
        return None;
    }
    controller_of_worker(url)
}

/// A navigation was redirected: each URL has its own registration.
pub(crate) fn follow_redirect(request: &mut RequestBuilder, load: &LoadData, redirect: &Metadata) {
    if let (Some(client), Some(Ok(url))) = (&mut request.client, &redirect.location_url) {
        client.controller = controller_of_navigation(load, url);
    }
}

/// The network reads what a worker fetches only as fast as that is used. It is never for the worker itself.
pub(crate) fn note_own_fetch(request: &mut RequestBuilder, worker: &ServiceWorkerGlobalScope) {
    if let Some(client) = &mut request.client {
        client.controller = Some(worker.scope_url());
    }
}

fn scope_with_listener(url: &ServoUrl, since: CrossProcessInstant) -> Option<ServoUrl> {
    let registration = controlling_registration(url, since)?;
    registration.handles_fetch.then_some(registration.scope_url)
}
