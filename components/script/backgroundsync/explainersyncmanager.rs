/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `navigator.sync`, behind a preference of its own.
//!
//! <https://github.com/WICG/background-sync/blob/f5bb216/explainer.md>

use std::collections::HashMap;

use background_sync_traits::{
    BoundedText, ExplainerOptions, Recurrence, SyncData, SyncRequest, Tag, TextDirection,
    TextTooLong,
};
use dom_struct::dom_struct;
use js::context::JSContext;
use js::realm::CurrentRealm;
use log::warn;
use script_bindings::cell::DomRefCell;
use script_bindings::reflector::{Reflector, reflect_dom_object};
use servo_base::generic_channel::GenericCallback;
use servo_constellation_traits::{ServiceWorkerAlgorithm, ServiceWorkerAlgorithmResult};
use servo_url::ServoUrl;

use crate::dom::RootedPromise;
use crate::dom::backgroundsync::syncconnection::{SyncConnection, caller_of, rejected};
use crate::dom::bindings::codegen::Bindings::DocumentBinding::DocumentMethods;
use crate::dom::bindings::codegen::Bindings::ExplainerSyncManagerBinding::{
    ExplainerSyncManagerMethods, ExplainerSyncOptions,
};
use crate::dom::bindings::codegen::Bindings::HTMLElementBinding::HTMLElementMethods;
use crate::dom::bindings::codegen::Bindings::ServiceWorkerRegistrationBinding::ServiceWorkerRegistrationMethods;
use crate::dom::bindings::codegen::Bindings::WindowBinding::WindowMethods;
use crate::dom::bindings::error::Error;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::refcounted::{Trusted, TrustedPromise};
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::DomRoot;
use crate::dom::bindings::str::DOMString;
use crate::dom::document::Document;
use crate::dom::globalscope::GlobalScope;
use crate::dom::html::htmlelement::HTMLElement;
use crate::dom::promise::Promise;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkers::registrationjobs::send_algorithm;
use crate::dom::window::Window;

/// The object behind `navigator.sync`.
#[dom_struct]
pub(crate) struct ExplainerSyncManager {
    reflector_: Reflector,
    /// By scope: which registration a page belongs to may change while it is open.
    #[no_trace]
    #[ignore_malloc_size_of = "channels"]
    connections: DomRefCell<HashMap<ServoUrl, SyncConnection>>,
}

/// The service worker registration that a call is about.
struct Target {
    scope_url: ServoUrl,
    has_active_worker: bool,
}

/// What is asked of the SyncManager thread once the registration is known.
type MakeRequest = Box<dyn FnOnce(&Target) -> SyncRequest + Send>;

impl ExplainerSyncManager {
    pub(crate) fn new(cx: &mut JSContext, global: &GlobalScope) -> DomRoot<ExplainerSyncManager> {
        let manager = Box::new(ExplainerSyncManager {
            reflector_: Reflector::new(),
            connections: Default::default(),
        });
        reflect_dom_object(cx, manager, global)
    }

    /// Finds the registration that matches the caller, even if it has no active worker yet, and sends the request.
    fn call(&self, cx: &mut CurrentRealm, request: MakeRequest) -> RootedPromise {
        let promise = Promise::new_in_realm(cx);
        let global: &GlobalScope = &self.global();
        if let Some(worker) = global.downcast::<ServiceWorkerGlobalScope>() {
            let registration = worker.own_registration(cx);
            let target = Target {
                scope_url: registration.scope_url().clone(),
                has_active_worker: registration.GetActive().is_some(),
            };
            self.send(cx, target, request, &promise);
            return promise;
        }
        let sent = match global.obtain_storage_key() {
            Some(storage_key) => send_algorithm(
                global,
                ServiceWorkerAlgorithm::MatchServiceWorkerRegistration {
                    storage_key,
                    client_url: global.creation_url(),
                    result_handler: self.when_matched(global, request, &promise),
                },
            ),
            None => Err(no_registration()),
        };
        if let Err(error) = sent {
            promise.reject_error(cx, error);
        }
        promise
    }

