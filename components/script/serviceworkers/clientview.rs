/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A page tells its service workers how it is seen, and goes where they want it to.
//!
//! <https://w3c.github.io/ServiceWorker/#windowclient-interface>

use js::context::JSContext;
use servo_constellation_traits::{NavigationHistoryBehavior, ServiceWorkerAlgorithm};
use servo_url::ServoUrl;

use crate::dom::bindings::codegen::Bindings::WindowBinding::WindowMethods;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::globalscope::GlobalScope;
use crate::dom::serviceworkercontainer::ServiceWorkerContainer;
use crate::dom::serviceworkers::container::view_of;
use crate::dom::serviceworkers::registrationjobs::send_algorithm;
use crate::dom::window::Window;
use crate::navigation::navigate;

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
