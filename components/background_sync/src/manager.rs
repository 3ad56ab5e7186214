//! The manager: it owns the rooms, and routes what comes in from one to the next.

mod barrier;
mod client_calls;
mod engine_batch;
mod event_loop;
mod rooms;
mod running_events;
mod start;
mod unavailable;

use std::fmt::Display;
use std::ops::ControlFlow;
use std::time::Duration;

use background_sync_core::{
    Call, Durability, EventOutcome, MonoTime, Now, Output, PermissionCheck, StoreFault,
    SyncNotification, Urgency,
};
use background_sync_traits::{EventToken, SyncClient, SyncManagerMessage};

use crate::edge::{Admitted, ConnectionKey};
use crate::embedder::{Change, Clear, ControlMessage, RegistrationName};
use crate::engine::{MadeDurable, Question, QuestionAnswered};
use crate::storage::{Committed, Found, FromWorkers, Others};
use crate::time::clock;
use client_calls::ClientCalls;
use engine_batch::EngineBatch;
use running_events::{RunningEvents, event_kind};

pub use start::{SyncManager, SyncStores};

pub(crate) struct Manager<C: SyncClient> {
    calls: ClientCalls<C>,
    events: RunningEvents,
}

/// What comes in.
impl<C: SyncClient> Manager<C> {
    fn new(calls: ClientCalls<C>) -> Self {
        Self {
            calls,
            events: RunningEvents::default(),
        }
    }

    /// `behind` is the number of messages behind this one.
    fn handle_message<E: Display>(
        &mut self,
        now: Now,
        message: Result<SyncManagerMessage<C>, E>,
        behind: usize,
    ) {
        let rooms = &mut self.calls.rooms;
        for authority in rooms.admission.authorities_due(now.mono, behind) {
            rooms.engine.dispatch(authority);
        }
        let clients = &mut rooms.clients;
        match rooms.admission.admit(now.mono, message, behind, clients) {
            Admitted::Resolved(calls) => rooms.resolve(now, calls),
            Admitted::Call(call) => {
                // It finds what came before it.
                self.calls.make_ended_durable(now);
                let closed = self.need_store(now).err();
                self.calls.start(now, call, closed);
            }
            Admitted::EventFinished(event, outcome) => self.finish_event(now, event, outcome),
            Admitted::Authority(authority) => rooms.engine.dispatch(authority),
            Admitted::WorkerActivated(scope) => {
                rooms.workers.handle_activated(&scope);
                rooms.scheduler.handle_worker_activated(now, &scope);
            }
            Admitted::StoreWorker(scope, worker) => rooms.workers.put(scope, *worker),
            Admitted::ReviveWorker(scope) => rooms.workers.revive(&scope),
            Admitted::ForgetWorker(scope) => rooms.workers.remove(scope),
            Admitted::WorkerUnregistered(scope) => {
                rooms.workers.handle_unregistered(scope.clone());
                self.change_when_open(now, Change::WorkerUnregistered(scope));
            }
        }
    }

    fn finish_event(&mut self, now: Now, event: EventToken, outcome: EventOutcome) {
        // Unknown: it was terminated before, or it is made up.
        let Some((event, scope)) = self.events.finish(event) else {
            return;
        };
        let outcome = match outcome {
            // Only the manager says so.
            EventOutcome::TimedOut => EventOutcome::Rejected,
            other => other,
        };
        if outcome == EventOutcome::NotStarted {
            self.calls.rooms.workers.revive(&scope);
        }
        self.calls.finish_event(now, (event, outcome), &scope);
    }

    /// Nobody will see the promises of this client: they hold nothing back.
    fn handle_client_gone(&mut self, now: Now, key: ConnectionKey) {
        let calls = self.calls.rooms.clients.client_gone(key);
        self.calls.rooms.resolve(now, calls);
    }

    /// The engine has answered.
    fn handle_answered(&mut self, now: Now, answered: QuestionAnswered) {
        let (rooms, state) = (&mut self.calls.rooms, answered.answer);
        match answered.about {
            Question::Dispatch(events, name) => {
                let check = match state {
                    Some(state) => PermissionCheck::Answered(state.permission_for(name)),
                    None => PermissionCheck::Unanswered,
                };
                for event in events {
                    rooms.scheduler.handle_permission(now, event, check);
                }
            }
            Question::Register(call, _) => self.calls.handle_client_state(now, call, state),
        }
    }

    fn handle_committed(&mut self, now: Now, committed: Committed) {
        self.calls.rooms.handle_committed(now, committed);
    }

    fn handle_made_durable(&mut self, now: Now, made: MadeDurable) {
        self.calls.handle_made_durable(now, made);
    }

