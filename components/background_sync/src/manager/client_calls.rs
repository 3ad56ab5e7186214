//! The calls of clients: each is taken in, waits for those before it, is asked about, handed to the scheduler, and
//! answered once all that its answer promises is durable.

use std::fmt::Display;
use std::time::Instant;

use background_sync_core::{
    Answer, Call, Caller, ClientFacts, EventId, EventOutcome, MonoTime, Now, PermissionName,
    RegisterError, ScopeKey, StoreFault, SyncNotification, SyncScheduler, Unavailability,
};
use background_sync_traits::{
    DispatchedEvent, SyncClient, SyncManagerMessage, SyncRequest, SyncResponse,
};
use crossbeam_channel::{Receiver, Sender, unbounded};

use super::barrier::{Barrier, GoesOn, Passage};
use super::schedule::schedule;
use crate::edge::{
    Admission, Admitted, CallOrder, Clients, ConnectionKey, Hindrance, needs_engine,
    permission_for, refuse, registers, subject,
};
use crate::engine::{
    ClientState, ClientStateResponder, Engine, MadeDurable, Question, QuestionAnswered,
};
use crate::storage::{Committer, Workers};

pub(super) struct ClientCalls<C: SyncClient> {
    admission: Admission,
    clients: Clients<C>,
    order: CallOrder,
    barrier: Barrier,
    questions_out: Sender<QuestionAnswered>,
    /// Shared with the manager's loop.
    answers: Receiver<QuestionAnswered>,
    /// For the embedder.
    news: Vec<SyncNotification>,
}

impl<C: SyncClient> ClientCalls<C> {
    pub fn new() -> Self {
        let (questions_out, answers) = unbounded();
        Self {
            admission: Admission::new(),
            clients: Clients::new(),
            order: CallOrder::default(),
            barrier: Barrier::new(),
            questions_out,
            answers,
            news: Vec::new(),
        }
    }

    /// Where the engine's answers come in.
    pub fn answers(&self) -> &Receiver<QuestionAnswered> {
        &self.answers
    }

    /// Where it comes in that data are durable.
    pub fn made_durable(&self) -> &Receiver<MadeDurable> {
        self.barrier.made_durable()
    }

    /// Where clients that can't be reached any more are told of.
    pub fn gone(&self) -> Receiver<ConnectionKey> {
        self.clients.gone()
    }

    /// Has the replies delivered that wait. Returns when it is to be called again, if not earlier.
    pub fn deliver(&mut self) -> Option<Instant> {
        self.clients.deliver()
    }

    /// A fresh number, for what is asked by others than clients.
    pub fn next_call(&mut self) -> Call {
        self.clients.next_call()
    }

    /// What the embedder is to be told.
    pub fn take_news(&mut self) -> Vec<SyncNotification> {
        std::mem::take(&mut self.news)
    }

    /// A question for the engine about an event.
    pub fn ask_about_event(&self, event: EventId, name: PermissionName) -> ClientStateResponder {
        ClientStateResponder::new(Question::Dispatch(event, name), self.questions_out.clone())
    }

    /// `behind` is the number of messages behind this one.
    pub fn admit<E: Display>(
        &mut self,
        now: MonoTime,
        message: Result<SyncManagerMessage<C>, E>,
        behind: usize,
    ) -> Admitted {
        self.admission
            .admit(now, message, behind, &mut self.clients)
    }

    /// Authorities that were asked for while too much waited.
    pub fn authorities_due(&mut self, now: MonoTime, behind: usize) -> Vec<DispatchedEvent> {
        self.admission.authorities_due(now, behind)
    }

    /// Begins a call that was taken in, unless it has to wait for those before it.
    pub fn start(
        &mut self,
        now: Now,
        call: Call,
        scheduler: &mut SyncScheduler,
        engine: &dyn Engine,
        workers: &mut Workers,
    ) {
        if let Some((_, request)) = self.clients.request(call)
            && let needs_engine = needs_engine(request)
            && let Some(connection) = self.clients.connection(call)
            && !self.order.waits_behind(connection, call, needs_engine)
        {
            self.start_now(now, call, scheduler, engine, workers);
        }
    }

    /// Asks the engine, if the call needs that, or does it.
    fn start_now(
        &mut self,
        now: Now,
        call: Call,
        scheduler: &mut SyncScheduler,
        engine: &dyn Engine,
        workers: &mut Workers,
    ) {
        let Some((scope, request)) = self.clients.request(call) else {
            return;
        };
        if !needs_engine(request) {
            let state = ClientState::nothing_granted();
            return self.hand_over(now, call, state, scheduler, engine, workers);
        }
        let (scope, registers) = (scope.clone(), registers(request));
        // The open window is asked for at the time of the call: a count kept here would be outdated.
        let question = Question::Register(call, permission_for(request));
        if let Some(connection) = self.clients.connection(call) {
            self.order.asking(connection);
        }
        if registers {
            engine.make_durable(&scope, self.barrier.begin(call));
            self.take_durable(now, scheduler, workers);
        }
        let responder = ClientStateResponder::new(question, self.questions_out.clone());
        engine.query_client_state(&scope, responder);
    }

    /// The engine has answered a call: it is done, and those behind it that don't wait for others go on.
    pub fn handle_client_state(
        &mut self,
        now: Now,
        call: Call,
        state: Option<ClientState>,
        scheduler: &mut SyncScheduler,
        engine: &dyn Engine,
        workers: &mut Workers,
    ) {
        let state = state.unwrap_or_else(ClientState::nothing_granted);
        let Some(connection) = self.clients.connection(call) else {
            return;
        };
        self.order.asked(connection);
        self.hand_over(now, call, state, scheduler, engine, workers);
        while let Some(call) = self.order.next_behind(connection) {
            self.start_now(now, call, scheduler, engine, workers);
        }
    }

