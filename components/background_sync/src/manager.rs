//! The manager: it has the rooms, and brings what comes in from one to the next.

mod barrier;
mod client_calls;
mod event_loop;
mod running_events;
mod schedule;
mod start;
mod unavailable;

use std::fmt::Display;
use std::time::Instant;

use background_sync_core::{
    Answer, Call, Connectivity, Durability, EventOutcome, MonoTime, Now, Output, PermissionCheck,
    StoreFault, StoreOp, StoredRegistration, SyncNotification, SyncScheduler, Urgency,
};
use background_sync_store::FileSetAside;
use background_sync_traits::{EventToken, SyncClient, SyncManagerMessage};

use crate::edge::{Admitted, ConnectionKey};
use crate::embedder::{
    Change, Clear, ControlMessage, Embedder, EmbedderAnswers, Journal, Notifier,
};
use crate::engine::{Engine, MadeDurable, Question, QuestionAnswered};
use crate::storage::{Committed, Committer, Due, Found, FromWorkers, NotStored, Workers};
use crate::time::clock;
use client_calls::ClientCalls;
use running_events::{RunningEvents, event_kind};

pub use start::SyncManager;

pub(crate) struct Manager<C: SyncClient> {
    scheduler: SyncScheduler,
    engine: Box<dyn Engine>,
    events: RunningEvents,
    calls: ClientCalls<C>,
    store: Committer,
    workers: Workers,
    journal: Journal,
    notifier: Notifier,
    embedder_answers: EmbedderAnswers,
}

/// Whether the loop goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Continue,
    Stop,
}

/// What comes in.
impl<C: SyncClient> Manager<C> {
    fn new(
        scheduler: SyncScheduler,
        engine: Box<dyn Engine>,
        embedder: Box<dyn Embedder>,
        calls: ClientCalls<C>,
        store: Committer,
        workers: Workers,
    ) -> Self {
        Self {
            scheduler,
            engine,
            events: RunningEvents::default(),
            calls,
            store,
            workers,
            journal: Journal::default(),
            notifier: Notifier::new(embedder),
            embedder_answers: EmbedderAnswers::default(),
        }
    }

    /// `behind` is the number of messages behind this one.
    fn handle_message<E: Display>(
        &mut self,
        now: Now,
        message: Result<SyncManagerMessage<C>, E>,
        behind: usize,
    ) {
        for authority in self.calls.authorities_due(now.mono, behind) {
            self.engine.dispatch(authority);
        }
        match self.calls.admit(now.mono, message, behind) {
            Admitted::Resolved(calls) => {
                for call in calls {
                    self.scheduler.handle_acknowledged(now, call);
                }
            }
            Admitted::Call(call) => {
                let is_refused = match self.need_store(now) {
                    Ok(()) => false,
                    Err(fault) => {
                        let scheduler = &mut self.scheduler;
                        let store = &mut self.store;
                        self.calls
                            .refuse_for_storage(now, call, fault, scheduler, store)
                    }
                };
                if !is_refused {
                    self.calls.start(
                        now,
                        call,
                        &mut self.scheduler,
                        &*self.engine,
                        &mut self.workers,
                    );
                }
            }
            Admitted::EventFinished(event, outcome) => self.finish_event(now, event, outcome),
            Admitted::Authority(authority) => self.engine.dispatch(authority),
            Admitted::WorkerActivated(scope) => {
                self.workers.handle_activated(&scope);
                self.scheduler.handle_worker_activated(now, &scope);
            }
            Admitted::StoreWorker(scope, worker) => self.workers.put(scope, worker),
            Admitted::ReviveWorker(scope) => self.workers.revive(&scope),
            Admitted::ForgetWorker(scope) => self.workers.remove(scope),
            Admitted::WorkerUnregistered(scope) => {
                self.workers.handle_unregistered(scope.clone());
                self.change_when_open(now, Change::WorkerUnregistered(scope));
            }
        }
        self.tell_news_of_calls(now);
    }

