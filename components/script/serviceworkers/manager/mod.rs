/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The service worker manager of an origin: a thread that owns the origin's registrations, runs their jobs, and starts and
//! ends their workers. It replaces Servo's own.
//!
//! <https://w3c.github.io/ServiceWorker/#algorithms>

pub(crate) mod activeregistrations;
pub(crate) mod clients;
pub(crate) mod directevents;
#[cfg(feature = "offline")]
pub(crate) mod fetches;
pub(crate) mod idle;
pub(crate) mod jobs;
pub(crate) mod leaving;
pub(crate) mod lifecycle;
pub(crate) mod limits;
#[cfg(feature = "offline")]
mod navigationpreload;
#[cfg(feature = "offline")]
mod openings;
pub(crate) mod registration;
pub(crate) mod restored;
pub(crate) mod run;
mod scriptfetch;
pub(crate) mod stored;
pub(crate) mod update;

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, select, unbounded};
use fonts::FontContext;
use log::{debug, error};
use net_traits::CoreResourceMsg;
/// Nobody sends one.
#[cfg(not(feature = "offline"))]
use net_traits::CustomResponseMediator as FromNetwork;
#[cfg(feature = "offline")]
use net_traits::service_workers::FromNetwork;
use servo_base::generic_channel::{
    self, GenericCallback, GenericSender, ReceiveResult, RoutedReceiver,
};
use servo_base::id::{PipelineId, PipelineNamespace};
use servo_constellation_traits::{
    OnlineState, SWManagerSenders, ServiceWorkerAlgorithm, ServiceWorkerAlgorithmResult,
    ServiceWorkerManagerFactory, ServiceWorkerMsg, ServiceWorkerRegistrationInfo,
};
use servo_url::{ImmutableOrigin, ServoUrl};

use crate::dom::backgroundsync::onlinestate::last_online_state;
use crate::dom::serviceworkers::manager::clients::Clients;
use crate::dom::serviceworkers::manager::jobs::JobQueue;
use crate::dom::serviceworkers::manager::leaving::LeavingRegistrations;
#[cfg(feature = "offline")]
use crate::dom::serviceworkers::manager::openings::Openings;
use crate::dom::serviceworkers::manager::registration::ServiceWorkerRegistration;
use crate::dom::serviceworkers::manager::update::FetchedScript;
use crate::dom::serviceworkers::workerthread::install_namespace;

/// What the thread waits for.
enum Message {
    FromConstellation(Box<ServiceWorkerMsg>),
    FromNetwork(FromNetwork),
    ScriptFetched(Box<FetchedScript>),
    LimitPassed,
}

/// Whether the thread goes on after a message.
#[derive(PartialEq)]
enum Flow {
    Continue,
    Exit,
}

/// All registrations and workers of an origin.
pub struct ServiceWorkerManager {
    origin: ImmutableOrigin,
    /// <https://w3c.github.io/ServiceWorker/#dfn-scope-to-registration-map>
    pub(crate) registrations: HashMap<ServoUrl, ServiceWorkerRegistration>,
    /// <https://w3c.github.io/ServiceWorker/#dfn-scope-to-job-queue-map>
    job_queues: HashMap<ServoUrl, JobQueue>,
    clients: Clients,
    #[cfg(feature = "offline")]
    openings: Openings,
    leaving: LeavingRegistrations,
    own_sender: GenericSender<ServiceWorkerMsg>,
    own_port: RoutedReceiver<ServiceWorkerMsg>,
    resource_port: RoutedReceiver<FromNetwork>,
    fetched_sender: Sender<FetchedScript>,
    fetched_port: Receiver<FetchedScript>,
    /// What workers were told last, or could have read.
    pub(crate) online: OnlineState,
    /// Shared by all workers of the origin.
    font_context: Arc<FontContext>,
}

impl ServiceWorkerManager {
    fn run(&mut self) {
        while let Ok(message) = self.receive() {
            match message {
                Message::FromConstellation(message) => {
                    if self.handle_message(*message) == Flow::Exit {
                        return;
                    }
                }
                #[cfg(feature = "offline")]
                Message::FromNetwork(message) => self.handle_network(message),
                #[cfg(not(feature = "offline"))]
                Message::FromNetwork(message) => drop(message),
                Message::ScriptFetched(fetched) => self.handle_fetched_script(*fetched),
                Message::LimitPassed => self.handle_passed_limits(),
            }
        }
    }

