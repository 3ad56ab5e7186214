/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `clients.openWindow()`, `WindowClient.focus()` and `navigate()`.
//!
//! <https://w3c.github.io/ServiceWorker/#windowclient-interface>

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use embedder_traits::service_workers::ServiceWorkerRequest;
use js::context::JSContext;
use js::realm::CurrentRealm;
use log::debug;
use servo_base::generic_channel::GenericCallback;
use servo_base::id::PipelineId;
use servo_constellation_traits::{NavigatedClient, ServiceWorkerClientInfo, ServiceWorkerMsg};
use servo_url::ServoUrl;

use crate::dom::bindings::codegen::Bindings::ClientsBinding::ClientType;
use crate::dom::bindings::error::Error;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::DomRoot;
use crate::dom::bindings::str::USVString;
use crate::dom::client::Client;
use crate::dom::clients::Clients;
use crate::dom::globalscope::GlobalScope;
use crate::dom::notification::ask_embedder;
use crate::dom::promise::{Promise, RootedPromise};
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::windowclient::WindowClient;
use crate::routed_promise::{RoutedPromiseListener, callback_promise};

/// After a click, a worker may open or focus a window so long, once.
const WINDOW_INTERACTION_LIMIT: Duration = Duration::from_secs(10);

/// Names the openings of this process.
static LAST_OPENING: AtomicU64 = AtomicU64::new(0);

impl ServiceWorkerGlobalScope {
    /// A person has clicked a notification.
    ///
    /// <https://html.spec.whatwg.org/multipage/#allowed-to-show-a-popup>, as service workers have it
    pub(crate) fn allow_window_interaction(&self) {
        self.offline_events()
            .window_interaction_until
            .set(Instant::now().checked_add(WINDOW_INTERACTION_LIMIT));
    }

    /// Whether the worker may do something that a person can see, now and no second time.
    fn consume_window_interaction(&self) -> bool {
        let until = self.offline_events().window_interaction_until.take();
        until.is_some_and(|until| Instant::now() < until)
    }
}

/// Where a worker wants a client to go.
fn parse_destination(global: &GlobalScope, url: &USVString) -> Result<ServoUrl, Error> {
    let url = ServoUrl::parse_with_base(Some(&global.api_base_url()), &url.0)
        .map_err(|_| Error::Type(c"this is no URL".to_owned()))?;
    // Of the others, about:blank is the specification's, and what is of the browser or the machine is none of the web's.
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Error::Type(
            c"only http: and https: can be opened".to_owned(),
        ));
    }
    Ok(url)
}

fn nobody_has_clicked() -> Error {
    Error::InvalidAccess(Some(
        "nobody has just clicked a notification of this worker".to_owned(),
    ))
}

impl Clients {
    /// <https://w3c.github.io/ServiceWorker/#clients-openwindow>
    pub(super) fn open_window(&self, cx: &mut CurrentRealm, url: USVString) -> RootedPromise {
        let promise = Promise::new_in_realm(cx);
        let worker = self.worker();
        let global = worker.upcast::<GlobalScope>();
        // Steps 1 to 3.
        let url = match parse_destination(global, &url) {
            Ok(url) => url,
            Err(error) => {
                promise.reject_error(cx, error);
                return promise;
            }
        };
        // Step 4.
        if !worker.consume_window_interaction() {
            promise.reject_error(cx, nobody_has_clicked());
            return promise;
        }
        // Steps 6 and 7: the document that introduces itself after this is the new one's.
        let opening = LAST_OPENING.fetch_add(1, Ordering::Relaxed);
        worker.tell_manager(ServiceWorkerMsg::WindowWillOpen(opening));
        let task_manager = global.task_manager();
        let answer: GenericCallback<NavigatedClient> =
            callback_promise(&promise, self, task_manager.dom_manipulation_task_source());
        let manager = worker.swmanager_sender().clone();
        let opened_url = url.clone();
        let opened = GenericCallback::new(move |webview_id: Result<_, _>| {
            let message = ServiceWorkerMsg::WindowOpened {
                opening,
                url: opened_url.clone(),
                webview_id: webview_id.ok().flatten(),
                answer: answer.clone(),
            };
            if manager.send(message).is_err() {
                debug!("The service worker manager is gone.");
            }
        });
        if let Ok(answer) = opened {
            let origin = global.origin().immutable().clone();
            ask_embedder(
                global,
                ServiceWorkerRequest::OpenWindow {
                    origin,
                    url,
                    answer,
                },
            );
        }
        promise
    }

