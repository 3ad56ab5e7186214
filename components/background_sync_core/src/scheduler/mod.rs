//! The state machine. This file has what goes in and out; the algorithms are in the submodules.

mod arena;
mod chains;
mod clock;
mod embedder;
mod explain;
mod explainer;
mod fire;
mod forced;
mod kind;
mod load;
mod notice;
mod origins;
mod park;
mod passes;
mod periodic;
mod register;
mod registration;
mod storage;
mod tables;
#[cfg(test)]
mod tests;
mod undo;
mod wait;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use self::chains::Chains;
use self::clock::Clock;
use self::fire::{Event, Phase};
use self::forced::Forced;
use self::passes::Passes;
use self::registration::RegKey;
use self::storage::TicketUse;
use self::tables::Tables;
use self::undo::Undo;
use crate::rng::SmallRng;
use crate::{
    Answer, Call, ClientFacts, Connectivity, EventId, EventOutcome, MonoTime, Now, Output,
    PermissionCheck, Policy, RegistrationId, RegistrationState, RemovalReason, ScopeKey,
    StoreFault, StoredOrigin, StoredRegistration, SyncApi, SyncNotification, Tag, TagTooLong,
    Ticket,
};

/// How a [`SyncScheduler`] starts.
#[derive(Clone, Debug)]
pub struct SchedulerConfig {
    /// Its numbers.
    pub policy: Policy,
    /// Whether there is a network at the start.
    pub connectivity: Connectivity,
    /// Seed of the jitter. Two schedulers with one seed and the same inputs decide the same.
    pub seed: u64,
}

impl SchedulerConfig {
    /// From its parts.
    #[must_use]
    pub fn new(policy: Policy, connectivity: Connectivity, seed: u64) -> Self {
        Self {
            policy,
            connectivity,
            seed,
        }
    }
}

/// What a scheduler holds, for tests and reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Usage {
    /// Sync registrations.
    pub registrations: usize,
    /// Service worker registrations with at least one sync registration.
    pub scopes: usize,
    /// Origins with at least one sync registration or event.
    pub origins: usize,
    /// Events being prepared or running.
    pub events: usize,
    /// Calls whose promise is not known to be resolved.
    pub unacknowledged_calls: usize,
    /// Store operations that are not answered yet.
    pub store_operations: usize,
    /// Calls of the embedder that are not answered yet.
    pub embedder_calls: usize,
    /// Deadlines.
    pub deadlines: usize,
    /// Origins whose last periodic event, or whose extra interval, is remembered.
    pub remembered_origins: usize,
}

/// What a call to remove registrations waits for.
#[derive(Debug)]
struct Removal {
    outstanding: u64,
    removed: u64,
    fault: Option<StoreFault>,
}

/// A point in time at which something is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// A registration is due: a retry, or a first attempt that was spread.
    Due(RegKey),
    /// Its page has not said that the promise is resolved.
    Gate(RegKey),
    /// An event passed its execution cap.
    Cap(EventId),
    /// Nobody has said whether an event has the permission.
    Permission(EventId),
    /// There is no worker for what the embedder asked for.
    Worker(RegKey),
    /// Removals that the store failed to do are tried again.
    Removals,
    /// A wake-up for periodic events.
    Pass,
    /// The wall clock was wrong.
    Clock,
}

/// Decides when `sync` events fire: the
/// [Background Sync](https://wicg.github.io/background-sync/spec/) state machine of a whole
/// browser. Not for sharing between threads: it is one value that one thread feeds.
///
/// After each `handle_*` call, carry out all of [`SyncScheduler::poll_output`], then call
/// [`SyncScheduler::handle_timeout`] at [`SyncScheduler::poll_timeout`].
#[derive(Debug)]
pub struct SyncScheduler {
    policy: Policy,
    connectivity: Connectivity,
    rng: SmallRng,
    tables: Tables,
    passes: Passes,
    chains: Chains,
    clock: Clock,
    /// What the store knows of registrations while something else is on its way there.
    undo: HashMap<RegKey, Undo>,
    timers: BTreeSet<(MonoTime, Timer)>,
    events: BTreeMap<EventId, Event>,
    tickets: HashMap<Ticket, TicketUse>,
    unacknowledged: HashMap<Call, RegKey>,
    removals_to_retry: BTreeSet<RegistrationId>,
    /// Calls that wait for the outcome of an event that the embedder asked for.
    forced: HashMap<RegKey, Forced>,
    /// Calls that wait for removals.
    removals: HashMap<Call, Removal>,
    next_registration: u64,
    next_event: u64,
    next_ticket: u64,
    outputs: VecDeque<Output>,
}

impl SyncScheduler {
    /// A scheduler without registrations.
    #[must_use]
    pub fn new(config: SchedulerConfig) -> Self {
        Self {
            policy: config.policy,
            connectivity: config.connectivity,
            rng: SmallRng::new(config.seed),
            tables: Tables::default(),
            passes: Passes::default(),
            chains: Chains::default(),
            clock: Clock::default(),
            undo: HashMap::new(),
            timers: BTreeSet::new(),
            events: BTreeMap::new(),
            tickets: HashMap::new(),
            unacknowledged: HashMap::new(),
            removals_to_retry: BTreeSet::new(),
            forced: HashMap::new(),
            removals: HashMap::new(),
            next_registration: 1,
            next_event: 1,
            next_ticket: 1,
            outputs: VecDeque::new(),
        }
    }

    /// Takes over what a store holds about origins; call it once, before [`SyncScheduler::load`].
    pub fn load_origins(&mut self, now: Now, origins: impl IntoIterator<Item = StoredOrigin>) {
        for origin in origins {
            self.load_origin(now, origin);
        }
    }

