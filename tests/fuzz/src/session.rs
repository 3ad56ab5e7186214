//! A sequence of messages from clients that do what they like, and its browser.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use arbitrary::Arbitrary;
use background_sync::{
    Config, Connectivity, EventOutcome, JournalQuery, MAX_JOURNAL_ENTRIES, MemoryStore, Policy,
    Reply, Silent, SyncManager, SyncManagerMessage, SyncManagerThread, WhyReport,
};
use background_sync_traits::{CallId, ConnectionId, SyncReply, SyncRequest, WorkerAuthority};
use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::browser::{Client, EngineState, FuzzEngine, FuzzStore, OPEN};
use crate::calls::Connection;
use crate::step::Step;
use crate::world::{self, GOOD_PLACES};

mod peers;
mod steps;

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
    reasons: Vec<Reply<WhyReport>>,
    removals: Vec<Reply<Result<u64, background_sync::RemoveError>>>,
}

/// As a peer may make one up.
fn forged_authority() -> WorkerAuthority {
    let bytes = postcard::to_stdvec(&u128::MAX).expect("a number can be encoded");
    postcard::from_bytes(&bytes).expect("an authority is a number")
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
            reasons: Vec::new(),
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
        for reason in self.reasons {
            drop(reason.wait().expect("why is answered"));
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