    /// <https://w3c.github.io/ServiceWorker/#clients-get>
    pub(super) fn get(&self, cx: &mut CurrentRealm, id: String) -> RootedPromise {
        let promise = Promise::new_in_realm(cx);
        let task_manager = self.global().task_manager();
        let answer: GenericCallback<Option<ServiceWorkerClientInfo>> =
            callback_promise(&promise, self, task_manager.dom_manipulation_task_source());
        self.worker()
            .tell_manager(ServiceWorkerMsg::GetClient(id, answer));
        promise
    }
}

impl RoutedPromiseListener<crate::DomTypeHolder, Option<ServiceWorkerClientInfo>> for Clients {
    fn handle_response(
        &self,
        cx: &mut JSContext,
        response: Option<ServiceWorkerClientInfo>,
        promise: &RootedPromise,
    ) {
        match response {
            Some(info) => {
                let client = self.worker().window_client(cx, info);
                promise.resolve_native(cx, &client);
            }
            None => promise.resolve_native(cx, &()),
        }
    }
}

impl RoutedPromiseListener<crate::DomTypeHolder, NavigatedClient> for Clients {
    fn handle_response(
        &self,
        cx: &mut JSContext,
        response: NavigatedClient,
        promise: &RootedPromise,
    ) {
        let refused = c"the browser has opened no window";
        settle_navigation(cx, &self.worker(), response, refused, promise);
    }
}

fn settle_navigation(
    cx: &mut JSContext,
    worker: &ServiceWorkerGlobalScope,
    response: NavigatedClient,
    refused: &std::ffi::CStr,
    promise: &RootedPromise,
) {
    match response {
        Ok(info) => {
            let client = info.map(|info| worker.window_client(cx, info));
            promise.resolve_native(cx, &client);
        }
        Err(()) => promise.reject_error(cx, Error::Type(refused.to_owned())),
    }
}

impl Client {
    /// Workers are no clients here; what is not known any more is none of them.
    pub(crate) fn client_type(&self) -> ClientType {
        ClientType::Window
    }
}

impl WindowClient {
    fn worker(&self) -> DomRoot<ServiceWorkerGlobalScope> {
        DomRoot::downcast(self.global()).expect("the interface is exposed to service workers only")
    }

    fn client_pipeline_id(&self) -> PipelineId {
        self.info().pipeline_id
    }

    /// <https://w3c.github.io/ServiceWorker/#client-focus>
    pub(crate) fn focus(&self, cx: &mut JSContext) -> RootedPromise {
        let global = self.global();
        let promise = Promise::new(cx, &global);
        // Step 1.
        if !self.worker().consume_window_interaction() {
            promise.reject_error(cx, nobody_has_clicked());
            return promise;
        }
        // Step 4 goes on with the embedder.
        let task_manager = global.task_manager();
        let task_source = task_manager.dom_manipulation_task_source();
        ask_embedder(
            &global,
            ServiceWorkerRequest::FocusWindow {
                webview_id: self.info().view.webview_id,
                answer: callback_promise(&promise, self, task_source),
            },
        );
        promise
    }

    /// <https://w3c.github.io/ServiceWorker/#client-navigate>
    pub(crate) fn navigate(&self, cx: &mut JSContext, url: USVString) -> RootedPromise {
        let global = self.global();
        let promise = Promise::new(cx, &global);
        // Steps 1 to 3.
        let url = match parse_destination(&global, &url) {
            Ok(url) => url,
            Err(error) => {
                promise.reject_error(cx, error);
                return promise;
            }
        };
        // Step 4 goes on in the manager, which knows whether this worker controls the client.
        let task_manager = global.task_manager();
        let task_source = task_manager.dom_manipulation_task_source();
        let worker = self.worker();
        worker.tell_manager(ServiceWorkerMsg::NavigateClient {
            scope_url: worker.scope_url(),
            client: self.client_pipeline_id(),
            url,
            answer: callback_promise(&promise, self, task_source),
        });
        promise
    }
}

impl RoutedPromiseListener<crate::DomTypeHolder, bool> for WindowClient {
    /// <https://w3c.github.io/ServiceWorker/#client-focus>, steps 4.5 to 4.7.
    fn handle_response(&self, cx: &mut JSContext, has_focus: bool, promise: &RootedPromise) {
        if !has_focus {
            let message = c"the window can't be focused".to_owned();
            return promise.reject_error(cx, Error::Type(message));
        }
        let mut info = self.info().clone();
        info.view.has_focus = true;
        info.view.is_visible = true;
        let client = self.worker().window_client(cx, info);
        promise.resolve_native(cx, &client);
    }
}

impl RoutedPromiseListener<crate::DomTypeHolder, NavigatedClient> for WindowClient {
    fn handle_response(
        &self,
        cx: &mut JSContext,
        response: NavigatedClient,
        promise: &RootedPromise,
    ) {
        let refused = c"this worker does not control the client";
        settle_navigation(cx, &self.worker(), response, refused, promise);
    }
}