    fn finish_event(&mut self, now: Now, event: EventToken, outcome: EventOutcome) {
        // Unknown: it was terminated before, or it is made up.
        let Some((event, scope)) = self.events.finish(event) else {
            return;
        };
        if outcome == EventOutcome::NotStarted {
            self.workers.revive(&scope);
        }
        let outcome = match outcome {
            // Only the manager says so.
            EventOutcome::TimedOut => EventOutcome::Rejected,
            other => other,
        };
        let end = (event, outcome);
        let engine = &*self.engine;
        self.calls.finish_event(
            now,
            end,
            &scope,
            &mut self.scheduler,
            engine,
            &mut self.workers,
        );
    }

    fn handle_client_gone(&mut self, now: Now, key: ConnectionKey) {
        self.calls.handle_client_gone(now, key, &mut self.scheduler);
    }

    /// The engine has answered.
    fn handle_answered(&mut self, now: Now, answered: QuestionAnswered) {
        let QuestionAnswered { question, state } = answered;
        match question {
            Question::Dispatch(event, name) => {
                let check = match state {
                    Some(state) => PermissionCheck::Answered(state.permission_for(name)),
                    None => PermissionCheck::Unanswered,
                };
                self.scheduler.handle_permission(now, event, check);
            }
            Question::Register(call, _) => {
                let engine = &*self.engine;
                self.calls.handle_client_state(
                    now,
                    call,
                    state,
                    &mut self.scheduler,
                    engine,
                    &mut self.workers,
                );
                self.tell_news_of_calls(now);
            }
        }
    }

    fn handle_made_durable(&mut self, now: Now, made: MadeDurable) {
        self.calls
            .handle_made_durable(now, made, &mut self.scheduler, &mut self.workers);
        self.tell_news_of_calls(now);
    }

    fn handle_committed(&mut self, now: Now, committed: Committed) {
        for (ticket, result) in committed.results {
            match result {
                Ok(()) => self.scheduler.handle_stored(now, ticket, Ok(())),
                // The scheduler has not waited for this: it is lost when the browser ends.
                Err(NotStored { op, fault }) if self.store.answers_early(&op) => {
                    if let StoreOp::Put(record) = *op {
                        self.notify(now, not_stored(record, fault));
                    }
                }
                Err(NotStored { fault, .. }) => {
                    self.scheduler.handle_stored(now, ticket, Err(fault));
                }
            }
        }
        if let Some(FileSetAside { path, records }) = committed.set_aside {
            let file = Some(path.display().to_string());
            self.notify(now, SyncNotification::SetAside { records, file });
        }
        let Some(done) = committed.done else { return };
        self.store.handle_done(now.mono, &done);
        if let Err(fault) = &done.journal {
            log::warn!("entries of the journal could not be stored yet: {fault}");
            self.journal.save_again();
        }
        self.embedder_answers
            .handle_history_stored(done.batch, &done.journal);
    }

    fn handle_from_workers(&mut self, now: Now, news: FromWorkers) {
        match news {
            // The registrations are kept also if the worker is not: they fire once its page is opened.
            FromWorkers::PutDone { scope } => {
                let calls = self.workers.handle_put_done(&scope);
                self.answer_registered(now, calls);
            }
            FromWorkers::Revived { scope, worker } => self.engine.start_worker(&scope, worker),
            FromWorkers::Cleared { call, result } => {
                self.embedder_answers.handle_workers_cleared(call, result);
            }
        }
    }

    fn handle_workers_gone(&mut self, now: Now) {
        self.answer_without_workers(now);
        let fault = workers_gone();
        self.embedder_answers.handle_workers_gone(&fault);
    }

    /// No worker will be stored any more.
    fn answer_without_workers(&mut self, now: Now) {
        let calls = self.workers.give_up_puts();
        self.answer_registered(now, calls);
    }
}

