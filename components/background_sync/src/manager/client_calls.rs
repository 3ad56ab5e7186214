//! The life of a client's call. It waits for the calls before it, the engine is asked about it, the scheduler handles it,
//! and it is answered once everything that the answer promises is durable.

use background_sync_core::{
    Answer, Call, Caller, ClientFacts, EventId, EventOutcome, Now, PermissionName, RegisterError,
    ScopeKey, StoreFault, SyncApi, SyncNotification, SyncScheduler,
};
use background_sync_traits::{SyncClient, SyncRequest, SyncResponse};
use crossbeam_channel::Sender;

use super::barrier::{Barrier, GoesOn, Passage};
use super::rooms::Rooms;
use crate::edge::{CallOrder, Hindrance, needs_engine, permission_for, registers, subject};
use crate::engine::{ClientState, ClientStateResponder, MadeDurable, Question, QuestionAnswered};

pub(super) struct ClientCalls<C: SyncClient> {
    pub rooms: Rooms<C>,
    order: CallOrder,
    barrier: Barrier,
    /// For the engine's answers.
    questions: Sender<QuestionAnswered>,
}

impl<C: SyncClient> ClientCalls<C> {
    pub fn new(rooms: Rooms<C>, barrier: Barrier, questions: Sender<QuestionAnswered>) -> Self {
        Self {
            rooms,
            order: CallOrder::default(),
            barrier,
            questions,
        }
    }

    /// Whether the end of an event waits for its data.
    pub fn holds_events(&self) -> bool {
        self.barrier.holds_events()
    }

    /// Asks the engine whether events of the scope's origin may be dispatched.
    pub fn ask_about_events(&self, events: Vec<EventId>, scope: &ScopeKey, name: PermissionName) {
        self.ask(scope, Question::Dispatch(events, name));
    }

    fn ask(&self, scope: &ScopeKey, question: Question) {
        let responder = ClientStateResponder::new(question, self.questions.clone());
        self.rooms.engine.query_client_state(scope, responder);
    }

    /// Begins a call that was taken in, unless it has to wait for those before it, or needs the store and that is `closed`.
    pub fn start(&mut self, now: Now, call: Call, closed: Option<StoreFault>) {
        let Some((connection, _, request)) = self.rooms.clients.request(call) else {
            return;
        };
        if let Some(fault) = closed
            && subject(request).is_some()
        {
            let hindrance = Hindrance::Storage(fault.problem);
            if self.rooms.store.tell_of_refusal() {
                self.tell_of_fault(now, call, fault);
            }
            let resolved = self.rooms.clients.refuse_one(call, hindrance);
            return self.rooms.resolve(now, resolved);
        }
        let needs_engine = needs_engine(request);
        if !self.order.waits_behind(connection, call, needs_engine) {
            self.start_now(now, call);
        }
    }

    /// Asks the engine, if the call needs that, or does it.
    fn start_now(&mut self, now: Now, call: Call) {
        let Some((connection, scope, request)) = self.rooms.clients.request(call) else {
            return;
        };
        if !needs_engine(request) {
            return self.hand_over(now, call, ClientState::nothing_granted());
        }
        let scope = scope.clone();
        // The open window is asked for at the time of the call: a count kept here would be outdated.
        let question = Question::Register(call, permission_for(request));
        self.order.asking(connection);
        if registers(request) {
            self.barrier.add_call(call, &scope);
        }
        self.ask(&scope, question);
    }

    /// The engine has answered a call: it is done, and those behind it that don't wait for others go on.
    pub fn handle_client_state(&mut self, now: Now, call: Call, state: Option<ClientState>) {
        let Some((connection, ..)) = self.rooms.clients.request(call) else {
            return;
        };
        self.order.asked(connection);
        let state = state.unwrap_or_else(ClientState::nothing_granted);
        self.hand_over(now, call, state);
        while let Some(call) = self.order.next_behind(connection) {
            self.start_now(now, call);
        }
    }

    /// Hands a call to the scheduler. `state` counts for those that the engine was asked for.
    fn hand_over(&mut self, now: Now, call: Call, state: ClientState) {
        let Some((_, scope, request)) = self.rooms.clients.request(call) else {
            return;
        };
        // What it takes to start the worker without a page was cleared, and is told again with this.
        if registers(request)
            && self.rooms.workers.ask_again(scope)
            // Its scope was checked when its connection was opened.
            && let Ok(authority) = self.rooms.admission.authority_over(scope.clone())
        {
            self.rooms.engine.dispatch(authority);
        }
        if let SyncRequest::QueryPermission { name } = *request {
            let response = SyncResponse::Permission(state.permission_for(name));
            let resolved = self.rooms.clients.respond(call, response);
            return self.rooms.resolve(now, resolved);
        }
        let permission = state.permission_for(permission_for(request));
        let is_unregistered = self.rooms.workers.is_unregistered(scope);
        let facts = |active_worker, caller: Caller| ClientFacts {
            active_worker: active_worker && !is_unregistered,
            permission,
            open_window: state.open_window,
            caller,
        };
        let scheduler = &mut self.rooms.scheduler;
        schedule(scheduler, now, call, scope, request.clone(), facts);
    }

