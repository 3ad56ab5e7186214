//! A browser around a manager: an engine, a store and clients that do as the session says.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use background_sync::{
    ClientState, ClientStateResponder, DispatchedEvent, Durability, Engine, EventToken,
    MemoryStore, Permission, Policy, RegistrationStore, ScopeKey, StoreError, SyncClient,
};
use background_sync_core::{JournalEntry, StoreOp, StoredWorker};
use background_sync_store::{JournalUpdate, Loaded};
use background_sync_traits::{
    ClientGone, DeliveryMode, Origin, SyncEventKind, SyncReply, WorkerAuthority,
};
use crossbeam_channel::Sender;
use parking_lot::Mutex;

/// A page is open, and its origin may use background sync.
pub const OPEN: ClientState = ClientState {
    open_window: true,
    permission: Permission::Granted,
    periodic_permission: Permission::Granted,
};

/// Hands out what the manager answers, until it is gone.
#[derive(Clone, Debug)]
pub struct Client {
    replies: Sender<SyncReply>,
    gone: Arc<AtomicBool>,
}

impl Client {
    /// Answers go to `replies` as long as `gone` is false.
    #[must_use]
    pub fn new(replies: Sender<SyncReply>, gone: Arc<AtomicBool>) -> Self {
        Self { replies, gone }
    }
}

impl SyncClient for Client {
    fn deliver(&self, reply: SyncReply) -> Result<(), ClientGone> {
        if self.gone.load(Ordering::Relaxed) {
            return Err(ClientGone);
        }
        self.replies.send(reply).map_err(|_| ClientGone)
    }

    fn delivery_mode(&self) -> DeliveryMode {
        DeliveryMode::Immediate
    }
}

/// What an engine was asked to do.
#[derive(Default)]
pub struct EngineState {
    /// The answer to questions; they wait if there is none.
    pub answer: Option<ClientState>,
    /// Questions that wait.
    pub questions: Vec<ClientStateResponder>,
    /// Events that run.
    pub running: Vec<DispatchedEvent>,
    /// What those who run the workers of an origin were given.
    pub authorities: HashMap<Origin, WorkerAuthority>,
    /// Something was removed: what has its name now may fire while the old event goes on.
    pub removals: bool,
    /// The embedder fired something out of its turn.
    pub forced: bool,
    /// Events that are over.
    pub over: Vec<EventToken>,
}

/// An engine that remembers, and checks that what it is asked to do keeps the policy.
#[derive(Clone)]
pub struct FuzzEngine {
    /// What it remembers.
    pub state: Arc<Mutex<EngineState>>,
    /// What must be kept.
    pub policy: Policy,
}

impl Engine for FuzzEngine {
    fn query_client_state(&self, _scope: &ScopeKey, responder: ClientStateResponder) {
        let mut state = self.state.lock();
        match state.answer {
            Some(answer) => responder.answer(answer),
            None => state.questions.push(responder),
        }
    }

    fn dispatch(&self, event: DispatchedEvent) {
        let mut state = self.state.lock();
        if let SyncEventKind::Authority(authority) = event.kind {
            state.authorities.insert(event.scope.origin, authority);
            return;
        }
        let twice =
            |other: &DispatchedEvent| other.scope == event.scope && other.kind == event.kind;
        let twice = state.running.iter().any(twice);
        assert!(!twice || state.removals, "two events of one registration");
        let of_origin = |other: &&DispatchedEvent| other.scope.origin == event.scope.origin;
        let of_origin = state.running.iter().filter(of_origin).count();
        let limit = self.policy.max_events_per_origin.get() as usize;
        assert!(
            of_origin < limit || state.forced,
            "too many events of one origin"
        );
        let limit = self.policy.max_events_in_all.get() as usize;
        assert!(
            state.running.len() < limit || state.forced,
            "too many events"
        );
        state.running.push(event);
    }

    fn start_worker(&self, _scope: &ScopeKey, _worker: StoredWorker) {}

    fn terminate(&self, event: EventToken, _scope: &ScopeKey) {
        let mut state = self.state.lock();
        state.running.retain(|running| running.event != event);
        state.over.push(event);
    }
}

/// A store that fails when it is told to.
pub struct FuzzStore {
    /// What it holds.
    pub memory: MemoryStore,
    /// Whether commits fail.
    pub fails: Arc<AtomicBool>,
    /// Entries of the journal that it holds at the start.
    pub journal: Vec<JournalEntry>,
}

impl RegistrationStore for FuzzStore {
    fn load_all(&mut self) -> Result<Loaded, StoreError> {
        self.memory.load_all()
    }

    fn commit(&mut self, batch: &[StoreOp], durability: Durability) -> Result<(), StoreError> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(StoreError::Other("the fuzzer says so".to_owned()));
        }
        self.memory.commit(batch, durability)
    }

    fn load_journal(&mut self) -> Result<Vec<JournalEntry>, StoreError> {
        Ok(std::mem::take(&mut self.journal))
    }

    fn update_journal(
        &mut self,
        update: &JournalUpdate,
        durability: Durability,
    ) -> Result<(), StoreError> {
        self.memory.update_journal(update, durability)
    }
}