    fn handle_from_workers(&mut self, now: Now, news: FromWorkers) {
        let rooms = &mut self.calls.rooms;
        match news {
            // The registrations are kept also if the worker is not: they fire once its page is opened.
            FromWorkers::PutDone { scope } => {
                let calls = rooms.workers.handle_put_done(&scope);
                self.calls.answer_registered(now, calls);
            }
            FromWorkers::Revived { scope, worker } => rooms.engine.start_worker(&scope, worker),
            FromWorkers::Cleared { call, result } => {
                rooms.embedder_answers.handle_workers_cleared(call, result);
            }
        }
    }

    fn handle_workers_gone(&mut self, now: Now) {
        self.answer_without_workers(now);
        let answers = &mut self.calls.rooms.embedder_answers;
        answers.handle_workers_gone(&workers_gone());
    }

    /// No worker will be stored any more.
    fn answer_without_workers(&mut self, now: Now) {
        let calls = self.calls.rooms.workers.give_up_puts();
        self.calls.answer_registered(now, calls);
    }
}

/// What the embedder asks.
impl<C: SyncClient> Manager<C> {
    fn handle_control(&mut self, now: Now, message: ControlMessage) -> ControlFlow<()> {
        let scheduler = &mut self.calls.rooms.scheduler;
        match message {
            ControlMessage::Shutdown => return ControlFlow::Break(()),
            ControlMessage::Connectivity(change) => scheduler.handle_connectivity(now, change),
            ControlMessage::Query(query) => {
                // Without a store, nothing is known but what has happened.
                let _ = self.need_store(now);
                self.carry_out(now);
                let deadline = self.poll_timeout();
                query(self.calls.rooms.view(now, deadline));
            }
            ControlMessage::Change(change) => self.change_when_open(now, change),
        }
        ControlFlow::Continue(())
    }

    fn change_when_open(&mut self, now: Now, change: Change) {
        match self.need_store(now) {
            Ok(()) => self.change(now, change),
            Err(fault) => self.calls.rooms.embedder_answers.defer(change, fault),
        }
    }

    fn change(&mut self, now: Now, change: Change) {
        let rooms = &mut self.calls.rooms;
        let call = rooms.clients.next_call();
        let (scheduler, answers) = (&mut rooms.scheduler, &mut rooms.embedder_answers);
        match change {
            Change::DispatchNow(RegistrationName { api, scope, tag }, reply) => {
                answers.dispatch(call, reply);
                scheduler.handle_dispatch_now(now, call, api, &scope, &tag);
            }
            Change::Unregister(RegistrationName { api, scope, tag }, reply) => {
                answers.remove(call, reply);
                scheduler.handle_unregister(now, call, api, &scope, &tag);
            }
            Change::Clear(what, reply) => {
                answers.clear(call, reply);
                self.clear(now, call, what);
            }
            Change::ExtraInterval(origin, extra) => {
                scheduler.handle_extra_interval(now, &origin, extra);
            }
            Change::Revoked(origin, name) => {
                scheduler.handle_permission_revoked(now, &origin, name);
            }
            Change::WorkerUnregistered(scope) => scheduler.handle_worker_unregistered(now, &scope),
        }
    }

    /// Registrations, their history and the scripts of their workers go; answered when all of them have.
    fn clear(&mut self, now: Now, call: Call, what: Clear) {
        let scheduler = &mut self.calls.rooms.scheduler;
        scheduler.handle_clear(now, call, |scope| what.chooses(scope));
        // What is told of the removal must not stay in the history either.
        self.carry_out_decisions(now);
        let rooms = &mut self.calls.rooms;
        rooms.journal.clear(|scope| what.chooses(scope));
        let batch = rooms.commit_all(Durability::Strict);
        rooms.embedder_answers.set_history_batch(call, batch);
        if !rooms.workers.clear(what, call) {
            let gone = Err(workers_gone());
            rooms.embedder_answers.handle_workers_cleared(call, gone);
        }
    }

    /// Something needs the store. Until it is open, nothing that is stored is known.
    fn need_store(&mut self, now: Now) -> Result<(), StoreFault> {
        if let Some(found) = self.calls.rooms.store.need(now.mono)? {
            self.adopt(now, found);
        }
        Ok(())
    }

    /// The store is open.
    fn adopt(&mut self, now: Now, found: Found) {
        let rooms = &mut self.calls.rooms;
        let set_aside = found.set_aside();
        rooms.journal.adopt(found.journal, found.next_entry);
        if let Some(set_aside) = set_aside {
            rooms.notify(now, set_aside);
        }
        let loaded = found.loaded;
        rooms.scheduler.load_origins(now, loaded.origins);
        rooms.scheduler.load(now, loaded.records, loaded.next_id);
        let deferred = rooms.embedder_answers.take_deferred();
        self.carry_out(clock::now());
        for change in deferred {
            self.change(now, change);
        }
    }
}