    /// Hands a call to the scheduler. `state` counts for those that the engine was asked for.
    fn hand_over(
        &mut self,
        now: Now,
        call: Call,
        state: ClientState,
        scheduler: &mut SyncScheduler,
        engine: &dyn Engine,
        workers: &mut Workers,
    ) {
        let Some((scope, request)) = self.clients.request(call) else {
            return;
        };
        // What it takes to start the worker without a page was cleared, and is told again with this.
        if registers(request)
            && workers.ask_again(scope)
            // Its scope was checked when its connection was opened.
            && let Ok(authority) = self.admission.authority_over(scope.clone())
        {
            engine.dispatch(authority);
        }
        if let SyncRequest::QueryPermission { name } = *request {
            let response = SyncResponse::Permission(state.permission_for(name));
            return self.respond(now, call, response, scheduler);
        }
        let permission = state.permission_for(permission_for(request));
        let is_unregistered = workers.is_unregistered(scope);
        let facts = |active_worker, caller: Caller| ClientFacts {
            active_worker: active_worker && !is_unregistered,
            permission,
            open_window: state.open_window,
            caller,
        };
        schedule(scheduler, now, call, scope, request.clone(), facts);
    }

    fn respond(
        &mut self,
        now: Now,
        call: Call,
        response: SyncResponse,
        scheduler: &mut SyncScheduler,
    ) {
        for call in self.clients.respond(call, response) {
            scheduler.handle_acknowledged(now, call);
        }
    }

    /// Has the scheduler know of an event's end once what its handler committed is durable.
    pub fn finish_event(
        &mut self,
        now: Now,
        (event, outcome): (EventId, EventOutcome),
        scope: &ScopeKey,
        scheduler: &mut SyncScheduler,
        engine: &dyn Engine,
        workers: &mut Workers,
    ) {
        match outcome {
            EventOutcome::Fulfilled | EventOutcome::Rejected => {
                engine.make_durable(scope, self.barrier.begin_for_event(event, outcome));
                self.take_durable(now, scheduler, workers);
            }
            // The registration stays.
            _ => scheduler.handle_event_finished(now, event, outcome),
        }
    }

    /// Whether the end of an event waits for its data.
    pub fn holds_events(&self) -> bool {
        self.barrier.holds_events()
    }

    /// An engine that had nothing to do has answered: what comes next must find that done.
    fn take_durable(&mut self, now: Now, scheduler: &mut SyncScheduler, workers: &mut Workers) {
        while let Ok(made) = self.barrier.made_durable().try_recv() {
            self.handle_made_durable(now, made, scheduler, workers);
        }
    }

    pub fn handle_made_durable(
        &mut self,
        now: Now,
        made: MadeDurable,
        scheduler: &mut SyncScheduler,
        workers: &mut Workers,
    ) {
        match self.barrier.handle_made_durable(made) {
            GoesOn::Nothing => {}
            GoesOn::Event(event, outcome) => scheduler.handle_event_finished(now, event, outcome),
            GoesOn::Call(call) => {
                self.answer(now, call, Answer::Registered(Ok(())), scheduler, workers);
            }
        }
    }

    /// Sends the scheduler's answer, now or once what its origin has committed is durable and its worker is stored.
    pub fn answer(
        &mut self,
        now: Now,
        call: Call,
        answer: Answer,
        scheduler: &mut SyncScheduler,
        workers: &mut Workers,
    ) {
        let answer = match self.barrier.pass(call, &answer) {
            Passage::Open => answer,
            Passage::Held => return,
            Passage::Failed(fault) => {
                // The registration is kept, and its event waits for no promise.
                scheduler.handle_acknowledged(now, call);
                let problem = fault.problem;
                self.tell_of_fault(call, fault);
                Answer::Registered(Err(RegisterError::Storage { problem }))
            }
        };
        if answer == Answer::Registered(Ok(()))
            && let Some((scope, _)) = self.clients.request(call)
            && workers.keep_answer(scope, call)
        {
            return;
        }
        for call in self.clients.answer(call, answer) {
            scheduler.handle_acknowledged(now, call);
        }
    }

    /// Refuses a call that needs the store. Returns whether it does.
    pub fn refuse_for_storage(
        &mut self,
        now: Now,
        call: Call,
        fault: StoreFault,
        scheduler: &mut SyncScheduler,
        store: &mut Committer,
    ) -> bool {
        let Some((_, request)) = self.clients.request(call) else {
            return true;
        };
        if subject(request).is_none() {
            return false;
        }
        let response = refuse(request, Hindrance::Storage(fault.problem));
        if store.tell_of_refusal() {
            self.tell_of_fault(call, fault);
        }
        self.respond(now, call, response, scheduler);
        true
    }

    /// Nobody will see the promises of this client: they hold nothing back.
    pub fn handle_client_gone(
        &mut self,
        now: Now,
        key: ConnectionKey,
        scheduler: &mut SyncScheduler,
    ) {
        for call in self.clients.client_gone(key) {
            scheduler.handle_acknowledged(now, call);
        }
    }

    /// The end: there will be no other answer.
    pub fn refuse_all(&mut self) {
        let end = Hindrance::Unavailable(Unavailability::ShuttingDown);
        self.clients.refuse_all(end);
    }

    /// Tells the embedder the particulars of what a call is refused for.
    fn tell_of_fault(&mut self, call: Call, fault: StoreFault) {
        if let Some((scope, request)) = self.clients.request(call)
            && let Some((api, Some(tag))) = subject(request)
        {
            self.news.push(SyncNotification::StorageFailed {
                api,
                scope: scope.clone(),
                tag: tag.clone(),
                fault,
            });
        }
    }
}
