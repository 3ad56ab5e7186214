/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a page's `navigator.serviceWorker` has of the life cycle: its controller, updates, and what the service worker
//! manager tells it.
//!
//! <https://w3c.github.io/ServiceWorker/#serviceworkercontainer-interface>

use std::cell::Cell;
use std::mem;

use js::context::JSContext;
use js::jsval::UndefinedValue;
use js::realm::CurrentRealm;
use log::warn;
use script_bindings::cell::DomRefCell;
use servo_base::id::ServiceWorkerRegistrationId;
use servo_config::pref;
use servo_constellation_traits::{
    ClientView, ScriptToConstellationMessage, ServiceWorkerAlgorithm, ServiceWorkerAlgorithmResult,
    ServiceWorkerRegistrationInfo,
};
use stylo_atoms::Atom;

use crate::dom::bindings::codegen::Bindings::DocumentBinding::{
    DocumentMethods, DocumentReadyState, DocumentVisibilityState,
};
use crate::dom::bindings::codegen::Bindings::NavigatorBinding::NavigatorMethods;
use crate::dom::bindings::codegen::Bindings::ServiceWorkerRegistrationBinding::ServiceWorkerRegistrationMethods;
use crate::dom::bindings::codegen::Bindings::WindowBinding::WindowMethods;
use crate::dom::bindings::codegen::UnionTypes::WindowProxyOrMessagePortOrServiceWorker;
use crate::dom::bindings::error::Error;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::refcounted::Trusted;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::str::DOMString;
use crate::dom::bindings::structuredclone;
use crate::dom::bindings::utils::to_frozen_array;
use crate::dom::event::Event;
use crate::dom::eventtarget::EventTarget;
use crate::dom::globalscope::GlobalScope;
use crate::dom::promise::{Promise, RootedPromise};
use crate::dom::serviceworkercontainer::ServiceWorkerContainer;
#[cfg(feature = "offline")]
use crate::dom::serviceworkers::controller;
use crate::dom::serviceworkers::manager::activeregistrations::controlling_registration;
use crate::dom::serviceworkers::registrationjobs::send_algorithm;
use crate::dom::serviceworkers::registrationstate::registration_object;
use crate::dom::types::MessageEvent;
use crate::dom::window::Window;
use crate::realms::enter_auto_realm;
use crate::routed_promise::{RoutedPromiseListener, callback_promise};

/// <https://w3c.github.io/ServiceWorker/#dfn-client-message-queue>
#[derive(Default, JSTraceable, MallocSizeOf)]
pub(crate) struct ClientMessages {
    enabled: Cell<bool>,
    /// Until it is.
    #[no_trace]
    #[ignore_malloc_size_of = "Serialized messages"]
    held: DomRefCell<Vec<ServiceWorkerAlgorithmResult>>,
}

/// The document of `window` is loaded far enough for messages.
pub(crate) fn document_is_loaded(cx: &mut JSContext, window: &Window) {
    if let Some(container) = window.Navigator(cx).known_service_worker_container() {
        container.start_messages();
    }
}

/// A service worker manager has begun to run in the window's origin: it must know its clients.
pub(crate) fn introduce_window(cx: &mut JSContext, window: &Window) {
    // Introduces itself when it is made.
    if pref!(dom_serviceworker_enabled) && window.upcast::<GlobalScope>().is_secure_context() {
        window.Navigator(cx).ServiceWorker(cx);
    }
}

/// How the page of `window` is seen now.
pub(crate) fn view_of(window: &Window) -> ClientView {
    let document = window.Document();
    ClientView {
        webview_id: window.webview_id(),
        browsing_context_id: window.window_proxy().browsing_context_id(),
        is_visible: document.VisibilityState() == DocumentVisibilityState::Visible,
        has_focus: document.HasFocus(),
    }
}

impl RoutedPromiseListener<crate::DomTypeHolder, ServiceWorkerAlgorithmResult>
    for ServiceWorkerContainer
{
    /// <https://w3c.github.io/ServiceWorker/#navigator-service-worker-getRegistrations>, from step 4.2 on.
    fn handle_response(
        &self,
        cx: &mut JSContext,
        response: ServiceWorkerAlgorithmResult,
        promise: &RootedPromise,
    ) {
        // Nothing else is sent to this callback.
        let ServiceWorkerAlgorithmResult::Registrations(infos) = response else {
            return;
        };
        let global = self.global();
        let mut realm = enter_auto_realm(cx, &*global);
        let cx = &mut realm.current_realm();
        let registrations: Vec<_> = infos
            .iter()
            .map(|info| registration_object(cx, &global, info))
            .collect();
        rooted!(&in(cx) let mut array = UndefinedValue());
        to_frozen_array(cx, &registrations, array.handle_mut());
        promise.resolve(cx, array.handle());
    }
}

