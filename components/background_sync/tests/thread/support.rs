use std::time::Duration;

use background_sync::traits::{
    CallId, Caller, ClientGone, ConnectionId, ScopeUrl, StoredWorker, SyncEventKind, SyncReply,
    SyncRequest, SyncResponse, WorkerAuthority,
};
use background_sync::*;
use crossbeam_channel::{Receiver, Sender, unbounded};

/// Longer than anything that is expected to happen takes.
pub const SOON: Duration = Duration::from_secs(10);

/// For what must not happen: everything that could make it happen has been handled before.
pub const A_MOMENT: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub enum EngineCall {
    Query(ScopeKey, ClientStateResponder),
    Dispatch(DispatchedEvent),
    Terminate(EventToken),
    Start(ScopeKey, StoredWorker),
}

struct TestEngine {
    calls: Sender<EngineCall>,
    /// Answers queries by itself.
    state: Option<ClientState>,
}

impl Engine for TestEngine {
    fn query_client_state(&self, scope: &ScopeKey, responder: ClientStateResponder) {
        match self.state {
            Some(state) => responder.answer(state),
            None => drop(self.calls.send(EngineCall::Query(scope.clone(), responder))),
        }
    }

    fn dispatch(&self, event: DispatchedEvent) {
        let _ = self.calls.send(EngineCall::Dispatch(event));
    }

    fn start_worker(&self, scope: &ScopeKey, worker: StoredWorker) {
        let _ = self.calls.send(EngineCall::Start(scope.clone(), worker));
    }

    fn terminate(&self, event: EventToken, _: &ScopeKey) {
        let _ = self.calls.send(EngineCall::Terminate(event));
    }
}

struct Watcher(Sender<SyncNotification>);

impl Embedder for Watcher {
    fn notify(&self, notification: &SyncNotification) {
        let _ = self.0.send(notification.clone());
    }
}

#[derive(Debug)]
pub struct Client(pub Sender<SyncReply>);

impl SyncClient for Client {
    fn deliver(&self, reply: SyncReply) -> Result<(), ClientGone> {
        self.0.send(reply).map_err(|_| ClientGone)
    }
}

pub type Message = SyncManagerMessage<Client>;

/// A manager and everything around it.
pub struct Browser {
    pub thread: Option<SyncManagerThread>,
    pub messages: Option<Sender<Result<Message, String>>>,
    pub engine: Receiver<EngineCall>,
    pub notes: Receiver<SyncNotification>,
}

pub const OPEN: ClientState = ClientState {
    open_window: true,
    permission: Permission::Granted,
    periodic_permission: Permission::Denied,
};

pub fn quick() -> Policy {
    Policy {
        first_retry_delay_ms: 50,
        retry_jitter_percent: 0,
        reconnect_retry_spread_ms: 0,
        ..Policy::standard()
    }
}

/// Why a manager did not start.
pub fn no_disk() -> StartError {
    StartError::Store(StoreError::Other("there is no /disk".to_owned()))
}

impl Browser {
    pub fn start(config: Config) -> Self {
        Self::start_with(config, Some(OPEN), None).unwrap()
    }

    pub fn start_with(
        config: Config,
        state: Option<ClientState>,
        store: Option<Box<dyn RegistrationStore>>,
    ) -> Result<Self, StartError> {
        Self::start_with_engine(config, store, |calls| Box::new(TestEngine { calls, state }))
    }

    pub fn start_with_engine(
        config: Config,
        store: Option<Box<dyn RegistrationStore>>,
        engine_with: impl FnOnce(Sender<EngineCall>) -> Box<dyn Engine>,
    ) -> Result<Self, StartError> {
        Self::start_by(engine_with, |messages, engine, watcher| match store {
            None => SyncManager::spawn(config, messages, engine, watcher),
            Some(store) => SyncManager::spawn_with_store(config, store, messages, engine, watcher),
        })
    }

    pub fn start_on(stores: SyncStores) -> Self {
        let state = Some(OPEN);
        let engine_with = |calls| -> Box<dyn Engine> { Box::new(TestEngine { calls, state }) };
        let spawn = |messages, engine, watcher| stores.spawn(messages, engine, watcher);
        Self::start_by(engine_with, spawn).unwrap()
    }

    fn start_by(
        engine_with: impl FnOnce(Sender<EngineCall>) -> Box<dyn Engine>,
        spawn: impl FnOnce(
            Receiver<Result<Message, String>>,
            Box<dyn Engine>,
            Box<dyn Embedder>,
        ) -> Result<SyncManagerThread, StartError>,
    ) -> Result<Self, StartError> {
        let (messages, messages_in) = unbounded();
        let (calls, engine) = unbounded();
        let (notes_out, notes) = unbounded();
        let watcher = Box::new(Watcher(notes_out));
        let thread = spawn(messages_in, engine_with(calls), watcher)?;
        Ok(Self {
            thread: Some(thread),
            messages: Some(messages),
            engine,
            notes,
        })
    }

