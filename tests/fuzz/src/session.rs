//! A sequence of messages from clients that do what they like, and its browser.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arbitrary::Arbitrary;
use background_sync::{
    Clear, Config, Connectivity, EventOutcome, EventToken, ExtraInterval, JournalQuery,
    MAX_JOURNAL_ENTRIES, MemoryStore, PermissionName, Policy, Reply, Silent, SyncApi, SyncManager,
    SyncManagerMessage, SyncManagerThread,
};
use background_sync_traits::{CallId, ConnectionId, SyncReply, SyncRequest, TagTooLong};
use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::browser::{Client, EngineState, FuzzEngine, FuzzStore, OPEN};
use crate::calls::{Calls, Connection, Expects, Method};
use crate::message::{self, PlainClient};
use crate::step::{State, Step};
use crate::world::{self, GOOD_PLACES, Place};

/// Longer than any answer takes, on a busy machine too.
const SOON: Duration = Duration::from_secs(60);

/// Connections and calls have numbers below this.
const IDS: u8 = 6;

/// Steps of one session that are looked at.
const MAX_STEPS: usize = 200;

/// What happens, and under which policy.
#[derive(Arbitrary, Debug)]
pub struct Session {
    offline: bool,
    waits_for_acknowledgement: bool,
    retries_at_once: bool,
    max_attempts: u8,
    steps: Vec<Step>,
}

struct Run {
    thread: SyncManagerThread,
    messages: Sender<Result<SyncManagerMessage<Client>, &'static str>>,
    engine: Arc<parking_lot::Mutex<EngineState>>,
    store_fails: Arc<AtomicBool>,
    /// Connections that are open, by their place in `all`.
    open: HashMap<u8, usize>,
    all: Vec<Connection>,
    /// Somebody's client vanished under this number: what is open is not known any more.
    uncertain: [bool; IDS as usize],
    probes: Vec<(ConnectionId, Receiver<SyncReply>)>,
    dispatches: Vec<Reply<Result<EventOutcome, background_sync::DispatchError>>>,
    removals: Vec<Reply<Result<u64, background_sync::RemoveError>>>,
}

/// Ids are random; a peer may make up its own all the same.
fn connection_id(number: u8) -> ConnectionId {
    let bytes = postcard::to_stdvec(&u128::from(number)).expect("a number can be encoded");
    postcard::from_bytes(&bytes).expect("an id is a number")
}

impl Session {
    fn policy(&self) -> Policy {
        let limit = |value| NonZeroU32::new(value).unwrap_or(NonZeroU32::MIN);
        Policy {
            first_retry_delay_ms: if self.retries_at_once { 0 } else { 60_000 },
            acknowledge_limit_ms: if self.waits_for_acknowledgement {
                10_000
            } else {
                0
            },
            max_attempts: NonZeroU32::new(u32::from(self.max_attempts % 4)),
            max_registrations_per_origin: 4,
            max_registrations_in_all: 6,
            max_events_in_all: limit(3),
            max_events_per_origin: limit(2),
            reconnect_retry_spread_ms: 0,
            periodic_interval_any_origin_ms: 0,
            periodic_interval_across_origins_ms: 0,
            periodic_grouping_ms: 0,
            max_data_bytes: 200,
            max_data_bytes_per_origin: 300,
            max_data_bytes_in_all: 400,
            ..Policy::standard()
        }
    }

    /// Plays it.
    ///
    /// # Panics
    /// On a finding.
    pub fn play(self) {
        let mut run = Run::start(&self);
        for step in self.steps.into_iter().take(MAX_STEPS) {
            run.take(step);
        }
        run.end();
    }
}

