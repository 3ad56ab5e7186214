/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a service worker's global has for its life cycle.
//!
//! <https://w3c.github.io/ServiceWorker/#serviceworkerglobalscope-interface>

use std::cell::Cell;

use http::{HeaderMap, HeaderName, HeaderValue};
use js::context::JSContext;
use log::debug;
use net_traits::request::RequestId;
use net_traits::{FetchResponseMsg, Metadata, NetworkError};
use script_bindings::cell::DomRefCell;
use servo_base::generic_channel::GenericCallback;
use servo_base::id::ServiceWorkerId;
use servo_constellation_traits::{
    EmbedderNews, ImportedScript, OnlineState, ServiceWorkerClientInfo, ServiceWorkerMsg,
    ServiceWorkerRegistrationInfo, ServiceWorkerScript, WorkerProgress,
};
use servo_url::ServoUrl;

use crate::dom::abstractworker::MessageData;
use crate::dom::backgroundsync::embeddernews::tell_worker;
use crate::dom::backgroundsync::functionalevent::FunctionalEvent;
use crate::dom::backgroundsync::onlinestate::last_online_state;
use crate::dom::bindings::codegen::Bindings::ServiceWorkerBinding::ServiceWorkerState;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::root::{Dom, DomRoot, MutNullableDom};
use crate::dom::clients::Clients;
use crate::dom::extendableevent::ExtendableEvent;
use crate::dom::globalscope::GlobalScope;
use crate::dom::serviceworker::ServiceWorker;
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
use crate::dom::serviceworkers::extendedlifetime::OnSettled;
#[cfg(feature = "offline")]
use crate::dom::serviceworkers::offlineevents::{OfflineEvent, OfflineEvents};
use crate::dom::serviceworkers::workerthread::{BlockingWaits, WorkerStart};
use crate::dom::workerglobalscope::WorkerGlobalScope;
use crate::realms::enter_auto_realm;

/// What the service worker manager has for a worker.
pub(crate) enum FromManager {
    /// A message of a page, and what is known of that page.
    ClientMessage(MessageData, Option<ServiceWorkerClientInfo>),
    /// The user agent has gone online, or offline.
    EmbedderNews(EmbedderNews),
    /// The worker has become the active worker of its registration.
    Activate,
    /// The registration has changed, in this worker's part or in another one's.
    RegistrationChanged(ServiceWorkerRegistrationInfo),
    /// The registration has a new installing worker.
    UpdateFound,
    /// The registration is gone: the worker may only finish its events.
    Unregistered,
    /// Say so when no event is left.
    ReportIdle { events_given: u64 },
    /// Say so at once, whatever is still to be done.
    ReportAlive,
    /// A functional event to fire.
    FunctionalEvent(FunctionalEvent),
    /// What workers of offline apps get besides.
    #[cfg(feature = "offline")]
    OfflineEvent(OfflineEvent),
}

/// Of one worker.
#[derive(JSTraceable, MallocSizeOf)]
#[cfg_attr(crown, crown::unrooted_must_root_lint::must_root)]
pub(crate) struct WorkerLifeCycle {
    #[no_trace]
    worker_id: ServiceWorkerId,
    /// As the manager has told it. It does not know yet what this worker has done meanwhile.
    #[no_trace]
    registration: DomRefCell<ServiceWorkerRegistrationInfo>,
    /// <https://w3c.github.io/ServiceWorker/#dfn-state>
    state: Cell<ServiceWorkerState>,
    /// Whether a client has sent something since the last functional event began, or since the worker was started.
    is_prompted: Cell<bool>,
    /// What this worker was told of the network.
    #[no_trace]
    #[ignore_malloc_size_of = "Has nothing on the heap"]
    online: Cell<OnlineState>,
    /// Set while the manager waits to hear that no event is left.
    idle_question: Cell<Option<u64>>,
    /// The events whose extended lifetime lasts.
    extended_events: DomRefCell<Vec<Dom<ExtendableEvent>>>,
    #[cfg(feature = "offline")]
    offline_events: OfflineEvents,
    /// <https://w3c.github.io/ServiceWorker/#dfn-script-resource-map>
    #[no_trace]
    #[ignore_malloc_size_of = "Bounded by what a worker imports"]
    imports: DomRefCell<Vec<ImportedScript>>,
    /// <https://w3c.github.io/ServiceWorker/#dfn-set-of-used-scripts>
    #[no_trace]
    #[ignore_malloc_size_of = "Bounded by what a worker imports"]
    used_imports: DomRefCell<Vec<ServoUrl>>,
    #[no_trace]
    #[ignore_malloc_size_of = "Shared with the manager"]
    waits: BlockingWaits,
    clients: MutNullableDom<Clients>,
    /// The object that stands for this worker itself.
    own_worker: MutNullableDom<ServiceWorker>,
}

impl WorkerLifeCycle {
    pub(crate) fn new(start: &WorkerStart) -> Self {
        Self {
            worker_id: start.worker_id,
            registration: DomRefCell::new(start.registration.clone()),
            state: Cell::new(match start.state {
                // Its script has not run.
                ServiceWorkerState::Installing => ServiceWorkerState::Parsed,
                state => state,
            }),
            is_prompted: Cell::default(),
            online: Cell::new(last_online_state()),
            idle_question: Cell::default(),
            extended_events: DomRefCell::default(),
            #[cfg(feature = "offline")]
            offline_events: OfflineEvents::default(),
            imports: DomRefCell::new(start.script.imports.clone()),
            used_imports: DomRefCell::default(),
            waits: start.thread_end.waits(),
            clients: MutNullableDom::default(),
            own_worker: MutNullableDom::default(),
        }
    }
}