    pub fn send(&self, message: Message) {
        self.messages.as_ref().unwrap().send(Ok(message)).unwrap();
    }

    pub fn report(&self, connectivity: Connectivity) {
        self.thread
            .as_ref()
            .unwrap()
            .control()
            .report_connectivity(connectivity);
    }

    pub fn page(&self) -> Page<'_> {
        self.page_of(scope())
    }

    pub fn page_of(&self, scope: ScopeKey) -> Page<'_> {
        let (client, replies) = unbounded();
        let connection = ConnectionId::new();
        self.send(SyncManagerMessage::Connect {
            connection,
            scope,
            client: Client(client),
        });
        Page {
            browser: self,
            connection,
            replies,
            next_call: std::cell::Cell::new(1),
        }
    }

    pub fn event(&self) -> DispatchedEvent {
        match self.engine.recv_timeout(SOON).unwrap() {
            EngineCall::Dispatch(event) => event,
            other => panic!("not a dispatch: {other:?}"),
        }
    }

    pub fn assert_no_event(&self) {
        // A round trip, so that whatever was sent before has been handled.
        self.page().tags();
        assert!(self.engine.recv_timeout(A_MOMENT).is_err());
    }

    /// The right to speak for the workers of `scope`'s origin, as the engine is given it.
    pub fn authority(&self, scope: &ScopeKey) -> WorkerAuthority {
        self.send(SyncManagerMessage::RequestAuthority {
            scope: scope.clone(),
        });
        let event = self.event();
        assert_eq!(event.scope, *scope);
        match event.kind {
            SyncEventKind::Authority(authority) => authority,
            other => panic!("not an authority: {other:?}"),
        }
    }

    pub fn finish(&self, event: EventToken, outcome: EventOutcome) {
        self.send(SyncManagerMessage::EventFinished { event, outcome });
    }

    pub fn shutdown(&mut self) {
        self.thread.take().unwrap().shutdown();
    }

    /// Waits for a notification.
    pub fn note(&self, wanted: impl Fn(&SyncNotification) -> bool) -> SyncNotification {
        loop {
            let note = self.notes.recv_timeout(SOON).unwrap();
            if wanted(&note) {
                return note;
            }
        }
    }
}

/// A page with a `SyncManager` object.
pub struct Page<'b> {
    browser: &'b Browser,
    pub connection: ConnectionId,
    pub replies: Receiver<SyncReply>,
    next_call: std::cell::Cell<u64>,
}

impl Page<'_> {
    pub fn request(&self, request: SyncRequest) -> CallId {
        let call = CallId(self.next_call.replace(self.next_call.get() + 1));
        self.request_as(call, request);
        call
    }

    pub fn request_as(&self, call: CallId, request: SyncRequest) {
        let connection = self.connection;
        self.browser.send(SyncManagerMessage::Request {
            connection,
            call,
            request,
        });
    }

    pub fn ask_to_register(&self, tag: &str) -> CallId {
        self.request(register_request(tag))
    }

    pub fn reply(&self) -> SyncReply {
        self.replies.recv_timeout(SOON).unwrap()
    }

    pub fn acknowledge(&self, call: CallId) {
        self.browser.send(SyncManagerMessage::Acknowledge {
            connection: self.connection,
            call,
        });
    }

    /// Calls `register()` and resolves its promise.
    pub fn register(&self, tag: &str) -> Result<(), RegisterError> {
        let call = self.ask_to_register(tag);
        let reply = self.reply();
        assert_eq!(reply.call, call);
        let SyncResponse::Registered(result) = reply.response else {
            panic!()
        };
        self.acknowledge(call);
        result
    }

    pub fn tags(&self) -> Vec<String> {
        let call = self.request(SyncRequest::GetTags);
        let reply = self.reply();
        assert_eq!(reply.call, call);
        let SyncResponse::Tags(tags) = reply.response else {
            panic!()
        };
        tags.iter().map(ToString::to_string).collect()
    }

    pub fn disconnect(&self) {
        self.browser.send(SyncManagerMessage::Disconnect {
            connection: self.connection,
        });
    }
}

pub fn register_request(tag: &str) -> SyncRequest {
    SyncRequest::Register {
        tag: Tag::try_from(tag),
        active_worker: true,
        caller: Caller::Page,
    }
}

pub fn scope() -> ScopeKey {
    scope_at("https://a.example", "https://a.example/app/")
}

pub fn scope_at(origin: &str, scope: &str) -> ScopeKey {
    ScopeKey {
        origin: origin.try_into().unwrap(),
        scope: ScopeUrl::try_from(scope).unwrap(),
    }
}
