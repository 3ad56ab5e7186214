//! The thread's loop.

use std::fmt::Display;
use std::time::{Duration, Instant};

use background_sync_core::{
    Connectivity, Durability, MonoTime, Now, Output, PermissionCheck, ScopeKey, StoreFault,
    StoreOp, StoredRegistration, SyncNotification, SyncScheduler, Unavailability, Urgency,
};
use background_sync_store::{FileSetAside, Loaded};
use background_sync_traits::{AuthorityIssuer, DispatchedEvent, SyncClient, SyncManagerMessage};
use crossbeam_channel::{Receiver, Sender, at, never, select};

use crate::alarm::Alarm;
use crate::barrier::{Barrier, MadeDurable};
use crate::calls::event_kind;
use crate::clients::Clients;
use crate::control::ControlMessage;
use crate::edge::delivery::ConnectionKey;
use crate::embedder_calls::EmbedderCalls;
use crate::engine::{Question, QuestionAnswered};
use crate::events::RunningEvents;
use crate::held::HeldAnswers;
use crate::journal::Journal;
use crate::limits::Hindrance;
use crate::opening::Closed;
use crate::outbox::{JOURNAL_RETRY_MS, Outbox};
use crate::rate_limit::RateLimitedLog;
use crate::workers::{FromWorkers, Remembered, Workers};
use crate::writer::{Committed, NotStored};
use crate::{ClientState, ClientStateResponder, Embedder, Engine, clock};

/// Messages that are handled before deadlines are looked at again.
const MAX_MESSAGES_PER_TURN: usize = 1_024;

/// At the end, the store is given this time.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);

/// Where everything comes in.
pub(crate) struct Inputs<C, E> {
    pub messages: Receiver<Result<SyncManagerMessage<C>, E>>,
    pub control: Receiver<ControlMessage>,
    pub answers: Receiver<QuestionAnswered>,
    pub made_durable: Receiver<MadeDurable>,
    pub committed: Receiver<Committed>,
    pub from_workers: Receiver<FromWorkers>,
    pub gone: Receiver<ConnectionKey>,
    pub alarm: Alarm,
}

/// Whether the loop goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Continue,
    Stop,
}

pub(crate) struct Manager<C: SyncClient> {
    pub scheduler: SyncScheduler,
    pub clients: Clients<C>,
    pub events: RunningEvents,
    pub engine: Box<dyn Engine>,
    pub embedder: Box<dyn Embedder>,
    /// For the embedder, once the answers are on their way: to tell it costs a wake-up of a thread that is in no hurry.
    pub news: Vec<SyncNotification>,
    pub questions_out: Sender<QuestionAnswered>,
    pub barrier: Barrier,
    pub outbox: Outbox,
    pub misbehaviour: RateLimitedLog,
    pub journal: Journal,
    pub embedder_calls: EmbedderCalls,
    pub workers: Workers,
    pub held: HeldAnswers,
    /// Service worker registrations that were removed and not made again: a page may not have heard of it yet.
    pub unregistered: Remembered,
    pub issuer: AuthorityIssuer,
    pub authority_later: Vec<ScopeKey>,
    /// Until the store is open.
    pub closed: Option<Closed>,
    /// Nothing is told any more: what happens is the end, not the world.
    pub ending: bool,
}

impl<C: SyncClient> Manager<C> {
    /// Until the end.
    pub(crate) fn run<E: Display>(mut self, mut inputs: Inputs<C, E>, loaded: Option<Loaded>) {
        if let Some(loaded) = loaded {
            self.load(loaded);
        }
        while self.turn(&mut inputs) == Flow::Continue {}
        self.finish(&inputs);
    }

    pub(crate) fn load(&mut self, loaded: Loaded) {
        let records = u64::try_from(loaded.set_aside.len()).unwrap_or(u64::MAX);
        let file = loaded.set_aside_file.map(|path| path.display().to_string());
        for record in &loaded.set_aside {
            log::error!(
                "registration {} is set aside: {}",
                record.id.0,
                record.reason
            );
        }
        if records > 0 || file.is_some() {
            self.notify(clock::now(), SyncNotification::SetAside { records, file });
        }
        let now = clock::now();
        self.scheduler.load_origins(now, loaded.origins);
        self.scheduler.load(now, loaded.records, loaded.next_id);
        self.carry_out(clock::now());
    }