    /// Has the scheduler know of an event's end once what its handler committed is durable.
    pub fn finish_event(
        &mut self,
        now: Now,
        (event, outcome): (EventId, EventOutcome),
        scope: &ScopeKey,
    ) {
        let rooms = &mut self.rooms;
        match outcome {
            EventOutcome::Fulfilled | EventOutcome::Rejected => {
                self.barrier.add_ended(event, outcome, scope);
            }
            // The registration stays.
            _ => rooms.scheduler.handle_event_finished(now, event, outcome),
        }
    }

    /// To be called before anything that must find the events ended.
    pub fn make_ended_durable(&mut self, now: Now) {
        if self.barrier.has_ended() {
            self.make_durable(now);
        }
    }

    /// Asks the engine for the barrier of everything that waits for one. To be called before the manager sleeps.
    pub fn make_durable(&mut self, now: Now) {
        let engine = &self.rooms.engine;
        let ask = |scope: &ScopeKey, responder| engine.make_durable(scope, responder);
        self.barrier.begin(ask);
        self.take_durable(now);
    }

    /// An engine that had nothing to do has answered: what comes next must find that done.
    fn take_durable(&mut self, now: Now) {
        while let Some(made) = self.barrier.next_made_durable() {
            self.handle_made_durable(now, made);
        }
    }

    pub fn handle_made_durable(&mut self, now: Now, made: MadeDurable) {
        let GoesOn { calls, events } = self.barrier.handle_made_durable(made);
        for (event, outcome) in events {
            let scheduler = &mut self.rooms.scheduler;
            scheduler.handle_event_finished(now, event, outcome);
        }
        self.answer_registered(now, calls);
    }

    /// What these calls have registered is stored.
    pub fn answer_registered(&mut self, now: Now, calls: impl IntoIterator<Item = Call>) {
        for call in calls {
            self.answer(now, call, Answer::Registered(Ok(())));
        }
    }

    /// Sends the scheduler's answer, now or once what its origin has committed is durable and its worker is stored.
    pub fn answer(&mut self, now: Now, call: Call, answer: Answer) {
        let answer = match self.barrier.pass(call, &answer) {
            Passage::Open => answer,
            Passage::Held => return,
            Passage::Failed(fault) => {
                // The registration is kept, and its event waits for no promise.
                self.rooms.scheduler.handle_acknowledged(now, call);
                let problem = fault.problem;
                self.tell_of_fault(now, call, fault);
                Answer::Registered(Err(RegisterError::Storage { problem }))
            }
        };
        if answer == Answer::Registered(Ok(()))
            && let Some((_, scope, _)) = self.rooms.clients.request(call)
            && self.rooms.workers.keep_answer(scope, call)
        {
            return;
        }
        let resolved = self.rooms.clients.answer(call, answer);
        self.rooms.resolve(now, resolved);
    }

    /// Tells the embedder the particulars of what a call is refused for.
    fn tell_of_fault(&mut self, now: Now, call: Call, fault: StoreFault) {
        if let Some((_, scope, request)) = self.rooms.clients.request(call)
            && let Some((api, Some(tag))) = subject(request)
        {
            let failed = SyncNotification::StorageFailed {
                api,
                scope: scope.clone(),
                tag: tag.clone(),
                fault,
            };
            self.rooms.notify(now, failed);
        }
    }
}

/// Hands a call to the scheduler, with what is true of its client: `facts`, given what the client says of itself.
fn schedule(
    scheduler: &mut SyncScheduler,
    now: Now,
    call: Call,
    scope: &ScopeKey,
    request: SyncRequest,
    facts: impl Fn(bool, Caller) -> ClientFacts,
) {
    match request {
        SyncRequest::Register {
            tag,
            active_worker,
            caller,
        } => scheduler.handle_register(now, call, scope, tag, facts(active_worker, caller)),
        SyncRequest::GetTags => scheduler.handle_get_tags(now, call, scope),
        SyncRequest::RegisterPeriodic {
            tag,
            min_interval_ms,
            active_worker,
        } => {
            // Not looked at: what repeats is no link of a chain.
            let facts = facts(active_worker, Caller::Page);
            scheduler.handle_register_periodic(now, call, scope, tag, min_interval_ms, facts);
        }
        SyncRequest::UnregisterPeriodic { tag } => {
            scheduler.handle_unregister_tag(now, call, SyncApi::Periodic, scope, &tag);
        }
        SyncRequest::GetPeriodicTags => {
            scheduler.handle_get_tags_of(now, call, SyncApi::Periodic, scope);
        }
        SyncRequest::RegisterExplainer {
            id,
            options,
            active_worker,
            caller,
        } => {
            let facts = facts(active_worker, caller);
            scheduler.handle_register_explainer(now, call, scope, id, options, facts);
        }
        SyncRequest::UnregisterExplainer { id } => {
            scheduler.handle_unregister_tag(now, call, SyncApi::Explainer, scope, &id);
        }
        SyncRequest::GetExplainerIds => {
            scheduler.handle_get_tags_of(now, call, SyncApi::Explainer, scope);
        }
        // The engine's answer is the answer.
        SyncRequest::QueryPermission { .. } => {}
    }
}