impl Run {
    fn start(session: &Session) -> Self {
        let policy = session.policy();
        let connectivity = match session.offline {
            true => Connectivity::Offline,
            false => Connectivity::Online,
        };
        let engine = FuzzEngine {
            state: Arc::default(),
            policy: policy.clone(),
        };
        engine.state.lock().answer = Some(OPEN);
        let state = engine.state.clone();
        let store_fails = Arc::new(AtomicBool::new(false));
        let store = FuzzStore {
            memory: MemoryStore::new(),
            fails: store_fails.clone(),
            journal: Vec::new(),
        };
        let (messages, messages_in) = unbounded();
        let config = Config::new().policy(policy).connectivity(connectivity);
        let thread = SyncManager::spawn_with_store(
            config,
            Box::new(store),
            messages_in,
            Box::new(engine),
            Box::new(Silent),
        );
        let mut run = Self {
            thread: thread.expect("a manager starts"),
            messages,
            engine: state,
            store_fails,
            open: HashMap::new(),
            all: Vec::new(),
            uncertain: [false; IDS as usize],
            probes: Vec::new(),
            dispatches: Vec::new(),
            removals: Vec::new(),
        };
        for (origin, scope) in GOOD_PLACES {
            let (replies, replies_in) = unbounded();
            let connection = ConnectionId::new();
            run.send(SyncManagerMessage::Connect {
                connection,
                scope: world::key(origin, scope),
                client: Client::new(replies, Arc::default()),
            });
            run.probes.push((connection, replies_in));
        }
        run
    }

    fn send(&self, message: SyncManagerMessage<Client>) {
        self.messages.send(Ok(message)).expect("the manager runs");
    }

    /// Everything that was sent before is handled, and what it stored is stored.
    fn settle(&self) {
        for &(connection, _) in &self.probes {
            self.send(SyncManagerMessage::Request {
                connection,
                call: CallId(0),
                request: SyncRequest::GetTags,
            });
        }
        for (_, replies) in &self.probes {
            replies.recv_timeout(SOON).expect("a call is answered");
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Connect { id, place } => self.connect(id % IDS, place),
            Step::Register {
                id,
                call,
                tag,
                inactive,
            } => {
                let tag = Ok(world::tag(tag));
                self.request(
                    id,
                    call,
                    SyncRequest::Register {
                        tag,
                        active_worker: !inactive,
                    },
                );
            }
            Step::RegisterTooLong { id, call, bytes } => {
                let tag = Err(TagTooLong { bytes });
                self.request(
                    id,
                    call,
                    SyncRequest::Register {
                        tag,
                        active_worker: true,
                    },
                );
            }
            Step::GetTags { id, call } => self.request(id, call, SyncRequest::GetTags),
            Step::RegisterPeriodic {
                id,
                call,
                tag,
                interval_ms,
                inactive,
            } => {
                let request = SyncRequest::RegisterPeriodic {
                    tag: Ok(world::tag(tag)),
                    min_interval_ms: interval_ms.into(),
                    active_worker: !inactive,
                };
                self.request(id, call, request);
            }
            Step::UnregisterPeriodic { id, call, tag } => {
                let tag = world::tag(tag);
                self.request(id, call, SyncRequest::UnregisterPeriodic { tag });
            }
            Step::GetPeriodicTags { id, call } => {
                self.request(id, call, SyncRequest::GetPeriodicTags);
            }
            Step::RegisterExplainer {
                id,
                call,
                tag,
                options,
                inactive,
            } => {
                // A new one replaces the old one.
                self.engine.lock().removals = true;
                let request = SyncRequest::RegisterExplainer {
                    id: Ok(world::tag(tag)),
                    options: options.into(),
                    active_worker: !inactive,
                };
                self.request(id, call, request);
            }
            Step::UnregisterExplainer { id, call, tag } => {
                self.request(
                    id,
                    call,
                    SyncRequest::UnregisterExplainer {
                        id: world::tag(tag),
                    },
                );
            }
            Step::GetExplainerIds { id, call } => {
                self.request(id, call, SyncRequest::GetExplainerIds);
            }
            Step::Acknowledge { id, call } => self.send(SyncManagerMessage::Acknowledge {
                connection: connection_id(id % IDS),
                call: CallId(u64::from(call % IDS)),
            }),
            Step::Disconnect { id } => self.disconnect(id % IDS),
            Step::Finish { number, outcome } => self.finish(number, outcome.into()),
            Step::Forge { outcome } => self.send(SyncManagerMessage::EventFinished {
                event: EventToken::new(),
                outcome: outcome.into(),
            }),
            Step::WorkerActivated(place) => {
                self.send(SyncManagerMessage::WorkerActivated { scope: place.key() });
            }
            Step::WorkerUnregistered(place) => {
                self.engine.lock().removals = true;
                self.send(SyncManagerMessage::WorkerUnregistered { scope: place.key() });
            }
            Step::StoreWorker { place, script } => self.send(SyncManagerMessage::StoreWorker {
                scope: place.key(),
                worker: world::worker(&[script]),
            }),
            Step::Raw(bytes) => self.raw(&bytes),
            Step::Garbage => self
                .messages
                .send(Err("garbage"))
                .expect("the manager runs"),
            Step::Vanish { id } => self.vanish(id % IDS),
            Step::Engine(state) => self.engine.lock().answer = state.map(Into::into),
            Step::AnswerQuestion { number, state } => self.answer_question(number, state),
            Step::StoreFails(fails) => self.store_fails.store(fails, Ordering::Relaxed),
            step => self.embed(step),
        }
    }

