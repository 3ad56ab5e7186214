/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The service worker manager's side of `registration.navigationPreload`.
//!
//! <https://w3c.github.io/ServiceWorker/#navigation-preload-manager>

use background_sync_traits::{NavigationPreloadAnswer, NavigationPreloadCall};
use servo_base::id::ServiceWorkerRegistrationId;
use servo_url::ServoUrl;

use crate::dom::serviceworkers::manager::ServiceWorkerManager;
use crate::dom::serviceworkers::manager::registration::ServiceWorkerRegistration;

impl ServiceWorkerManager {
    /// A registration that is gone has no active worker, also if there is another one of its scope by now.
    pub(super) fn handle_navigation_preload(
        &mut self,
        scope_url: &ServoUrl,
        id: ServiceWorkerRegistrationId,
        call: NavigationPreloadCall,
    ) -> NavigationPreloadAnswer {
        let registration = self.registrations.get_mut(scope_url);
        match registration.filter(|it| it.id == id) {
            Some(registration) => registration.handle_navigation_preload(scope_url, call),
            None if matches!(call, NavigationPreloadCall::GetState) => {
                NavigationPreloadAnswer::State(Default::default())
            }
            None => NavigationPreloadAnswer::NoActiveWorker,
        }
    }
}

impl ServiceWorkerRegistration {
    fn handle_navigation_preload(
        &mut self,
        scope_url: &ServoUrl,
        call: NavigationPreloadCall,
    ) -> NavigationPreloadAnswer {
        let state = &mut self.life_cycle.navigation_preload;
        if matches!(call, NavigationPreloadCall::GetState) {
            return NavigationPreloadAnswer::State(state.clone());
        }
        if self.active_worker.is_none() {
            return NavigationPreloadAnswer::NoActiveWorker;
        }
        let before = state.clone();
        match call {
            NavigationPreloadCall::Enable => state.enabled = true,
            NavigationPreloadCall::Disable => state.enabled = false,
            NavigationPreloadCall::SetHeaderValue(value) => state.header_value = value,
            NavigationPreloadCall::GetState => {}
        }
        if *state != before {
            self.have_worker_stored(scope_url);
        }
        NavigationPreloadAnswer::Done
    }
}
