#![allow(clippy::unwrap_used, reason = "a test may")]

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex};

use background_sync_core::{
    JournalEntry, RegistrationId, RegistrationKind, RegistrationState, ScopeKey,
    StoredRegistration, SyncNotification, WallTime,
};
use background_sync_store::{Loaded, MemoryStore};

use super::*;

/// What happens to the store, and what it has.
#[derive(Default)]
struct World {
    /// The whole medium is at fault.
    down: bool,
    /// This operation can't be done.
    poison: Option<RegistrationId>,
    commits: usize,
    /// What would be there after the end of the process.
    durable: MemoryStore,
}

/// As a database: what is not durable is gone when it is opened again after a fault.
struct Faulty {
    world: Arc<Mutex<World>>,
    now: MemoryStore,
}

impl Faulty {
    fn change(
        &mut self,
        durability: Durability,
        fails: impl Fn(&World) -> bool,
        change: impl FnOnce(&mut MemoryStore) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut world = self.world.lock().unwrap();
        world.commits += 1;
        if world.down || fails(&world) {
            self.now = world.durable.clone();
            return Err(StoreError::Other("there is no room".to_owned()));
        }
        change(&mut self.now)?;
        if durability == Durability::Strict {
            world.durable = self.now.clone();
        }
        Ok(())
    }
}

impl RegistrationStore for Faulty {
    fn load_all(&mut self) -> Result<Loaded, StoreError> {
        self.now.load_all()
    }

    fn commit(&mut self, batch: &[StoreOp], durability: Durability) -> Result<(), StoreError> {
        let fails = |world: &World| {
            let is_poison = |op: &StoreOp| matches!(op, StoreOp::Put(record) if Some(record.id) == world.poison);
            batch.iter().any(is_poison)
        };
        self.change(durability, fails, |store| store.commit(batch, durability))
    }

    fn update_journal(
        &mut self,
        update: &JournalUpdate,
        durability: Durability,
    ) -> Result<(), StoreError> {
        self.change(
            durability,
            |_| false,
            |store| store.update_journal(update, durability),
        )
    }
}

fn put(id: u64) -> (Ticket, StoreOp) {
    let record = StoredRegistration {
        id: RegistrationId(id),
        scope: ScopeKey {
            origin: "https://a.example".try_into().unwrap(),
            scope: "https://a.example/".try_into().unwrap(),
        },
        kind: RegistrationKind::OneShot,
        tag: "t".try_into().unwrap(),
        state: RegistrationState::Pending,
        attempts: 0,
        interruptions: 0,
        registered_at: WallTime(0),
        retry_at: None,
    };
    (Ticket(NonZeroU64::new(id).unwrap()), StoreOp::Put(record))
}

fn entry(sequence: u64) -> JournalUpdate {
    let entry = JournalEntry {
        sequence,
        at: WallTime(0),
        times: 1,
        what: SyncNotification::Restored { count: 1 },
    };
    JournalUpdate {
        put: vec![entry],
        next_sequence: sequence + 1,
        ..JournalUpdate::default()
    }
}

struct Bench {
    writer: Writer,
    world: Arc<Mutex<World>>,
    batches: u64,
}

impl Bench {
    fn new() -> Self {
        let world = Arc::<Mutex<World>>::default();
        let store = Faulty {
            world: world.clone(),
            now: MemoryStore::new(),
        };
        Self {
            writer: Writer::new(Box::new(store)),
            world,
            batches: 0,
        }
    }

    /// Returns the tickets of what could not be stored, and what is said of the whole batch.
    fn write(
        &mut self,
        operations: Vec<(Ticket, StoreOp)>,
        journal: Option<JournalUpdate>,
        durability: Durability,
    ) -> (Vec<u64>, Done) {
        self.batches += 1;
        let batch = Batch {
            number: self.batches,
            operations,
            journal,
            durability,
        };
        let mut told = Vec::new();
        self.writer
            .write(batch, MAX_OPERATIONS_PER_COMMIT, |part| told.push(part));
        let done = told.last_mut().unwrap().done.take().unwrap();
        let results = told.into_iter().flat_map(|part| part.results);
        let failed = results.filter(|(_, result)| result.is_err());
        (failed.map(|(ticket, _)| ticket.0.get()).collect(), done)
    }