    /// What the embedder does.
    fn embed(&mut self, step: Step) {
        let control = self.thread.control();
        match step {
            Step::Online(true) => control.report_connectivity(Connectivity::Online),
            Step::Online(false) => control.report_connectivity(Connectivity::Offline),
            Step::DispatchNow { place, tag } => {
                self.engine.lock().forced = true;
                self.dispatches.push(control.dispatch_now(
                    SyncApi::OneShot,
                    place.key(),
                    world::tag(tag),
                ));
            }
            Step::Unregister { place, tag } => {
                self.engine.lock().removals = true;
                self.removals.push(control.unregister(
                    SyncApi::OneShot,
                    place.key(),
                    world::tag(tag),
                ));
            }
            Step::ClearOrigin(place) => {
                self.engine.lock().removals = true;
                self.removals
                    .push(control.clear(Clear::Origin(place.key().origin)));
            }
            Step::Revoke { place, periodic } => {
                self.engine.lock().removals = true;
                let name = match periodic {
                    true => PermissionName::PeriodicBackgroundSync,
                    false => PermissionName::BackgroundSync,
                };
                control.report_permission_revoked(place.key().origin, name);
            }
            Step::ExtraInterval { place, ms } => {
                let extra = ms.map_or(ExtraInterval::Never, |ms| ExtraInterval::Ms(ms.into()));
                control.set_extra_interval(place.key().origin, extra);
            }
            _ => self.settle(),
        }
    }

    fn connect(&mut self, id: u8, place: Place) {
        let (replies, replies_in) = unbounded();
        let gone = Arc::new(AtomicBool::new(false));
        self.send(SyncManagerMessage::Connect {
            connection: connection_id(id),
            scope: place.key(),
            client: Client::new(replies, gone.clone()),
        });
        let accepted = matches!(place, Place::Good(_)) && !self.open.contains_key(&id);
        let uncertain = self.uncertain[usize::from(id)];
        if accepted || uncertain {
            self.open.insert(id, self.all.len());
        }
        self.all.push(Connection {
            replies: replies_in,
            gone,
            asked: Calls::new(),
            expects: if uncertain {
                Expects::Anything
            } else {
                Expects::All
            },
        });
    }

    fn request(&mut self, id: u8, call: u8, request: SyncRequest) {
        let id = id % IDS;
        let call = CallId(u64::from(call % IDS));
        let method = Method::from(&request);
        if method == Method::Unregister {
            self.engine.lock().removals = true;
        }
        let uncertain = self.uncertain[usize::from(id)];
        if let Some(&place) = self.open.get(&id)
            && !uncertain
        {
            *self.all[place].asked.entry((call, method)).or_default() += 1;
        }
        self.send(SyncManagerMessage::Request {
            connection: connection_id(id),
            call,
            request,
        });
    }