    /// Sleeps until something happens, then handles all that waits.
    fn turn<E: Display>(&mut self, inputs: &mut Inputs<C, E>) -> Flow {
        self.tell_news();
        let deadline = self.next_deadline();
        let timer = inputs.alarm.set(deadline, clock::now().mono);
        let look_at_clients = self.clients.poll_timeout().map_or_else(never, at);
        let mut flow = Flow::Continue;
        select! {
            recv(inputs.messages) -> message => match message {
                Ok(message) => self.handle_message(clock::now(), message, inputs.messages.len()),
                Err(_) => inputs.messages = never(),
            },
            recv(inputs.control) -> message => match message {
                Ok(message) => flow = self.handle_control(clock::now(), message),
                Err(_) => flow = Flow::Stop,
            },
            recv(inputs.answers) -> answered => if let Ok(answered) = answered {
                self.handle_answered(clock::now(), answered);
            },
            recv(inputs.made_durable) -> made => if let Ok(made) = made {
                self.handle_made_durable(clock::now(), made);
            },
            recv(inputs.gone) -> key => if let Ok(key) = key {
                self.handle_client_gone(clock::now(), key);
            },
            recv(look_at_clients) -> _ => self.clients.handle_timeout(),
            recv(inputs.from_workers) -> news => match news {
                Ok(news) => self.handle_from_workers(clock::now(), news),
                Err(_) => {
                    inputs.from_workers = never();
                    self.handle_workers_gone(clock::now());
                }
            },
            recv(inputs.committed) -> committed => match committed {
                Ok(committed) => self.handle_committed(clock::now(), committed),
                Err(_) => flow = Flow::Stop,
            },
            recv(timer) -> _ => {},
            recv(inputs.alarm.rings()) -> ring => if ring.is_err() {
                inputs.alarm.handle_broken();
            },
        }
        if flow == Flow::Continue {
            flow = self.drain(inputs);
        } else {
            // What came before the end counts, such as the outcome of an event.
            self.drain_messages(clock::now(), inputs);
        }
        let now = clock::now();
        self.open_if_due(now);
        self.scheduler.handle_timeout(now);
        self.carry_out(now);
        flow
    }