    fn when_matched(
        &self,
        global: &GlobalScope,
        request: MakeRequest,
        promise: &RootedPromise,
    ) -> GenericCallback<ServiceWorkerAlgorithmResult> {
        let mut call = Some((Trusted::new(self), TrustedPromise::from(promise), request));
        let task_source = global
            .task_manager()
            .dom_manipulation_task_source()
            .to_sendable();
        let callback = move |result| {
            let Some((manager, promise, request)) = call.take() else {
                return warn!("A second answer to the search for a registration.");
            };
            let target = match result {
                Ok(ServiceWorkerAlgorithmResult::MatchServiceWorkerRegistration(Some(info))) => {
                    Some(Target {
                        has_active_worker: info.active_worker.is_some(),
                        scope_url: info.scope_url,
                    })
                }
                _ => None,
            };
            task_source.queue(task!(registration_is_known: move |cx| {
                let promise = promise.root(cx);
                match target {
                    Some(target) => manager.root().send(cx, target, request, &promise),
                    None => promise.reject_error(cx, no_registration()),
                }
            }));
        };
        GenericCallback::new(callback).expect("a channel can be made while a page runs")
    }

    fn send(
        &self,
        cx: &mut JSContext,
        target: Target,
        request: MakeRequest,
        promise: &RootedPromise,
    ) {
        let request = request(&target);
        let mut connections = self.connections.borrow_mut();
        let connection = connections.entry(target.scope_url.clone()).or_default();
        connection.settle_later(cx, &self.global(), &target.scope_url, request, promise);
    }
}

fn no_registration() -> Error {
    let message = "no service worker registration matches this page".to_owned();
    Error::InvalidState(Some(message))
}

impl ExplainerSyncManagerMethods<crate::DomTypeHolder> for ExplainerSyncManager {
    fn Register(
        &self,
        cx: &mut CurrentRealm,
        id: DOMString,
        options: &ExplainerSyncOptions,
    ) -> RootedPromise {
        let options = match parse_options(&self.global(), options) {
            Ok(options) => options,
            Err(error) => return rejected(cx, error),
        };
        let id = Tag::try_from(String::from(id));
        let caller = caller_of(&self.global());
        let request = move |target: &Target| SyncRequest::RegisterExplainer {
            id,
            options,
            active_worker: target.has_active_worker,
            caller,
        };
        self.call(cx, Box::new(request))
    }

    fn Unregister(&self, cx: &mut CurrentRealm, id: DOMString) -> RootedPromise {
        match Tag::try_from(String::from(id)) {
            Ok(id) => self.call(
                cx,
                Box::new(|_: &Target| SyncRequest::UnregisterExplainer { id }),
            ),
            // An id that is too long was never registered: nothing is to be done.
            Err(_) => {
                let promise = Promise::new_in_realm(cx);
                promise.resolve_native(cx, &());
                promise
            }
        }
    }

    fn Registrations(&self, cx: &mut CurrentRealm) -> RootedPromise {
        self.call(cx, Box::new(|_: &Target| SyncRequest::GetExplainerIds))
    }
}

/// The options, or which of them is too long.
///
/// # Errors
/// `TypeError`: `dir` is no direction.
fn parse_options(
    global: &GlobalScope,
    options: &ExplainerSyncOptions,
) -> Result<Result<ExplainerOptions, TextTooLong>, Error> {
    let document = global.downcast::<Window>().map(|window| window.Document());
    let document = document.as_deref();
    let or_of_document = |value: &DOMString, of: fn(&Document) -> DOMString| match document {
        Some(document) if value.is_empty() => of(document),
        _ => value.clone(),
    };
    let dir = or_of_document(&options.dir, |document| document.Dir());
    let dir = match &*dir.str() {
        "" | "auto" => TextDirection::Auto,
        "ltr" => TextDirection::Ltr,
        "rtl" => TextDirection::Rtl,
        _ => {
            let message = c"`dir` must be \"ltr\", \"rtl\", \"auto\" or empty";
            return Err(Error::Type(message.to_owned()));
        }
    };
    let lang = or_of_document(&options.lang, |document| {
        let root = document.GetDocumentElement();
        let html = root
            .as_deref()
            .and_then(|root| root.downcast::<HTMLElement>());
        html.map(HTMLElement::Lang).unwrap_or_default()
    });
    Ok((|| {
        Ok(ExplainerOptions {
            recurrence: if options.repeating {
                Recurrence::Repeating
            } else {
                Recurrence::Once
            },
            min_interval_ms: options.minInterval,
            data: SyncData::try_from(String::from(options.data.clone()))?,
            description: BoundedText::try_from(String::from(options.description.clone()))?,
            lang: BoundedText::try_from(String::from(lang))?,
            dir,
        })
    })())
}
