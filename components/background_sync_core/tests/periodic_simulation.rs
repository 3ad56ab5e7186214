//! Random lives of a browser with periodic registrations: caps and intervals hold, no event comes right
//! after registering, and nothing is lost, whatever the network, the workers and crashes do. The store
//! obeys, but loses in a crash what nobody waited for. A failing seed is printed.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use background_sync_core::*;

const SEEDS: u64 = 3_000;
const STEPS: u64 = 200;
const ANY_MS: u64 = 10_000;
const ACROSS_MS: u64 = 15_000;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % count
    }
}

fn policy() -> Policy {
    Policy {
        periodic_interval_any_origin_ms: ANY_MS,
        periodic_interval_across_origins_ms: ACROSS_MS,
        periodic_max_attempts: NonZeroU32::new(3).unwrap(),
        first_retry_delay_ms: 300,
        event_cap_ms: 1_000,
        ..Policy::standard()
    }
}

fn scope(index: u64) -> ScopeKey {
    let origin = format!("https://{index}.example");
    ScopeKey {
        origin: origin.as_str().try_into().unwrap(),
        scope: format!("{origin}/").as_str().try_into().unwrap(),
    }
}

type Key = (ScopeKey, Tag);

struct World {
    dice: Dice,
    scheduler: SyncScheduler,
    connectivity: Connectivity,
    now: u64,
    records: BTreeMap<RegistrationId, StoredRegistration>,
    origins: BTreeMap<Origin, StoredOrigin>,
    /// What nobody waits for.
    lazy: Vec<StoreOp>,
    calls: u64,
    running: BTreeMap<EventId, Key>,
    /// When each was registered (anew), with its interval, or when its first attempt came last.
    since: BTreeMap<Key, (u64, u64)>,
    wake_ups: BTreeMap<Origin, BTreeSet<u64>>,
}

impl World {
    fn new(seed: u64) -> Self {
        let connectivity = Connectivity::Online;
        Self {
            dice: Dice(seed),
            scheduler: SyncScheduler::new(SchedulerConfig::new(policy(), connectivity, seed)),
            connectivity,
            now: 1_000,
            records: BTreeMap::new(),
            origins: BTreeMap::new(),
            lazy: Vec::new(),
            calls: 0,
            running: BTreeMap::new(),
            since: BTreeMap::new(),
            wake_ups: BTreeMap::new(),
        }
    }

    fn now(&self) -> Now {
        Now {
            wall: WallTime(1_900_000_000_000 + self.now),
            mono: MonoTime(self.now),
        }
    }

    fn call(&mut self) -> Call {
        self.calls += 1;
        Call(self.calls)
    }

    fn step(&mut self) {
        let scope = scope(self.dice.below(3));
        let tag = Tag::try_from(["x", "y", "z"][usize::try_from(self.dice.below(3)).unwrap()]);
        let key = (scope.clone(), tag.clone().unwrap());
        match self.dice.below(20) {
            0..3 => {
                let interval = self.dice.below(3) * 20_000;
                let call = self.call();
                let facts = ClientFacts {
                    active_worker: true,
                    permission: Permission::Granted,
                    open_window: true,
                };
                let now = self.now();
                if self.since.get(&key).is_none_or(|old| old.1 != interval) {
                    self.since.insert(key, (self.now, interval));
                }
                self.scheduler
                    .handle_register_periodic(now, call, &scope, tag, interval, facts);
                self.pump();
                self.scheduler.handle_acknowledged(now, call);
            }
            3 => {
                let call = self.call();
                self.since.remove(&key);
                let (now, api) = (self.now(), SyncApi::Periodic);
                self.scheduler
                    .handle_unregister_tag(now, call, api, &scope, &key.1);
            }
            4..6 => self.set_network(match self.connectivity {
                Connectivity::Online => Connectivity::Offline,
                Connectivity::Offline => Connectivity::Online,
            }),
            6 => self.crash(),
            7..11 => self.finish_one(),
            _ => {
                let ms = self.dice.below(6_000);
                self.pass_time(ms);
            }
        }
        self.pump();
    }

    fn set_network(&mut self, connectivity: Connectivity) {
        self.connectivity = connectivity;
        let now = self.now();
        self.scheduler.handle_connectivity(now, connectivity);
        self.pump();
    }

    fn finish_one(&mut self) {
        let Some(&event) = self.running.keys().next() else {
            return;
        };
        self.running.remove(&event);
        let outcome = match self.dice.below(3) {
            0 => EventOutcome::Fulfilled,
            1 => EventOutcome::Rejected,
            _ => EventOutcome::WorkerGone,
        };
        let now = self.now();
        self.scheduler.handle_event_finished(now, event, outcome);
    }

