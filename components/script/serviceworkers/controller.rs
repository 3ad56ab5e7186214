/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Which worker a request is for. It is known before the request is sent, so that the requests of pages without a worker
//! that listens to `fetch` events cost nothing.
//!
//! <https://w3c.github.io/ServiceWorker/#dfn-control>

use content_security_policy::sandboxing_directive::SandboxingFlagSet;
use net_traits::Metadata;
use net_traits::request::RequestBuilder;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_config::pref;
use servo_constellation_traits::LoadData;
use servo_url::ServoUrl;

use crate::dom::bindings::codegen::Bindings::WindowBinding::WindowMethods;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::globalscope::GlobalScope;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkers::manager::clients::controlling_registration;
use crate::dom::window::Window;

/// Scope of the registration that the requests of `global` go to.
pub(crate) fn controller_of(global: &GlobalScope) -> Option<ServoUrl> {
    if !pref!(dom_serviceworker_enabled) || global.is::<ServiceWorkerGlobalScope>() {
        return None;
    }
    let (url, since) = match global.downcast::<Window>() {
        Some(window) => (window_url(window), window.navigation_start()),
        None => (global.creation_url(), CrossProcessInstant::now()),
    };
    scope_with_listener(&url, since)
}

/// A document without a URL of its own is its creator's, as far as this goes.
fn window_url(window: &Window) -> ServoUrl {
    let url = window.upcast::<GlobalScope>().creation_url();
    match url.scheme() {
        "about" => window.Document().fallback_base_url(),
        _ => url,
    }
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
