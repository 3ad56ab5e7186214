//! The state machine. This file has its inputs and outputs, `state` has what it remembers, and each other file has one
//! algorithm.

mod acknowledgement;
mod active_worker;
mod connectivity;
mod dispatch_now;
mod embedder;
mod event_chains;
mod explainer;
mod fire;
mod load;
mod origin_limits;
mod outcome;
mod outputs;
mod periodic;
mod register;
mod retry;
mod rollback;
mod state;
mod storage;
#[cfg(test)]
mod tests;
mod wake_ups;
mod wall_clock;
mod why_not_fired;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::num::NonZeroU64;

use self::state::{
    Clock, DispatchRequest, Event, EventChains, Phase, RegKey, Removal, Rollback, Tables,
    TicketUse, Timer, WakeUps,
};
use crate::rng::SmallRng;
use crate::{
    Call, ClientFacts, Connectivity, EventId, EventOutcome, MonoTime, Now, Output, PermissionCheck,
    Policy, RegistrationId, RegistrationState, RemovalReason, ScopeKey, StoreFault, StoredOrigin,
    StoredRegistration, SyncApi, Tag, TagTooLong, Ticket,
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
    wake_ups: WakeUps,
    event_chains: EventChains,
    clock: Clock,
    /// What the store knows of registrations while something else is on its way there.
    rollbacks: HashMap<RegKey, Rollback>,
    timers: BTreeSet<(MonoTime, Timer)>,
    /// [`Timer::Slots`] is among them: nothing gets a slot before that.
    slots_held_until: Option<MonoTime>,
    /// Whether [`Timer::NoSlot`] is among them.
    will_tell_of_waiting: bool,
    events: BTreeMap<EventId, Event>,
    tickets: HashMap<Ticket, TicketUse>,
    unacknowledged: HashMap<Call, RegKey>,
    removals_to_retry: BTreeSet<RegistrationId>,
    /// Calls that wait for the outcome of an event that the embedder asked for.
    dispatch_requests: HashMap<RegKey, DispatchRequest>,
    /// Calls that wait for removals.
    removals: HashMap<Call, Removal>,
    next_registration: u64,
    next_event: NonZeroU64,
    next_ticket: NonZeroU64,
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
            wake_ups: WakeUps::default(),
            event_chains: EventChains::default(),
            clock: Clock::default(),
            rollbacks: HashMap::new(),
            timers: BTreeSet::new(),
            slots_held_until: None,
            will_tell_of_waiting: false,
            events: BTreeMap::new(),
            tickets: HashMap::new(),
            unacknowledged: HashMap::new(),
            removals_to_retry: BTreeSet::new(),
            dispatch_requests: HashMap::new(),
            removals: HashMap::new(),
            next_registration: 1,
            next_event: NonZeroU64::MIN,
            next_ticket: NonZeroU64::MIN,
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
        self.fill_first_slots(now);
    }

    /// `SyncManager.register(tag)`; answered with [`crate::Answer::Registered`].
    pub fn handle_register(
        &mut self,
        now: Now,
        call: Call,
        scope: &ScopeKey,
        tag: Result<Tag, TagTooLong>,
        facts: ClientFacts,
    ) {
        if let Err(reason) = self.register(now, call, scope, tag.as_ref(), facts) {
            self.reject(call, SyncApi::OneShot, scope, tag.ok(), reason);
        }
        self.fill_slots(now);
    }

    /// `SyncManager.getTags()`; answered with [`crate::Answer::Tags`].
    pub fn handle_get_tags(&mut self, _now: Now, call: Call, scope: &ScopeKey) {
        self.get_tags(call, SyncApi::OneShot, scope);
    }

    /// A store operation was committed, or failed. Unknown tickets are ignored.
    pub fn handle_stored(&mut self, now: Now, ticket: Ticket, result: Result<(), StoreFault>) {
        self.stored(now, ticket, result);
        self.fill_slots(now);
    }

    /// The promise of a `register()` call is resolved, or its client is gone: the event that it asks
    /// for may fire. Unknown calls are ignored.
    pub fn handle_acknowledged(&mut self, now: Now, call: Call) {
        self.acknowledge(now, call);
        self.fill_slots(now);
    }

    /// The answer to [`Output::CheckPermission`]. Unknown events are ignored.
    pub fn handle_permission(&mut self, now: Now, event: EventId, check: PermissionCheck) {
        self.permission_checked(now, event, check);
        self.fill_slots(now);
    }

    /// A dispatched event is over. Unknown events are ignored: they passed their cap before.
    pub fn handle_event_finished(&mut self, now: Now, event: EventId, outcome: EventOutcome) {
        self.finish_event(now, event, outcome);
        self.fill_slots(now);
    }

    /// The network came or went.
    pub fn handle_connectivity(&mut self, now: Now, connectivity: Connectivity) {
        self.change_connectivity(now, connectivity);
        self.fill_first_slots(now);
        self.notify_of_waiting_soon(now);
    }

    /// A service worker registration has an active worker now.
    pub fn handle_worker_activated(&mut self, now: Now, scope: &ScopeKey) {
        self.unpark(now, scope);
        self.fill_slots(now);
    }

    /// A service worker registration is gone: its sync registrations are removed, durably.
    pub fn handle_worker_unregistered(&mut self, now: Now, scope: &ScopeKey) {
        for key in self.tables.registrations_of(scope) {
            self.remove_for(key, RemovalReason::WorkerUnregistered, None);
        }
        self.fill_slots(now);
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
                Timer::Worker(key) => self.give_up_dispatch_request(key),
                Timer::Removals => self.retry_removals(),
                Timer::Clock => self.clock_check_due(now),
                Timer::Slots => self.release_slots(now),
                Timer::NoSlot => self.notify_of_waiting(now),
                Timer::WakeUp => due.extend(self.process_periodic_sync_registrations(now)),
            }
        }
        self.fill_slots(now);
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

    /// When something will be due next, for an embedder that can have the device woken up: also
    /// without a network, which may be there by then. `None`: only the network, a page or the embedder
    /// can make something fire.
    #[must_use]
    pub fn next_due(&self, now: Now) -> Option<MonoTime> {
        let due = self.timers.iter().find_map(|&(at, timer)| match timer {
            Timer::Due(_) => Some(at),
            _ => None,
        });
        let wake_up = self.next_wake_up();
        let next = due.into_iter().chain(wake_up);
        // What is due already waits for the network alone.
        next.filter(|&at| self.is_online() || at > now.mono).min()
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
                    .dispatch_requests
                    .values()
                    .map(|request| request.calls.len())
                    .sum::<usize>(),
            deadlines: self.timers.len(),
            remembered_origins: self.wake_ups.origins.len(),
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
