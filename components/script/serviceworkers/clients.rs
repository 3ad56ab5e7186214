/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `clients` in a service worker.
//!
//! <https://w3c.github.io/ServiceWorker/#clients-interface>

use dom_struct::dom_struct;
use js::context::JSContext;
use js::jsval::UndefinedValue;
use js::realm::CurrentRealm;
use script_bindings::reflector::{Reflector, reflect_dom_object};
use servo_base::id::PipelineId;
use servo_constellation_traits::{ServiceWorkerClientInfo, ServiceWorkerMsg, WorkerProgress};
use servo_url::ServoUrl;

use crate::dom::RootedPromise;
use crate::dom::abstractworker::MessageData;
use crate::dom::bindings::codegen::Bindings::ClientBinding::FrameType;
use crate::dom::bindings::codegen::Bindings::ClientsBinding::{
    ClientQueryOptions, ClientType, ClientsMethods,
};
use crate::dom::bindings::codegen::Bindings::ServiceWorkerBinding::ServiceWorkerState;
use crate::dom::bindings::codegen::UnionTypes::ClientOrServiceWorkerOrMessagePort;
use crate::dom::bindings::error::Error;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::DomRoot;
use crate::dom::bindings::str::DOMString;
#[cfg(feature = "offline")]
use crate::dom::bindings::str::USVString;
use crate::dom::bindings::structuredclone;
use crate::dom::client::Client;
use crate::dom::extendablemessageevent::ExtendableMessageEvent;
use crate::dom::globalscope::GlobalScope;
use crate::dom::promise::Promise;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::windowclient::WindowClient;
use crate::realms::enter_auto_realm;
use crate::routed_promise::{RoutedPromiseListener, callback_promise};

/// The pages that a service worker may talk to.
#[dom_struct]
pub(crate) struct Clients {
    reflector_: Reflector,
}

impl Clients {
    pub(crate) fn new(cx: &mut JSContext, worker: &ServiceWorkerGlobalScope) -> DomRoot<Clients> {
        let clients = Box::new(Clients {
            reflector_: Reflector::new(),
        });
        reflect_dom_object(cx, clients, worker.upcast::<GlobalScope>())
    }

    pub(super) fn worker(&self) -> DomRoot<ServiceWorkerGlobalScope> {
        DomRoot::downcast(self.global()).expect("the interface is exposed to service workers only")
    }
}

impl ClientsMethods<crate::DomTypeHolder> for Clients {
    /// <https://w3c.github.io/ServiceWorker/#clients-matchall>
    fn MatchAll(&self, cx: &mut CurrentRealm, options: &ClientQueryOptions) -> RootedPromise {
        let promise = Promise::new_in_realm(cx);
        // Workers are no clients here: Servo does not let them be controlled.
        if !matches!(options.type_, ClientType::Window | ClientType::All) {
            promise.resolve_native(cx, &Vec::<DomRoot<Client>>::new());
            return promise;
        }
        let global = self.global();
        let task_manager = global.task_manager();
        let answer = callback_promise(&promise, self, task_manager.dom_manipulation_task_source());
        let worker = self.worker();
        worker.tell_manager(ServiceWorkerMsg::ListClients {
            scope_url: worker.scope_url(),
            include_uncontrolled: options.includeUncontrolled,
            answer,
        });
        promise
    }

    /// <https://w3c.github.io/ServiceWorker/#clients-get>
    #[cfg(feature = "offline")]
    fn Get(&self, cx: &mut CurrentRealm, id: DOMString) -> RootedPromise {
        self.get(cx, id.to_string())
    }

    /// <https://w3c.github.io/ServiceWorker/#clients-openwindow>
    #[cfg(feature = "offline")]
    fn OpenWindow(&self, cx: &mut CurrentRealm, url: USVString) -> RootedPromise {
        self.open_window(cx, url)
    }

    /// <https://w3c.github.io/ServiceWorker/#clients-claim>
    fn Claim(&self, cx: &mut CurrentRealm) -> RootedPromise {
        let promise = Promise::new_in_realm(cx);
        let worker = self.worker();
        // Step 1: only an active worker can control pages.
        if !matches!(
            worker.own_state().get(),
            ServiceWorkerState::Activating | ServiceWorkerState::Activated
        ) {
            let message = "claim() needs an active worker".to_owned();
            promise.reject_error(cx, Error::InvalidState(Some(message)));
            return promise;
        }
        worker.tell_manager(ServiceWorkerMsg::ClaimClients(worker.scope_url()));
        promise.resolve_native(cx, &());
        promise
    }
}

