/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `registration.navigationPreload`, in the place of Servo's file of that name. The service worker manager has the state:
//! all objects of a registration share it, and it is stored with the registration's worker.
//!
//! <https://w3c.github.io/ServiceWorker/#navigation-preload-manager>

use background_sync_traits::{NavigationPreloadAnswer, NavigationPreloadCall, PreloadHeaderValue};
use dom_struct::dom_struct;
use js::context::JSContext;
use js::realm::CurrentRealm;
use script_bindings::reflector::{Reflector, reflect_dom_object_with_cx};
use servo_constellation_traits::ServiceWorkerAlgorithm;

use crate::dom::bindings::codegen::Bindings::NavigationPreloadManagerBinding::{
    NavigationPreloadManagerMethods, NavigationPreloadState,
};
use crate::dom::bindings::error::Error;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::{Dom, DomRoot};
use crate::dom::bindings::str::ByteString;
use crate::dom::globalscope::GlobalScope;
use crate::dom::promise::{Promise, RootedPromise};
use crate::dom::serviceworkerregistration::ServiceWorkerRegistration;
use crate::dom::serviceworkers::registrationjobs::send_algorithm;
use crate::routed_promise::{RoutedPromiseListener, callback_promise};

#[dom_struct]
pub(crate) struct NavigationPreloadManager {
    reflector_: Reflector,
    registration: Dom<ServiceWorkerRegistration>,
}

impl NavigationPreloadManager {
    pub(crate) fn new(
        cx: &mut JSContext,
        global: &GlobalScope,
        registration: &ServiceWorkerRegistration,
    ) -> DomRoot<NavigationPreloadManager> {
        let manager = Box::new(Self {
            reflector_: Reflector::new(),
            registration: Dom::from_ref(registration),
        });
        reflect_dom_object_with_cx(manager, global, cx)
    }

    /// Has the service worker manager do it, which settles the promise.
    fn call(&self, cx: &mut CurrentRealm, call: NavigationPreloadCall) -> RootedPromise {
        let promise = Promise::new_in_realm(cx);
        let global = self.global();
        let Some(storage_key) = global.obtain_storage_key() else {
            promise.reject_error(cx, Error::Security(None));
            return promise;
        };
        let task_manager = global.task_manager();
        let algorithm = ServiceWorkerAlgorithm::NavigationPreload {
            storage_key,
            scope_url: self.registration.scope_url().clone(),
            registration_id: self.registration.registration_id(),
            call,
            result_handler: callback_promise(
                &promise,
                self,
                task_manager.dom_manipulation_task_source(),
            ),
        };
        if let Err(error) = send_algorithm(&global, algorithm) {
            promise.reject_error(cx, error);
        }
        promise
    }
}

impl NavigationPreloadManagerMethods<crate::DomTypeHolder> for NavigationPreloadManager {
    /// <https://w3c.github.io/ServiceWorker/#navigation-preload-manager-enable>
    fn Enable(&self, cx: &mut CurrentRealm) -> RootedPromise {
        self.call(cx, NavigationPreloadCall::Enable)
    }

    /// <https://w3c.github.io/ServiceWorker/#navigation-preload-manager-disable>
    fn Disable(&self, cx: &mut CurrentRealm) -> RootedPromise {
        self.call(cx, NavigationPreloadCall::Disable)
    }

    /// <https://w3c.github.io/ServiceWorker/#navigation-preload-manager-setheadervalue>
    fn SetHeaderValue(&self, cx: &mut CurrentRealm, value: ByteString) -> RootedPromise {
        // Steps 1 and 2. Line breaks at the ends are refused like those within, as in other browsers.
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
        let start = value.iter().position(|byte| !is_space(byte));
        let end = value.iter().rposition(|byte| !is_space(byte));
        let normalized = match (start, end) {
            (Some(start), Some(end)) => &value[start..=end],
            _ => &[],
        };
        match PreloadHeaderValue::try_from(normalized.to_vec()) {
            Ok(value) => self.call(cx, NavigationPreloadCall::SetHeaderValue(value)),
            Err(_) => {
                let promise = Promise::new_in_realm(cx);
                let message = c"the value can't be sent as a header".to_owned();
                promise.reject_error(cx, Error::Type(message));
                promise
            }
        }
    }

    /// <https://w3c.github.io/ServiceWorker/#navigation-preload-manager-getstate>
    fn GetState(&self, cx: &mut CurrentRealm) -> RootedPromise {
        self.call(cx, NavigationPreloadCall::GetState)
    }
}

impl RoutedPromiseListener<crate::DomTypeHolder, NavigationPreloadAnswer>
    for NavigationPreloadManager
{
    fn handle_response(
        &self,
        cx: &mut JSContext,
        answer: NavigationPreloadAnswer,
        promise: &RootedPromise,
    ) {
        match answer {
            NavigationPreloadAnswer::Done => promise.resolve_native(cx, &()),
            NavigationPreloadAnswer::State(state) => {
                let mut dictionary = NavigationPreloadState::empty();
                dictionary.enabled = state.enabled;
                dictionary.headerValue = Some(ByteString::new(state.header_value.into()));
                promise.resolve_native(cx, &dictionary);
            }
            NavigationPreloadAnswer::NoActiveWorker => {
                let message = "the registration has no active worker".to_owned();
                promise.reject_error(cx, Error::InvalidState(Some(message)));
            }
        }
    }
}