    fn tell_news(&mut self) {
        for notification in std::mem::take(&mut self.news) {
            self.embedder.notify(&notification);
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<MonoTime> {
        let deadlines = self.scheduler.poll_timeout().into_iter();
        let reopen = self.closed.as_ref().map(Closed::retry_at);
        deadlines.chain(self.outbox.deadline()).chain(reopen).min()
    }

    /// Handles what waits already, so that one commit is enough for all of it.
    fn drain<E: Display>(&mut self, inputs: &mut Inputs<C, E>) -> Flow {
        let now = clock::now();
        for committed in inputs.committed.try_iter().take(MAX_MESSAGES_PER_TURN) {
            self.handle_committed(now, committed);
        }
        self.drain_messages(now, inputs);
        // An engine that answers at once has done so.
        for answered in inputs.answers.try_iter().take(MAX_MESSAGES_PER_TURN) {
            self.handle_answered(now, answered);
        }
        for made in inputs.made_durable.try_iter().take(MAX_MESSAGES_PER_TURN) {
            self.handle_made_durable(now, made);
        }
        while let Ok(message) = inputs.control.try_recv() {
            if self.handle_control(now, message) == Flow::Stop {
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    fn drain_messages<E: Display>(&mut self, now: Now, inputs: &Inputs<C, E>) {
        for message in inputs.messages.try_iter().take(MAX_MESSAGES_PER_TURN) {
            self.handle_message(now, message, inputs.messages.len());
        }
    }

    fn handle_committed(&mut self, now: Now, committed: Committed) {
        for (ticket, result) in committed.results {
            match result {
                Ok(()) => self.scheduler.handle_stored(now, ticket, Ok(())),
                // The scheduler has not waited for this: it is lost when the browser ends.
                Err(NotStored { op, fault }) if self.outbox.answers_early(&op) => {
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
        self.outbox.handle_medium(now.mono, done.medium);
        if let Err(fault) = &done.journal {
            log::warn!("entries of the journal could not be stored yet: {fault}");
            self.journal.save_again();
            self.outbox.commit_by(now.mono.after_ms(JOURNAL_RETRY_MS));
        }
        self.embedder_calls
            .handle_history_stored(done.batch, &done.journal);
    }

    fn handle_answered(&mut self, now: Now, answered: QuestionAnswered) {
        match answered.question {
            Question::Dispatch(event, name) => {
                let check = match answered.state {
                    Some(state) => PermissionCheck::Answered(state.permission_for(name)),
                    None => PermissionCheck::Unanswered,
                };
                self.scheduler.handle_permission(now, event, check);
            }
            Question::Register(call, _) => {
                let state = answered.state.unwrap_or_else(ClientState::nothing_granted);
                let behind = self.clients.asked(call);
                self.do_call(now, call, state);
                if let Some(behind) = behind {
                    self.start_calls_behind(now, behind);
                }
            }
        }
    }

    /// Does what the scheduler decided, and has committed what is due.
    pub(crate) fn carry_out(&mut self, now: Now) {
        let urgency = self.carry_out_decisions(now);
        if self.closed.is_some() {
            // What is in the journal waits with it.
            self.outbox.commit_later();
        } else if let Some(durability) = self.outbox.due(now.mono) {
            self.send_all(durability);
        } else if urgency == Urgency::Now {
            self.outbox.send_operations(self.journal.has_news());
        }
    }

    /// Returns how soon what is in the outbox has to leave.
    pub(crate) fn carry_out_decisions(&mut self, now: Now) -> Urgency {
        let mut all = Urgency::Lazy;
        while let Some(output) = self.scheduler.poll_output() {
            match output {
                Output::Store {
                    ticket,
                    op,
                    urgency,
                } => {
                    let early = self.outbox.answers_early(&op);
                    self.outbox.add(now.mono, ticket, op);
                    if early {
                        self.scheduler.handle_stored(now, ticket, Ok(()));
                    } else if urgency == Urgency::Now {
                        all = Urgency::Now;
                    }
                }
                Output::Answer { call, answer } => {
                    let Some(answer) = self.embedder_calls.answer(call, answer) else {
                        continue;
                    };
                    self.answer_client(now, call, answer);
                }
                Output::CheckPermission { event, scope, name } => {
                    let question = Question::Dispatch(event, name);
                    let responder = ClientStateResponder::new(question, self.questions_out.clone());
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
                    let token = self.events.insert(event, scope.clone());
                    let kind = event_kind(kind, tag, last_chance);
                    self.engine.dispatch(DispatchedEvent {
                        event: token,
                        scope,
                        kind,
                    });
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

    /// Returns the number of the batch, if there is something.
    pub(crate) fn send_all(&mut self, durability: Durability) -> Option<u64> {
        let journal = self.journal.take_update();
        self.outbox.send(durability, journal)
    }

    /// The end: nothing is dispatched any more, everything is committed, every call is answered.
    pub(crate) fn finish<E>(&mut self, inputs: &Inputs<C, E>) {
        let end = Instant::now() + SHUTDOWN_LIMIT;
        // What was done is not done again.
        while self.barrier.holds_events()
            && let Ok(made) = inputs.made_durable.recv_deadline(end)
        {
            self.handle_made_durable(clock::now(), made);
        }
        self.tell_news();
        self.ending = true;
        let now = clock::now();
        self.scheduler
            .handle_connectivity(now, Connectivity::Offline);
        // What is relaxed is not lost by an orderly end.
        self.outbox.flush_by(now.mono);
        while self.closed.is_none() {
            self.carry_out_decisions(clock::now());
            self.send_all(Durability::Strict);
            if self.scheduler.usage().store_operations == 0
                && !self.embedder_calls.wait_for_history()
            {
                break;
            }
            match inputs.committed.recv_deadline(end) {
                Ok(results) => self.handle_committed(clock::now(), results),
                Err(_) => {
                    log::error!("the store did not finish in time at the end");
                    break;
                }
            }
        }
        while self.embedder_calls.wait_for_workers()
            && let Ok(news) = inputs.from_workers.recv_deadline(end)
        {
            self.handle_from_workers(clock::now(), news);
        }
        for (token, scope) in self.events.drain() {
            self.engine.terminate(token, &scope);
        }
        self.answer_all_held(now);
        let end = Hindrance::Unavailable(Unavailability::ShuttingDown);
        self.clients.refuse_all(end);
        self.embedder_calls.refuse_all();
    }
}

fn not_stored(record: StoredRegistration, fault: StoreFault) -> SyncNotification {
    SyncNotification::StorageFailed {
        api: record.kind.api(),
        scope: record.scope,
        tag: record.tag,
        fault,
    }
}