    fn world(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.world.lock().unwrap());
    }

    /// The ids that would be there after the end of the process.
    fn durable(&self) -> Vec<u64> {
        let world = self.world.lock().unwrap();
        world.durable.records().keys().map(|id| id.0).collect()
    }

    fn durable_entries(&self) -> Vec<u64> {
        let mut store = self.world.lock().unwrap().durable.clone();
        let entries = store.load_journal().unwrap();
        entries.iter().map(|entry| entry.sequence).collect()
    }
}

#[test]
fn one_fault_costs_one_operation() {
    let mut bench = Bench::new();
    bench.world(|world| world.poison = Some(RegistrationId(3)));
    let operations = (1..=6).map(put).collect();
    let (failed, done) = bench.write(operations, Some(entry(0)), Durability::Strict);
    assert_eq!(failed, [3]);
    assert_eq!(bench.durable(), [1, 2, 4, 5, 6]);
    assert_eq!((done.journal, bench.durable_entries()), (Ok(()), vec![0]));
}

#[test]
fn a_medium_at_fault_is_not_asked_for_each_operation() {
    let mut bench = Bench::new();
    bench.world(|world| world.down = true);
    let (failed, done) = bench.write((1..=100).map(put).collect(), None, Durability::Strict);
    assert_eq!((failed.len(), done.medium), (100, Medium::HasAll));
    bench.world(|world| assert_eq!(world.commits, 1 + MAX_FAILURES_IN_A_ROW));
    bench.world(|world| world.down = false);
    let (failed, _) = bench.write(vec![put(101)], None, Durability::Strict);
    assert_eq!((failed, bench.durable()), (vec![], vec![101]));
}

#[test]
fn what_is_relaxed_is_durable_after_a_flush() {
    let mut bench = Bench::new();
    let (_, done) = bench.write(vec![put(1)], Some(entry(0)), Durability::Relaxed);
    assert_eq!((done.medium, bench.durable()), (Medium::HasNotAll, vec![]));
    let (_, done) = bench.write(Vec::new(), None, Durability::Strict);
    assert_eq!((done.medium, bench.durable()), (Medium::HasAll, vec![1]));
    assert_eq!(bench.durable_entries(), [0]);
}

#[test]
fn a_fault_takes_nothing_of_what_was_relaxed_before() {
    let mut bench = Bench::new();
    let (_, done) = bench.write(vec![put(1)], Some(entry(0)), Durability::Relaxed);
    assert_eq!(done.journal, Ok(()));
    bench.world(|world| world.down = true);
    let (failed, done) = bench.write(vec![put(2)], None, Durability::Relaxed);
    assert_eq!((failed, done.medium), (vec![2], Medium::HasNotAll));
    assert!(done.journal.is_err(), "its entries have to be sent again");
    // The flush does not get through either, and later it does.
    let (_, done) = bench.write(Vec::new(), None, Durability::Strict);
    assert_eq!(done.medium, Medium::HasNotAll);
    bench.world(|world| world.down = false);
    let (_, done) = bench.write(Vec::new(), None, Durability::Strict);
    assert_eq!((done.medium, bench.durable()), (Medium::HasAll, vec![1]));
}

#[test]
fn what_waits_for_the_medium_is_bounded() {
    let mut bench = Bench::new();
    let most = u64::try_from(MAX_UNDURABLE_OPERATIONS).unwrap();
    let (_, done) = bench.write((1..=most).map(put).collect(), None, Durability::Relaxed);
    assert_eq!(done.medium, Medium::HasNotAll);
    let (_, done) = bench.write(vec![put(most + 1)], None, Durability::Relaxed);
    assert_eq!(done.medium, Medium::HasAll);
    assert_eq!(bench.durable().len(), MAX_UNDURABLE_OPERATIONS + 1);
}