/// What goes out.
impl<C: SyncClient> Manager<C> {
    /// Before it sleeps: has replies delivered. Returns until when it may sleep.
    fn rest(&mut self, now: Now) -> Option<MonoTime> {
        let rooms = &mut self.calls.rooms;
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let deliver_again = rooms.clients.deliver();
        let deliver_again = deliver_again.map(|time| now.mono.after_ms(ms(time)));
        deliver_again.into_iter().chain(self.poll_timeout()).min()
    }

    /// What is to be committed is written, or handed over. Returns whether it was written.
    fn write_held(&mut self, others: Others) -> bool {
        let committed = self.calls.rooms.store.write_held(others);
        let written = !committed.is_empty();
        let now = clock::now();
        for part in committed {
            self.handle_committed(now, part);
        }
        if written {
            self.carry_out(now);
        }
        written
    }

    fn handle_timeout(&mut self, now: Now) {
        if let Some(found) = self.calls.rooms.store.open_if_due(now.mono) {
            self.adopt(now, found);
        }
        self.calls.rooms.scheduler.handle_timeout(now);
        self.carry_out(now);
    }

    fn poll_timeout(&self) -> Option<MonoTime> {
        let scheduler = self.calls.rooms.scheduler.poll_timeout().into_iter();
        scheduler.chain(self.calls.rooms.store.poll_timeout()).min()
    }

    /// Does what the scheduler decided, and has committed what is due.
    fn carry_out(&mut self, now: Now) {
        let mut notifications = Vec::new();
        let urgency = self.decide(now, &mut notifications);
        self.calls.rooms.commit_due(now, urgency);
        // What nobody waits for comes last.
        self.calls.make_durable(now);
        self.calls.rooms.notify_all(now, notifications);
    }

    /// Without a commit.
    fn carry_out_decisions(&mut self, now: Now) -> Urgency {
        let mut notifications = Vec::new();
        let urgency = self.decide(now, &mut notifications);
        self.calls.rooms.notify_all(now, notifications);
        urgency
    }

    /// Returns how soon what is to be stored has to be. The `notifications` are still to be told.
    fn decide(&mut self, now: Now, notifications: &mut Vec<SyncNotification>) -> Urgency {
        self.calls.make_ended_durable(now);
        let mut all = Urgency::Lazy;
        let mut for_engine = EngineBatch::default();
        while let Some(output) = self.calls.rooms.scheduler.poll_output() {
            let rooms = &mut self.calls.rooms;
            match output {
                Output::Store {
                    ticket,
                    op,
                    urgency,
                } => {
                    let early = rooms.store.answers_early(&op);
                    rooms.store.add(now.mono, ticket, op);
                    if early {
                        rooms.scheduler.handle_stored(now, ticket, Ok(()));
                    } else if urgency == Urgency::Now {
                        all = Urgency::Now;
                    }
                }
                Output::Answer { call, answer } => {
                    if let Some(answer) = rooms.embedder_answers.answer(call, answer) {
                        self.calls.answer(now, call, answer);
                    }
                }
                Output::CheckPermission { event, scope, name } => {
                    for_engine.check(event, scope, name);
                }
                Output::Dispatch {
                    event,
                    scope,
                    tag,
                    kind,
                    last_chance,
                    ..
                } => {
                    let kind = event_kind(kind, tag, last_chance);
                    for_engine.dispatch(self.events.add(event, scope, kind));
                }
                Output::Terminate { event, scope } => {
                    if let Some(token) = self.events.terminate(event) {
                        for_engine.send(&self.calls);
                        let rooms = &self.calls.rooms;
                        rooms.engine.terminate(token, &scope);
                    }
                }
                Output::Notify(notification) => notifications.push(notification),
            }
        }
        for_engine.send(&self.calls);
        all
    }
}

/// The end, in this order.
impl<C: SyncClient> Manager<C> {
    /// Whether the ends of events wait for their data: what was done is not done again.
    fn waits_for_data(&self) -> bool {
        self.calls.holds_events()
    }

    /// Nothing is dispatched or told any more.
    fn begin_end(&mut self, now: Now) {
        self.calls.rooms.begin_end(now);
    }

    /// Has everything committed. Returns whether to wait for that.
    fn commit_last(&mut self, now: Now) -> bool {
        if self.calls.rooms.store.is_closed() {
            return false;
        }
        self.carry_out_decisions(now);
        self.calls.rooms.commit_last()
    }

    /// Every call is answered.
    fn end(&mut self, now: Now) {
        for (token, scope) in self.events.drain() {
            self.calls.rooms.engine.terminate(token, &scope);
        }
        self.answer_without_workers(now);
        self.calls.rooms.end();
    }
}

fn workers_gone() -> StoreFault {
    StoreFault::failed("the thread that keeps them has ended")
}
