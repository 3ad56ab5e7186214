//! What the world is made of.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use background_sync_core::*;

/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, count: u64) -> u64 {
        self.roll() % count
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let count = u64::try_from(from.len()).unwrap();
        (count > 0).then(|| from[usize::try_from(self.below(count)).unwrap()])
    }

    /// How an event ends. `None`: it hangs.
    pub fn outcome(&mut self, friendly: bool) -> Option<EventOutcome> {
        match self.below(10) {
            _ if friendly => Some(EventOutcome::Fulfilled),
            0..4 => Some(EventOutcome::Fulfilled),
            4..7 => Some(EventOutcome::Rejected),
            7 => Some(EventOutcome::WorkerGone),
            8 => Some(EventOutcome::NotStarted),
            _ => None,
        }
    }
}

/// A hash of all that happened.
#[derive(Debug, Default, PartialEq)]
pub struct History(u64);

impl History {
    pub fn note(&mut self, output: &Output) {
        for byte in format!("{output:?}").bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

/// What the medium holds.
#[derive(Clone, Default)]
pub struct Disk {
    pub records: BTreeMap<RegistrationId, StoredRegistration>,
    pub origins: BTreeMap<Origin, StoredOrigin>,
    pub next_id: RegistrationId,
}

impl Disk {
    pub fn apply(&mut self, op: StoreOp) {
        match op {
            StoreOp::Put(record) => {
                self.next_id = self.next_id.max(RegistrationId(record.id.0 + 1));
                self.records.insert(record.id, record);
            }
            StoreOp::Remove(id) => drop(self.records.remove(&id)),
            StoreOp::PutOrigin(stored) => {
                self.origins.insert(stored.origin.clone(), stored);
            }
            StoreOp::RemoveOrigin(origin) => drop(self.origins.remove(&origin)),
        }
    }

    /// The browser starts, and reads it.
    pub fn start(&self, config: SchedulerConfig, now: Now) -> SyncScheduler {
        let mut scheduler = SyncScheduler::new(config);
        scheduler.load_origins(now, self.origins.values().cloned());
        scheduler.load(now, self.records.values().cloned(), self.next_id);
        scheduler
    }
}

/// Both clocks go on.
pub fn forward(now: Now, mono: MonoTime) -> Now {
    let wall = now.wall.after_ms(mono.ms_since(now.mono));
    Now { wall, mono }
}

pub fn scopes() -> Vec<ScopeKey> {
    [("a", "/"), ("a", "/x/"), ("b", "/"), ("c", "/")]
        .map(|(host, path)| ScopeKey {
            origin: format!("https://{host}.example")
                .as_str()
                .try_into()
                .unwrap(),
            scope: format!("https://{host}.example{path}")
                .as_str()
                .try_into()
                .unwrap(),
        })
        .to_vec()
}

pub fn random_policy(dice: &mut Dice) -> Policy {
    let number = |n: u64| NonZeroU32::new(u32::try_from(n).unwrap()).unwrap();
    Policy {
        first_retry_delay_ms: 100 + dice.below(2_000),
        retry_factor: number(1 + dice.below(3)),
        longest_retry_delay_ms: 5_000,
        retry_jitter_percent: u8::try_from(dice.below(101)).unwrap(),
        max_attempts: (dice.below(5) > 0).then(|| number(1 + dice.below(4))),
        reconnect_brings_retries_forward: dice.percent(50),
        reconnect_least_delay_percent: u8::try_from(dice.below(101)).unwrap(),
        reconnect_retry_spread_ms: dice.below(2) * 500,
        reconnect_first_attempt_spread_ms: dice.below(2) * 700,
        chained_events_at_once: u32::try_from(dice.below(4)).unwrap(),
        chain_memory_ms: dice.below(5_000),
        event_cap_ms: 300 + dice.below(3_000),
        acknowledge_limit_ms: 1_000,
        local_fault_delay_ms: 700,
        durability: Durability::Strict,
        max_registrations_per_origin: 6,
        max_registrations_in_all: 10,
        max_events_in_all: number(1 + dice.below(4)),
        max_events_per_origin: number(1 + dice.below(3)),
        ..Policy::standard()
    }
}