impl ServiceWorkerGlobalScope {
    pub(crate) fn service_worker_id(&self) -> ServiceWorkerId {
        self.life_cycle().worker_id
    }

    pub(super) fn registration_info(&self) -> &DomRefCell<ServiceWorkerRegistrationInfo> {
        &self.life_cycle().registration
    }

    pub(crate) fn scope_url(&self) -> ServoUrl {
        self.life_cycle().registration.borrow().scope_url.clone()
    }

    pub(super) fn own_worker(&self) -> &MutNullableDom<ServiceWorker> {
        &self.life_cycle().own_worker
    }

    pub(crate) fn own_state(&self) -> &Cell<ServiceWorkerState> {
        &self.life_cycle().state
    }

    /// Whether what the worker does now may be because of a client.
    pub(crate) fn is_prompted(&self) -> bool {
        self.life_cycle().is_prompted.get()
    }

    /// Whatever a client sends sets this, and each functional event takes it back.
    pub(crate) fn set_prompted(&self, is_prompted: bool) {
        self.life_cycle().is_prompted.set(is_prompted);
    }

    /// From the manager, or with a sync event, which may come first: then the worker may have missed that the network went
    /// and came back, and hears of both now.
    pub(crate) fn hear_of_network(&self, cx: &mut JSContext, state: OnlineState) {
        let told = self.life_cycle().online.get();
        if state.change <= told.change {
            return;
        }
        let missed = (state.online == told.online).then_some(OnlineState {
            online: !state.online,
            change: state.change - 1,
        });
        for state in missed.into_iter().chain([state]) {
            self.life_cycle().online.set(state);
            tell_worker(cx, self.upcast(), &EmbedderNews::NetworkOnlineState(state));
        }
    }

    pub(super) fn idle_question(&self) -> &Cell<Option<u64>> {
        &self.life_cycle().idle_question
    }

    pub(super) fn extended_events(&self) -> &DomRefCell<Vec<Dom<ExtendableEvent>>> {
        &self.life_cycle().extended_events
    }

    #[cfg(feature = "offline")]
    pub(super) fn offline_events(&self) -> &OfflineEvents {
        &self.life_cycle().offline_events
    }

    pub(super) fn imports(&self) -> &DomRefCell<Vec<ImportedScript>> {
        &self.life_cycle().imports
    }

    pub(super) fn used_imports(&self) -> &DomRefCell<Vec<ServoUrl>> {
        &self.life_cycle().used_imports
    }

    pub(crate) fn handle_manager_message(&self, cx: &mut JSContext, message: FromManager) {
        match message {
            FromManager::ClientMessage(data, client) => self.fire_message(cx, data, client),
            FromManager::EmbedderNews(EmbedderNews::NetworkOnlineState(state)) => {
                self.hear_of_network(cx, state);
            }
            FromManager::EmbedderNews(news) => tell_worker(cx, self.upcast(), &news),
            FromManager::Activate => {
                let mut realm = enter_auto_realm(cx, self);
                self.fire_life_cycle_event(&mut realm.current_realm(), OnSettled::Activate);
            }
            FromManager::RegistrationChanged(info) => self.registration_changed(cx, info),
            FromManager::UpdateFound => self.update_found(cx),
            FromManager::Unregistered => self.set_own_state(cx, ServiceWorkerState::Redundant),
            FromManager::ReportIdle { events_given } => self.report_idle(events_given),
            FromManager::ReportAlive => self.report_progress(WorkerProgress::Alive),
            FromManager::FunctionalEvent(event) => {
                let mut realm = enter_auto_realm(cx, self);
                self.fire_functional_event(&mut realm.current_realm(), event);
            }
            #[cfg(feature = "offline")]
            FromManager::OfflineEvent(event) => self.handle_offline_event(cx, event),
        }
    }

    pub(crate) fn own_clients(&self, cx: &mut JSContext) -> DomRoot<Clients> {
        self.life_cycle().clients.or_init(|| Clients::new(cx, self))
    }

    pub(crate) fn report_progress(&self, progress: WorkerProgress) {
        self.tell_manager(ServiceWorkerMsg::WorkerProgress {
            scope_url: self.scope_url(),
            worker_id: self.service_worker_id(),
            progress,
        });
    }

    pub(crate) fn tell_manager(&self, message: ServiceWorkerMsg) {
        if self.swmanager_sender().send(message).is_err() {
            debug!("The service worker manager is gone.");
        }
    }

    /// The worker has the policies that came with its script.
    ///
    /// <https://w3c.github.io/ServiceWorker/#update>, step 14
    pub(crate) fn set_policies(&self, script: &ServiceWorkerScript) {
        let mut headers = HeaderMap::new();
        for (name, value) in &script.headers {
            let parsed = (HeaderName::try_from(name), HeaderValue::try_from(value));
            if let (Ok(name), Ok(value)) = parsed {
                headers.append(name, value);
            }
        }
        let metadata = Metadata {
            headers: Some(hyper_serde::Serde(headers)),
            ..Metadata::default(script.url.clone())
        };
        self.upcast::<WorkerGlobalScope>()
            .process_response_for_workerscope(&metadata, &Default::default());
    }
}

/// A thread waits for a response. If it is a service worker's, the wait ends with the worker. Returns whether it may begin.
pub(crate) fn begin_blocking_fetch(
    global: &GlobalScope,
    request: RequestId,
    response: &GenericCallback<FetchResponseMsg>,
) -> bool {
    let Some(worker) = global.downcast::<ServiceWorkerGlobalScope>() else {
        return true;
    };
    let response = response.clone();
    worker.life_cycle().waits.begin(move || {
        let error = Err(NetworkError::LoadCancelled);
        // An error means that nobody waits any more.
        let _ = response.send(FetchResponseMsg::ProcessResponse(request, error));
    })
}