impl ServiceWorkerContainer {
    /// Finds the worker that controls this page, and makes the page known to the service worker manager.
    pub(crate) fn introduce(&self, cx: &mut JSContext) {
        let global = self.global();
        let Some(storage_key) = global.obtain_storage_key() else {
            return;
        };
        let client_url = global.creation_url();
        let window = global.downcast::<Window>();
        // What became active only later does not control this page, although it asks only now.
        #[cfg(feature = "offline")]
        let decisive_url = controller::client_url(&global);
        #[cfg(not(feature = "offline"))]
        let decisive_url = client_url.clone();
        let controlled_by = window
            .and_then(|window| controlling_registration(&decisive_url, window.navigation_start()));
        if let Some(info) = &controlled_by {
            self.set_controller(cx, info);
        }
        // Other globals have no container that introduces itself.
        let Some(window) = window else { return };
        let is_top_level = window.is_top_level();
        let message = ScriptToConstellationMessage::ServiceWorkerAlgorithm(
            ServiceWorkerAlgorithm::NewClient {
                storage_key,
                client_url,
                is_top_level,
                controlled_by: controlled_by.map(|info| info.scope_url),
                view: view_of(window),
                result_handler: self.result_callback(None),
            },
        );
        if global.script_to_constellation_chan().send(message).is_err() {
            warn!("The constellation is gone: this page hears nothing of its service workers.");
        }
    }

    /// Whether the page has asked for its messages, or its parser has finished.
    fn has_started_messages(&self) -> bool {
        let global = self.global();
        let is_loaded = |window: &Window| {
            let document = window.Document();
            let timing = document.navigation_timing();
            document.ReadyState() == DocumentReadyState::Complete
                || timing.dom_content_loaded_event_end.get().is_some()
        };
        self.messages().enabled.get() || global.downcast::<Window>().is_none_or(is_loaded)
    }

    /// A message of a worker: it waits until the page is ready for messages.
    pub(crate) fn handle_message(&self, cx: &mut JSContext, result: ServiceWorkerAlgorithmResult) {
        if !self.has_started_messages() {
            return self.messages().held.borrow_mut().push(result);
        }
        let ServiceWorkerAlgorithmResult::MessageFromWorker {
            message,
            source,
            scope_url,
            script_url,
            origin,
        } = result
        else {
            return;
        };
        // https://w3c.github.io/ServiceWorker/#client-postmessage, from step 4.4 on.
        let global = self.global();
        let source = global.get_serviceworker(cx, &script_url, &scope_url, source);
        let source = WindowProxyOrMessagePortOrServiceWorker::ServiceWorker(source);
        let origin = DOMString::from(origin.ascii_serialization());
        rooted!(&in(cx) let mut data = UndefinedValue());
        let read = structuredclone::read(cx, &global, message, data.handle_mut());
        let is_error = read.is_err();
        let event = MessageEvent::new(
            cx,
            &global,
            Atom::from(if is_error { "messageerror" } else { "message" }),
            false,
            false,
            data.handle(),
            origin,
            Some(&source),
            DOMString::new(),
            read.unwrap_or_default(),
        );
        event.upcast::<Event>().fire(cx, self.upcast());
    }

    /// The page has asked for its messages, or is loaded far enough.
    ///
    /// <https://w3c.github.io/ServiceWorker/#dom-serviceworkercontainer-startmessages>
    pub(crate) fn start_messages(&self) {
        self.messages().enabled.set(true);
        let global = self.global();
        let task_manager = global.task_manager();
        for message in mem::take(&mut *self.messages().held.borrow_mut()) {
            let container = Trusted::new(self);
            task_manager.dom_manipulation_task_source().queue(
                task!(deliver_held_message: move |cx| {
                    container.root().handle_message(cx, message);
                }),
            );
        }
    }

    fn set_controller(&self, cx: &mut JSContext, info: &ServiceWorkerRegistrationInfo) {
        let registration = registration_object(cx, &self.global(), info);
        self.controller().set(registration.GetActive().as_deref());
    }

    /// <https://w3c.github.io/ServiceWorker/#notify-controller-change>
    pub(crate) fn controller_changed(
        &self,
        cx: &mut JSContext,
        info: &ServiceWorkerRegistrationInfo,
    ) {
        self.set_controller(cx, info);
        self.upcast::<EventTarget>()
            .fire_event(cx, Atom::from("controllerchange"));
    }

    /// <https://w3c.github.io/ServiceWorker/#navigator-service-worker-getRegistrations>
    pub(crate) fn get_registrations(&self, cx: &mut CurrentRealm) -> RootedPromise {
        let promise = Promise::new_in_realm(cx);
        let global = self.global();
        // Step 2.
        let Some(storage_key) = global.obtain_storage_key() else {
            let message = c"there is no storage here".to_owned();
            promise.reject_error(cx, Error::Type(message));
            return promise;
        };
        // Step 4 goes on in the service worker manager.
        let task_manager = global.task_manager();
        let task_source = task_manager.dom_manipulation_task_source();
        let algorithm = ServiceWorkerAlgorithm::GetRegistrations {
            storage_key,
            result_handler: callback_promise(&promise, self, task_source),
        };
        if let Err(error) = send_algorithm(&global, algorithm) {
            promise.reject_error(cx, error);
        }
        promise
    }

    /// A registration has a new installing worker.
    pub(crate) fn update_found(&self, cx: &mut JSContext, id: ServiceWorkerRegistrationId) {
        if let Some(registration) = self.global().known_serviceworker_registration(id) {
            registration
                .upcast::<EventTarget>()
                .fire_event(cx, Atom::from("updatefound"));
        }
    }
}