impl RoutedPromiseListener<crate::DomTypeHolder, Vec<ServiceWorkerClientInfo>> for Clients {
    fn handle_response(
        &self,
        cx: &mut JSContext,
        response: Vec<ServiceWorkerClientInfo>,
        promise: &RootedPromise,
    ) {
        let worker = self.worker();
        let clients: Vec<DomRoot<Client>> = response
            .into_iter()
            .map(|client| DomRoot::upcast(worker.window_client(cx, client)))
            .collect();
        promise.resolve_native(cx, &clients);
    }
}

#[cfg(not(feature = "offline"))]
impl WindowClient {
    /// <https://w3c.github.io/ServiceWorker/#client-focus>, step 1: nothing that a person has done allows it.
    pub(crate) fn refuse_focus(&self, cx: &mut JSContext) -> RootedPromise {
        let promise = Promise::new(cx, &self.global());
        let message = "there are no notifications that a person could have clicked".to_owned();
        promise.reject_error(cx, Error::InvalidAccess(Some(message)));
        promise
    }

    /// <https://w3c.github.io/ServiceWorker/#client-navigate> is of the group `offline`.
    pub(crate) fn refuse_navigation(&self, cx: &mut JSContext) -> RootedPromise {
        let promise = Promise::new(cx, &self.global());
        let message = c"navigate() is not supported".to_owned();
        promise.reject_error(cx, Error::Type(message));
        promise
    }
}

fn frame_type_of(client: &ServiceWorkerClientInfo) -> FrameType {
    if client.is_top_level {
        FrameType::Top_level
    } else {
        FrameType::Nested
    }
}

impl ServiceWorkerGlobalScope {
    /// <https://w3c.github.io/ServiceWorker/#service-worker-global-scope-skipwaiting>
    pub(crate) fn skip_waiting(&self, cx: &mut CurrentRealm) -> RootedPromise {
        let promise = Promise::new_in_realm(cx);
        self.report_progress(WorkerProgress::SkipWaiting);
        promise.resolve_native(cx, &());
        promise
    }

    /// A page has sent a message.
    ///
    /// <https://w3c.github.io/ServiceWorker/#service-worker-postmessage-options>, from step 4.2 on.
    pub(crate) fn fire_message(
        &self,
        cx: &mut JSContext,
        message: MessageData,
        client: Option<ServiceWorkerClientInfo>,
    ) {
        let mut realm = enter_auto_realm(cx, self);
        let cx = &mut realm.current_realm();
        self.set_prompted(true);
        let (global, target) = (self.upcast::<GlobalScope>(), self.upcast());
        let source = self.source_of_message(cx, message.pipeline_id, client);
        let origin = DOMString::from(message.origin.ascii_serialization());
        rooted!(&in(cx) let mut data = UndefinedValue());
        match structuredclone::read(cx, global, *message.data, data.handle_mut()) {
            Ok(ports) => ExtendableMessageEvent::dispatch_jsval(
                cx,
                target,
                global,
                data.handle(),
                origin,
                Some(&ClientOrServiceWorkerOrMessagePort::Client(source)),
                ports,
            ),
            Err(_) => ExtendableMessageEvent::dispatch_error(cx, target, global, origin),
        }
    }

    /// The client that has sent a message. `info` is what the manager knows of it.
    fn source_of_message(
        &self,
        cx: &mut JSContext,
        pipeline_id: PipelineId,
        info: Option<ServiceWorkerClientInfo>,
    ) -> DomRoot<Client> {
        match info {
            Some(info) => DomRoot::upcast(self.window_client(cx, info)),
            None => self.client_object(cx, pipeline_id, self.scope_url(), FrameType::None),
        }
    }

    fn client_object(
        &self,
        cx: &mut JSContext,
        pipeline_id: PipelineId,
        url: ServoUrl,
        frame_type: FrameType,
    ) -> DomRoot<Client> {
        Client::new(
            cx,
            self.upcast(),
            self.swmanager_sender().clone(),
            url,
            self.scope_url(),
            frame_type,
            self.service_worker_id(),
            pipeline_id,
        )
    }

    pub(super) fn window_client(
        &self,
        cx: &mut JSContext,
        info: ServiceWorkerClientInfo,
    ) -> DomRoot<WindowClient> {
        let client = Client::new_inherited(
            self.swmanager_sender().clone(),
            info.url.clone(),
            self.scope_url(),
            frame_type_of(&info),
            self.service_worker_id(),
            info.pipeline_id,
        );
        #[cfg(feature = "offline")]
        let client = WindowClient::new_inherited(client, info);
        #[cfg(not(feature = "offline"))]
        let client = WindowClient::new_inherited(client);
        reflect_dom_object(cx, Box::new(client), self.upcast::<GlobalScope>())
    }

    /// The name of a client, as scripts see it.
    pub(crate) fn client_id(pipeline_id: PipelineId) -> DOMString {
        format!("{pipeline_id}").into()
    }
}