    fn receive(&self) -> ReceiveResult<Message> {
        select! {
            recv(self.next_limit()) -> _ => Ok(Message::LimitPassed),
            recv(self.own_port) -> message => generic_channel::to_receive_result(message)
                .map(|message| Message::FromConstellation(Box::new(message))),
            recv(self.resource_port) -> message => generic_channel::to_receive_result(message)
                .map(Message::FromNetwork),
            recv(self.fetched_port) -> fetched => Ok(Message::ScriptFetched(Box::new(
                fetched.expect("the manager has a sender itself"),
            ))),
        }
    }

    fn handle_message(&mut self, message: ServiceWorkerMsg) -> Flow {
        let Some(message) = self.keep_until_restored(message) else {
            return Flow::Continue;
        };
        match message {
            // Nobody sends it.
            ServiceWorkerMsg::Timeout(_) => {}
            ServiceWorkerMsg::HandleAlgorithm(pipeline_id, algorithm) => {
                self.handle_algorithm(pipeline_id, algorithm);
            }
            ServiceWorkerMsg::ForwardDOMMessage(message, scope_url, worker_id) => {
                self.deliver_to_worker(message, &scope_url, worker_id);
            }
            ServiceWorkerMsg::ForwardWorkerMessage {
                data,
                url,
                script_url,
                source,
                origin,
                client,
            } => {
                let message = ServiceWorkerAlgorithmResult::MessageFromWorker {
                    message: data,
                    source,
                    scope_url: url,
                    script_url,
                    origin,
                };
                self.clients.tell(client, message);
            }
            ServiceWorkerMsg::ListClients {
                scope_url,
                include_uncontrolled,
                answer,
            } => self.list_clients(&scope_url, include_uncontrolled, &answer),
            #[cfg(feature = "offline")]
            ServiceWorkerMsg::GetClient(id, answer) => self.get_client(&id, &answer),
            #[cfg(feature = "offline")]
            ServiceWorkerMsg::WindowWillOpen(opening) => self.window_will_open(opening),
            #[cfg(feature = "offline")]
            ServiceWorkerMsg::WindowOpened {
                opening,
                url,
                webview_id,
                answer,
            } => self.window_opened(opening, &url, webview_id, answer),
            #[cfg(feature = "offline")]
            ServiceWorkerMsg::NavigateClient {
                scope_url,
                client,
                url,
                answer,
            } => self.navigate_client(&scope_url, client, url, answer),
            #[cfg(feature = "offline")]
            ServiceWorkerMsg::NotificationEvent(scope_url, event) => {
                self.fire_notification_event(&scope_url, event);
            }
            ServiceWorkerMsg::ClaimClients(scope_url) => self.claim_clients(&scope_url),
            ServiceWorkerMsg::ClientExpected(pipeline_id, url) => {
                self.clients.expect(pipeline_id, url);
            }
            ServiceWorkerMsg::ClientActivityChanged {
                pipeline_id,
                is_fully_active,
            } => self.client_activity_changed(pipeline_id, is_fully_active),
            ServiceWorkerMsg::ClientGone(pipeline_id) => self.forget_client(pipeline_id),
            ServiceWorkerMsg::WorkerProgress {
                scope_url,
                worker_id,
                progress,
            } => self.handle_worker_progress(&scope_url, worker_id, progress),
            ServiceWorkerMsg::RestoreRegistrations(restored) => {
                self.restore_registrations(restored);
            }
            ServiceWorkerMsg::StartStoredWorker {
                scope_url,
                scope_things,
                script,
                updates,
                handles_fetch,
                navigation_preload,
            } => self.start_stored_worker(
                scope_url,
                scope_things,
                script,
                updates,
                handles_fetch,
                navigation_preload,
            ),
            ServiceWorkerMsg::DispatchFunctionalEvents {
                events,
                report_to,
                online,
                direct,
            } => {
                self.handle_online_state(online);
                self.dispatch_functional_events(events, &report_to, direct);
            }
            ServiceWorkerMsg::TerminateWorker(event, scope) => self.terminate_worker(event, &scope),
            ServiceWorkerMsg::EmbedderNews(news) => self.handle_news(&news),
            ServiceWorkerMsg::Exit => return Flow::Exit,
        }
        Flow::Continue
    }