    fn pass_time(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(at) = self.scheduler.poll_timeout().filter(|at| at.0 <= end) {
            self.now = self.now.max(at.0);
            let now = self.now();
            self.scheduler.handle_timeout(now);
            self.pump();
        }
        self.now = end;
    }

    fn crash(&mut self) {
        self.lazy.clear();
        self.running.clear();
        let config = SchedulerConfig::new(policy(), self.connectivity, self.now);
        self.scheduler = SyncScheduler::new(config);
        self.now += self.dice.below(30_000);
        let now = self.now();
        let origins: Vec<_> = self.origins.values().cloned().collect();
        self.scheduler.load_origins(now, origins);
        let records: Vec<_> = self.records.values().cloned().collect();
        self.scheduler.load(now, records, RegistrationId(1));
    }

    fn apply(&mut self, op: StoreOp) {
        match op {
            StoreOp::Put(record) => drop(self.records.insert(record.id, record)),
            StoreOp::Remove(id) => drop(self.records.remove(&id)),
            StoreOp::PutOrigin(stored) => {
                self.origins.insert(stored.origin.clone(), stored);
            }
            StoreOp::RemoveOrigin(origin) => drop(self.origins.remove(&origin)),
        }
    }

    fn pump(&mut self) {
        while let Some(output) = self.scheduler.poll_output() {
            let now = self.now();
            match output {
                Output::Store {
                    ticket,
                    op,
                    urgency,
                } => {
                    self.lazy.push(op);
                    if urgency == Urgency::Now {
                        for op in std::mem::take(&mut self.lazy) {
                            self.apply(op);
                        }
                    }
                    self.scheduler.handle_stored(now, ticket, Ok(()));
                }
                Output::CheckPermission { event, name, .. } => {
                    assert_eq!(name, PermissionName::PeriodicBackgroundSync);
                    let granted = PermissionCheck::Answered(Permission::Granted);
                    self.scheduler.handle_permission(now, event, granted);
                }
                Output::Dispatch {
                    event,
                    scope,
                    tag,
                    attempt,
                    registration,
                    ..
                } => {
                    assert_eq!(self.connectivity, Connectivity::Online);
                    assert!(self.records[&registration].attempts >= attempt);
                    self.dispatched(event, (scope, tag), attempt);
                }
                Output::Terminate { event, .. } => drop(self.running.remove(&event)),
                Output::Answer { .. } | Output::Notify(_) => {}
            }
        }
    }

    fn dispatched(&mut self, event: EventId, key: Key, attempt: u32) {
        self.running.insert(event, key.clone());
        if attempt > 1 {
            return;
        }
        let (since, interval) = self.since.get_mut(&key).expect("it is registered");
        let gap = self.now - *since;
        assert!(gap >= (*interval).max(ANY_MS), "too early: {gap} {key:?}");
        *since = self.now;
        for (origin, times) in &self.wake_ups {
            let least = if *origin == key.0.origin {
                ANY_MS
            } else {
                ACROSS_MS
            };
            let last = times.range(..self.now).last();
            let apart = last.is_none_or(|last| self.now - last >= least.max(ACROSS_MS));
            assert!(apart, "wake-ups too close: {last:?} and {}", self.now);
        }
        self.wake_ups
            .entry(key.0.origin)
            .or_default()
            .insert(self.now);
    }

    /// With a network and workers that succeed, everything that is registered fires.
    fn end(&mut self) {
        self.set_network(Connectivity::Online);
        let from = self.now;
        for _ in 0..200 {
            self.pass_time(1_000);
            while let Some((event, _)) = self.running.pop_first() {
                let now = self.now();
                self.scheduler
                    .handle_event_finished(now, event, EventOutcome::Fulfilled);
                self.pump();
            }
        }
        for (key, (fired, _)) in &self.since {
            assert!(*fired >= from, "lost: {key:?}");
        }
        assert_eq!(self.scheduler.usage().registrations, self.since.len());
        assert_eq!(self.scheduler.usage().store_operations, 0);
    }
}

#[test]
fn caps_and_intervals_hold_and_nothing_is_lost() {
    for seed in 0..SEEDS {
        let life = || {
            let mut world = World::new(seed);
            for _ in 0..STEPS {
                world.step();
            }
            world.end();
        };
        assert!(std::panic::catch_unwind(life).is_ok(), "seed {seed} fails");
    }
}