/// What the embedder asks.
impl<C: SyncClient> Manager<C> {
    fn handle_control(&mut self, now: Now, message: ControlMessage) -> Flow {
        match message {
            ControlMessage::Shutdown => return Flow::Stop,
            ControlMessage::Connectivity(connectivity) => {
                self.scheduler.handle_connectivity(now, connectivity);
            }
            ControlMessage::Query(query) => {
                // Without a store, nothing is known but what has happened.
                let _ = self.need_store(now);
                self.carry_out(now);
                let deadline = self.poll_timeout();
                query.answer(now, &self.scheduler, &mut self.journal, deadline);
            }
            ControlMessage::Change(change) => self.change_when_open(now, change),
        }
        Flow::Continue
    }

    fn change_when_open(&mut self, now: Now, change: Change) {
        match self.need_store(now) {
            Ok(()) => self.change(now, change),
            Err(fault) => self.embedder_answers.defer(change, fault),
        }
    }

    fn change(&mut self, now: Now, change: Change) {
        let call = self.calls.next_call();
        let (scheduler, answers) = (&mut self.scheduler, &mut self.embedder_answers);
        match change {
            Change::DispatchNow {
                api,
                scope,
                tag,
                reply,
            } => {
                answers.dispatch(call, reply);
                scheduler.handle_dispatch_now(now, call, api, &scope, &tag);
            }
            Change::Unregister {
                api,
                scope,
                tag,
                reply,
            } => {
                answers.remove(call, reply);
                scheduler.handle_unregister(now, call, api, &scope, &tag);
            }
            Change::Clear { what, reply } => {
                answers.clear(call, reply);
                self.clear(now, call, what);
            }
            Change::ExtraInterval { origin, extra } => {
                scheduler.handle_extra_interval(now, &origin, extra);
            }
            Change::Revoked { origin, name } => {
                scheduler.handle_permission_revoked(now, &origin, name);
            }
            Change::WorkerUnregistered(scope) => scheduler.handle_worker_unregistered(now, &scope),
        }
    }

    /// Registrations, their history and the scripts of their workers go; answered when all of them have.
    fn clear(&mut self, now: Now, call: Call, what: Clear) {
        self.scheduler
            .handle_clear(now, call, |scope| what.chooses(scope));
        // What is told of the removal must not stay in the history either.
        self.carry_out_decisions(now);
        self.journal.clear(|scope| what.chooses(scope));
        let batch = self.commit_all(Durability::Strict);
        self.embedder_answers.set_history_batch(call, batch);
        if !self.workers.clear(what, call) {
            let gone = Err(workers_gone());
            self.embedder_answers.handle_workers_cleared(call, gone);
        }
    }

    /// Something needs the store. Until it is open, nothing that is stored is known.
    fn need_store(&mut self, now: Now) -> Result<(), StoreFault> {
        if let Some(found) = self.store.need(now.mono)? {
            self.adopt(now, found);
        }
        Ok(())
    }

    /// The store is open.
    fn adopt(&mut self, now: Now, found: Found) {
        let set_aside = found.set_aside();
        self.journal.adopt(found.journal, found.next_entry);
        if let Some(set_aside) = set_aside {
            self.notify(now, set_aside);
        }
        self.scheduler.load_origins(now, found.loaded.origins);
        self.scheduler
            .load(now, found.loaded.records, found.loaded.next_id);
        self.carry_out(clock::now());
        for change in self.embedder_answers.take_deferred() {
            self.change(now, change);
        }
    }
}

/// What goes out.
impl<C: SyncClient> Manager<C> {
    /// Before it sleeps: has delivered and tells what that can wait until now. Returns when to call it again, if nothing
    /// happens before.
    fn rest(&mut self) -> Option<Instant> {
        let deliver_at = self.calls.deliver();
        self.notifier.tell();
        deliver_at
    }

    fn handle_timeout(&mut self, now: Now) {
        if let Some(found) = self.store.open_if_due(now.mono) {
            self.adopt(now, found);
        }
        self.scheduler.handle_timeout(now);
        self.carry_out(now);
    }

    fn poll_timeout(&self) -> Option<MonoTime> {
        let scheduler = self.scheduler.poll_timeout().into_iter();
        scheduler.chain(self.store.poll_timeout()).min()
    }