    /// Takes over what a store holds; call it once, first. `next_id` is the first id that was never
    /// used.
    pub fn load(
        &mut self,
        now: Now,
        records: impl IntoIterator<Item = StoredRegistration>,
        next_id: RegistrationId,
    ) {
        self.load_records(now, records, next_id);
        self.settle(now);
    }

    /// `SyncManager.register(tag)`; answered with [`Answer::Registered`].
    pub fn handle_register(
        &mut self,
        now: Now,
        call: Call,
        scope: &ScopeKey,
        tag: Result<Tag, TagTooLong>,
        facts: ClientFacts,
    ) {
        if let Err(reason) = self.register(now, call, scope, tag.as_ref(), facts) {
            self.notify(SyncNotification::Rejected {
                api: SyncApi::OneShot,
                scope: scope.clone(),
                tag: tag.ok(),
                reason: reason.clone(),
            });
            self.answer(call, Answer::Registered(Err(reason)));
        }
        self.settle(now);
    }

    /// `SyncManager.getTags()`; answered with [`Answer::Tags`].
    pub fn handle_get_tags(&mut self, _now: Now, call: Call, scope: &ScopeKey) {
        self.get_tags(call, SyncApi::OneShot, scope);
    }

    /// A store operation was committed, or failed. Unknown tickets are ignored.
    pub fn handle_stored(&mut self, now: Now, ticket: Ticket, result: Result<(), StoreFault>) {
        self.stored(now, ticket, result);
        self.settle(now);
    }

    /// The promise of a `register()` call is resolved, or its client is gone: the event that it asks
    /// for may fire. Unknown calls are ignored.
    pub fn handle_acknowledged(&mut self, now: Now, call: Call) {
        self.acknowledge(now, call);
        self.settle(now);
    }

    /// The answer to [`Output::CheckPermission`]. Unknown events are ignored.
    pub fn handle_permission(&mut self, now: Now, event: EventId, check: PermissionCheck) {
        self.permission_checked(now, event, check);
        self.settle(now);
    }

    /// A dispatched event is over. Unknown events are ignored: they passed their cap before.
    pub fn handle_event_finished(&mut self, now: Now, event: EventId, outcome: EventOutcome) {
        self.finish_event(now, event, outcome);
        self.settle(now);
    }

    /// The network came or went.
    pub fn handle_connectivity(&mut self, now: Now, connectivity: Connectivity) {
        self.change_connectivity(now, connectivity);
        self.settle(now);
        self.notify_of_waiting(now);
    }

    /// A service worker registration has an active worker now.
    pub fn handle_worker_activated(&mut self, now: Now, scope: &ScopeKey) {
        self.unpark(now, scope);
        self.settle(now);
    }

    /// A service worker registration is gone: its sync registrations are removed, durably.
    pub fn handle_worker_unregistered(&mut self, now: Now, scope: &ScopeKey) {
        for key in self.tables.registrations_of(scope) {
            self.remove_for(key, RemovalReason::WorkerUnregistered, None);
        }
        self.settle(now);
    }

    /// Does what is due. Harmless when nothing is.
    pub fn handle_timeout(&mut self, now: Now) {
        self.look_at_clock(now);
        let mut due = Vec::new();
        while let Some(&(at, timer)) = self.timers.first() {
            if at > now.mono {
                break;
            }
            self.timers.pop_first();
            match timer {
                Timer::Due(key) => {
                    self.registration_due(key);
                    due.push(key);
                }
                Timer::Gate(key) => self.gate_due(now, key),
                Timer::Cap(event) => self.cap_event(now, event),
                Timer::Permission(event) => self.defer(now, event),
                Timer::Worker(key) => self.give_up_forced(key),
                Timer::Removals => self.retry_removals(),
                Timer::Clock => self.clock_check_due(now),
                Timer::Pass => due.extend(self.process_periodic_sync_registrations(now)),
            }
        }
        self.settle(now);
        for key in due {
            self.notify_if_held_back(now, key);
        }
    }

    /// The next decision, if there is one.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`SyncScheduler::handle_timeout`]. `None`: there is no deadline.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<MonoTime> {
        self.timers.first().map(|&(at, _)| at)
    }

    /// Whether there is a network, as last told.
    #[must_use]
    pub fn connectivity(&self) -> Connectivity {
        self.connectivity
    }

    /// The state of a registration, if there is one with this tag and it is durable.
    #[must_use]
    pub fn state(&self, scope: &ScopeKey, tag: &Tag) -> Option<RegistrationState> {
        let key = self.tables.find(scope, tag)?;
        let registration = self.tables.get(key)?;
        registration.is_durable().then_some(registration.state)
    }

    /// What the scheduler holds.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let (registrations, scopes, origins) = self.tables.counts();
        Usage {
            registrations,
            scopes,
            origins,
            events: self.events.len(),
            unacknowledged_calls: self.unacknowledged.len(),
            store_operations: self.tickets.len(),
            embedder_calls: self.removals.len()
                + self
                    .forced
                    .values()
                    .map(|forced| forced.calls.len())
                    .sum::<usize>(),
            deadlines: self.timers.len(),
            remembered_origins: self.passes.origins.len(),
        }
    }

    /// Whether events may be dispatched now.
    fn is_online(&self) -> bool {
        self.connectivity == Connectivity::Online
    }

    /// Events that hold a slot but are not dispatched yet.
    fn preparing(&self) -> Vec<EventId> {
        let preparing = |event: &Event| matches!(event.phase, Phase::Preparing { .. });
        self.events
            .iter()
            .filter(|(_, event)| preparing(event))
            .map(|(&id, _)| id)
            .collect()
    }
}