    fn disconnect(&mut self, id: u8) {
        self.send(SyncManagerMessage::Disconnect {
            connection: connection_id(id),
        });
        if let Some(place) = self.open.remove(&id)
            && self.all[place].expects == Expects::All
        {
            self.all[place].expects = Expects::Some;
        }
    }

    fn vanish(&mut self, id: u8) {
        if let Some(&place) = self.open.get(&id) {
            self.all[place].gone.store(true, Ordering::Relaxed);
            if self.all[place].expects == Expects::All {
                self.all[place].expects = Expects::Some;
            }
            self.uncertain[usize::from(id)] = true;
        }
    }

    fn finish(&mut self, number: u8, outcome: EventOutcome) {
        self.settle();
        let mut state = self.engine.lock();
        let state = &mut *state;
        let (running, over) = (state.running.len(), state.over.len());
        if running + over == 0 {
            return;
        }
        let number = usize::from(number) % (running + over);
        let event = match number.checked_sub(running) {
            Some(number) => state.over[number],
            None => {
                let event = state.running.swap_remove(number).event;
                state.over.push(event);
                event
            }
        };
        self.send(SyncManagerMessage::EventFinished { event, outcome });
    }

    fn answer_question(&mut self, number: u8, state: Option<State>) {
        self.settle();
        let mut engine = self.engine.lock();
        let waiting = engine.questions.len();
        if waiting > 0 {
            let responder = engine.questions.swap_remove(usize::from(number) % waiting);
            if let Some(state) = state {
                responder.answer(state.into());
            }
        }
    }

    /// Goes through the codec. Requests of open connections are left to the other steps, which count
    /// them.
    fn raw(&mut self, bytes: &[u8]) {
        use SyncManagerMessage as M;
        let Some(message) = message::decode(bytes) else {
            self.messages
                .send(Err("garbage"))
                .expect("the manager runs");
            return;
        };
        message::check(bytes);
        if matches!(message, M::WorkerUnregistered { .. }) {
            self.engine.lock().removals = true;
        }
        let known = |connection: ConnectionId| (0..IDS).any(|id| connection_id(id) == connection);
        let message = match message {
            M::Connect { connection, .. }
            | M::Request { connection, .. }
            | M::Disconnect { connection }
                if known(connection) =>
            {
                return;
            }
            M::Connect {
                connection,
                scope,
                client: PlainClient(_),
            } => {
                let client = Client::new(unbounded().0, Arc::default());
                M::Connect {
                    connection,
                    scope,
                    client,
                }
            }
            M::Request {
                connection,
                call,
                request,
            } => M::Request {
                connection,
                call,
                request,
            },
            M::Acknowledge { connection, call } => M::Acknowledge { connection, call },
            M::Disconnect { connection } => M::Disconnect { connection },
            M::EventFinished { event, outcome } => M::EventFinished { event, outcome },
            M::WorkerActivated { scope } => M::WorkerActivated { scope },
            M::StoreWorker { scope, worker } => M::StoreWorker { scope, worker },
            M::WorkerUnregistered { scope } => M::WorkerUnregistered { scope },
        };
        self.send(message);
    }

    /// The manager lives, holds no more than it may, and answers everything before it ends.
    fn end(self) {
        self.settle();
        let control = self.thread.control();
        let list = control.list().wait().expect("the manager runs");
        assert!(list.len() <= 6, "more registrations than the policy has");
        let journal = control
            .journal(JournalQuery::default())
            .wait()
            .expect("the manager runs");
        assert!(journal.len() <= MAX_JOURNAL_ENTRIES);
        drop(control.next_wakeup());
        self.thread.shutdown();
        for dispatch in self.dispatches {
            let _ = dispatch.wait().expect("a dispatch is answered");
        }
        for removal in self.removals {
            let _ = removal.wait().expect("a removal is answered");
        }
        for connection in &self.all {
            connection.check();
        }
        let running = self.engine.lock().running.len();
        assert_eq!(running, 0, "an event that runs is terminated at the end");
    }
}