    /// Does what the scheduler decided, and has committed what is due.
    fn carry_out(&mut self, now: Now) {
        let urgency = self.carry_out_decisions(now);
        match self.store.due(now.mono, urgency) {
            Due::Nothing => {}
            Due::Operations => self.store.commit_operations(self.journal.has_news()),
            Due::All(durability) => drop(self.commit_all(durability)),
        }
    }

    /// Returns how soon what is to be stored has to be.
    fn carry_out_decisions(&mut self, now: Now) -> Urgency {
        let mut all = Urgency::Lazy;
        while let Some(output) = self.scheduler.poll_output() {
            match output {
                Output::Store {
                    ticket,
                    op,
                    urgency,
                } => {
                    let early = self.store.answers_early(&op);
                    self.store.add(now.mono, ticket, op);
                    if early {
                        self.scheduler.handle_stored(now, ticket, Ok(()));
                    } else if urgency == Urgency::Now {
                        all = Urgency::Now;
                    }
                }
                Output::Answer { call, answer } => {
                    if let Some(answer) = self.embedder_answers.answer(call, answer) {
                        let (scheduler, workers) = (&mut self.scheduler, &mut self.workers);
                        self.calls.answer(now, call, answer, scheduler, workers);
                        self.tell_news_of_calls(now);
                    }
                }
                Output::CheckPermission { event, scope, name } => {
                    let responder = self.calls.ask_about_event(event, name);
                    self.engine.query_client_state(&scope, responder);
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
                    self.engine.dispatch(self.events.add(event, scope, kind));
                }
                Output::Terminate { event, scope } => {
                    if let Some(token) = self.events.terminate(event) {
                        self.engine.terminate(token, &scope);
                    }
                }
                Output::Notify(notification) => self.notify(now, notification),
            }
        }
        all
    }

    fn answer_registered(&mut self, now: Now, calls: Vec<Call>) {
        for call in calls {
            let (scheduler, workers) = (&mut self.scheduler, &mut self.workers);
            self.calls
                .answer(now, call, Answer::Registered(Ok(())), scheduler, workers);
        }
        self.tell_news_of_calls(now);
    }

    /// Returns the number of the batch, if there is something.
    fn commit_all(&mut self, durability: Durability) -> Option<u64> {
        let journal = self.journal.take_update();
        self.store.commit(durability, journal)
    }

    fn tell_news_of_calls(&mut self, now: Now) {
        for notification in self.calls.take_news() {
            self.notify(now, notification);
        }
    }

    /// Tells whoever watches, and the journal.
    fn notify(&mut self, now: Now, notification: SyncNotification) {
        if self.notifier.add(&notification) {
            self.journal.add(now.wall, notification);
            self.store.commit_soon(now.mono);
        }
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
        self.notifier.end();
        self.scheduler
            .handle_connectivity(now, Connectivity::Offline);
        // What is relaxed is not lost by an orderly end.
        self.store.flush_by(now.mono);
    }

    /// Has everything committed. Returns whether to wait for that.
    fn commit_last(&mut self, now: Now) -> bool {
        if self.store.is_closed() {
            return false;
        }
        self.carry_out_decisions(now);
        self.commit_all(Durability::Strict);
        self.scheduler.usage().store_operations > 0 || self.embedder_answers.wait_for_history()
    }

    fn waits_for_workers(&self) -> bool {
        self.embedder_answers.wait_for_workers()
    }

    /// Every call is answered.
    fn end(&mut self, now: Now) {
        for (token, scope) in self.events.drain() {
            self.engine.terminate(token, &scope);
        }
        self.answer_without_workers(now);
        self.calls.refuse_all();
        self.embedder_answers.refuse_all();
    }
}

fn workers_gone() -> StoreFault {
    StoreFault::failed("the thread that keeps them has ended")
}

fn not_stored(record: StoredRegistration, fault: StoreFault) -> SyncNotification {
    SyncNotification::StorageFailed {
        api: record.kind.api(),
        scope: record.scope,
        tag: record.tag,
        fault,
    }
}