    /// What clients ask for.
    fn handle_algorithm(&mut self, pipeline_id: PipelineId, algorithm: ServiceWorkerAlgorithm) {
        match algorithm {
            ServiceWorkerAlgorithm::NewClient { .. } => {
                self.clients.add(pipeline_id, algorithm);
                #[cfg(feature = "offline")]
                if let Some(client) = self.clients.info(pipeline_id) {
                    let number = self.clients.last_number();
                    self.openings.client_added(number, &client);
                }
                self.try_activate_all();
            }
            #[cfg(feature = "offline")]
            ServiceWorkerAlgorithm::ViewChanged { view, .. } => {
                self.clients.view_changed(pipeline_id, view);
            }
            ServiceWorkerAlgorithm::WhenActive { client_url, .. } => {
                self.answer_when_active(pipeline_id, &client_url);
            }
            ServiceWorkerAlgorithm::StartRegister(job)
            | ServiceWorkerAlgorithm::Unregister(job) => self.schedule_job(job.into()),
            ServiceWorkerAlgorithm::MatchServiceWorkerRegistration {
                client_url,
                result_handler,
                ..
            } => self.answer_match(&client_url, &result_handler),
            ServiceWorkerAlgorithm::GetRegistrations { result_handler, .. } => {
                self.answer_all(&result_handler);
            }
            #[cfg(feature = "offline")]
            ServiceWorkerAlgorithm::NavigationPreload {
                scope_url,
                registration_id,
                call,
                result_handler,
                ..
            } => {
                let answer = self.handle_navigation_preload(&scope_url, registration_id, call);
                if result_handler.send(answer).is_err() {
                    debug!("Who asked for the navigation preload is gone.");
                }
            }
        }
    }

    /// <https://w3c.github.io/ServiceWorker/#navigator-service-worker-getRegistrations>. A registration without a worker is
    /// about to get one, or to go.
    fn answer_all(&self, answer: &GenericCallback<ServiceWorkerAlgorithmResult>) {
        let registrations = self.registrations.iter();
        let mut infos: Vec<_> = registrations
            .filter(|(_, registration)| registration.newest_worker().is_some())
            .map(|(scope_url, registration)| registration.info(scope_url))
            .collect();
        infos.sort_by(|one, other| one.scope_url.as_str().cmp(other.scope_url.as_str()));
        let result = ServiceWorkerAlgorithmResult::Registrations(infos);
        if answer.send(result).is_err() {
            debug!("The page that asked for its registrations is gone.");
        }
    }

    /// <https://w3c.github.io/ServiceWorker/#match-service-worker-registration>
    fn answer_match(
        &self,
        client_url: &ServoUrl,
        answer: &GenericCallback<ServiceWorkerAlgorithmResult>,
    ) {
        let info = self.matching_scope(client_url).and_then(|scope_url| {
            let registration = self.registrations.get(&scope_url)?;
            registration
                .newest_worker()
                .is_some()
                .then(|| registration.info(&scope_url))
        });
        let result = ServiceWorkerAlgorithmResult::MatchServiceWorkerRegistration(info);
        if answer.send(result).is_err() {
            debug!("The page that asked for a registration is gone.");
        }
    }
}

impl ServiceWorkerManagerFactory for ServiceWorkerManager {
    fn note_restored(restored: &[ServiceWorkerRegistrationInfo]) {
        Self::note_restored(restored);
    }

    fn create(senders: SWManagerSenders, origin: ImmutableOrigin) -> Option<JoinHandle<()>> {
        let SWManagerSenders {
            resource_threads,
            own_sender,
            receiver,
            system_font_service_sender,
            paint_api,
            namespace_request_sender,
        } = senders;
        let (resource_sender, resource_port) = generic_channel::channel()?;
        let mediator = CoreResourceMsg::NetworkMediator(resource_sender, origin.clone());
        if resource_threads.core_thread.send(mediator).is_err() {
            debug!("The resource thread is gone.");
        }
        let font_context = Arc::new(FontContext::new(
            Arc::new(system_font_service_sender.to_proxy()),
            paint_api,
            resource_threads,
        ));
        let own_port = receiver.route_preserving_errors();
        let resource_port = resource_port.route_preserving_errors();
        let spawned = thread::Builder::new()
            .name("SvcWorkerManager".to_owned())
            .spawn(move || {
                // In this thread: whoever asks for a name holds a lock and waits for the constellation.
                PipelineNamespace::set_installer_sender(namespace_request_sender);
                install_namespace();
                let (fetched_sender, fetched_port) = unbounded();
                ServiceWorkerManager {
                    origin,
                    registrations: HashMap::new(),
                    job_queues: HashMap::new(),
                    clients: Clients::default(),
                    #[cfg(feature = "offline")]
                    openings: Openings::default(),
                    leaving: LeavingRegistrations::default(),
                    own_sender,
                    own_port,
                    resource_port,
                    fetched_sender,
                    fetched_port,
                    online: last_online_state(),
                    font_context,
                }
                .run();
            });
        spawned
            .inspect_err(|error| error!("A service worker manager can't be started: {error}"))
            .ok()
    }
}
