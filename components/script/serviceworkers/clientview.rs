/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Where a page is shown, as service workers see it.
//!
//! <https://w3c.github.io/ServiceWorker/#windowclient-interface>

use js::context::JSContext;
use servo_constellation_traits::{ClientView, NavigationHistoryBehavior, ServiceWorkerAlgorithm};
use servo_url::ServoUrl;

use crate::dom::bindings::codegen::Bindings::DocumentBinding::{
    DocumentMethods, DocumentVisibilityState,
};
use crate::dom::bindings::codegen::Bindings::WindowBinding::WindowMethods;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::globalscope::GlobalScope;
use crate::dom::serviceworkercontainer::ServiceWorkerContainer;
use crate::dom::serviceworkers::registrationjobs::send_algorithm;
use crate::dom::window::Window;
use crate::navigation::navigate;

/// As it is now.
pub(crate) fn view_of(window: &Window) -> ClientView {
    let document = window.Document();
    ClientView {
        webview_id: window.webview_id(),
        browsing_context_id: window.window_proxy().browsing_context_id(),
        is_visible: document.VisibilityState() == DocumentVisibilityState::Visible,
        has_focus: document.HasFocus(),
    }
}

/// The page is seen now, or no more; or its window has the focus, or has it no more. Pages that have not introduced
/// themselves pay nothing.
pub(crate) fn view_changed(cx: &mut JSContext, window: &Window) {
    if window
        .Navigator(cx)
        .known_service_worker_container()
        .is_none()
    {
        return;
    }
    let global = window.upcast::<GlobalScope>();
    if let Some(storage_key) = global.obtain_storage_key() {
        let view = view_of(window);
        // An error means that the browser ends.
        let _ = send_algorithm(
            global,
            ServiceWorkerAlgorithm::ViewChanged { storage_key, view },
        );
    }
}

impl ServiceWorkerContainer {
    /// <https://w3c.github.io/ServiceWorker/#client-navigate>, in the page.
    pub(crate) fn navigate_window(&self, cx: &mut JSContext, url: ServoUrl) {
        let global = self.global();
        if let Some(window) = global.downcast::<Window>() {
            let load_data = window.load_data_for_document(url, global.pipeline_id());
            navigate(
                cx,
                window,
                NavigationHistoryBehavior::Push,
                false,
                load_data,
            );
        }
    }
}
