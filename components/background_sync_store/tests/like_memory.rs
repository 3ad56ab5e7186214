//! Whatever is committed, and however processes end: the store has what one in memory has.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::io;

use background_sync_core::*;
use background_sync_store::*;
use proptest::prelude::*;
use support::commits::sized;
use support::machine::{File, Machine};

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<StoreOp>, Durability),
    Journal(JournalUpdate, Durability),
    /// The process ends as it should.
    Close,
    /// It is killed.
    Kill,
    /// Operations of the log fail from now on, or no more.
    LogFails(bool),
    /// The store is asked for everything.
    Load,
}

fn entry(sequence: u64, count: u64) -> JournalEntry {
    JournalEntry {
        sequence,
        at: WallTime(count),
        times: 1,
        what: SyncNotification::Restored { count },
    }
}

fn origin(number: u8) -> Origin {
    format!("https://{number}.example")
        .as_str()
        .try_into()
        .unwrap()
}

fn any_op() -> impl Strategy<Value = StoreOp> {
    let bytes = prop_oneof![9 => 0..200_usize, 1 => 9_000..10_000_usize];
    prop_oneof![
        4 => (0..40_u64, bytes, any::<u8>())
            .prop_map(|(id, bytes, attempts)| StoreOp::Put(sized(id, bytes, attempts.into()))),
        2 => (0..40_u64).prop_map(|id| StoreOp::Remove(RegistrationId(id))),
        1 => (0..4_u8, any::<u64>()).prop_map(|(number, ms)| StoreOp::PutOrigin(StoredOrigin {
            origin: origin(number),
            fired_at: Some(WallTime(ms)),
            extra: ExtraInterval::Ms(ms),
        })),
        1 => (0..4_u8).prop_map(|number| StoreOp::RemoveOrigin(origin(number))),
    ]
}

fn any_update() -> impl Strategy<Value = JournalUpdate> {
    let numbers = (0..60_u64, 0..60_u64, 0..4_u64, 0..30_u64, any::<u64>());
    numbers.prop_map(|(first, gone, length, keep_from, count)| {
        let remove = match gone % 3 {
            0 => vec![gone..=gone + length],
            _ => Vec::new(),
        };
        let put = (first..first + length).map(|sequence| entry(sequence, count));
        let stays = |entry: &JournalEntry| {
            entry.sequence >= keep_from && !remove.iter().any(|gone| gone.contains(&entry.sequence))
        };
        JournalUpdate {
            put: put.filter(stays).collect(),
            remove,
            keep_from,
            next_sequence: 70,
        }
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    let durability = || prop_oneof![Just(Durability::Strict), Just(Durability::Relaxed)];
    prop_oneof![
        12 => (prop::collection::vec(any_op(), 0..6), durability())
            .prop_map(|(batch, durability)| Step::Commit(batch, durability)),
        4 => (any_update(), durability()).prop_map(|(update, durability)| Step::Journal(update, durability)),
        1 => Just(Step::Close),
        2 => Just(Step::Kill),
        1 => any::<bool>().prop_map(Step::LogFails),
        2 => Just(Step::Load),
    ]
}

fn assert_same(store: &mut RedbStore, memory: &mut MemoryStore) {
    let (found, expected) = (store.load_all().unwrap(), memory.load_all().unwrap());
    assert_eq!(found, expected);
    let found = store.load_journal().unwrap();
    assert_eq!(found, memory.load_journal().unwrap());
}

/// Whether what was relaxed before this is durable after it.
fn is_durable(step: &Step) -> bool {
    matches!(
        step,
        Step::Commit(_, Durability::Strict) | Step::Journal(_, Durability::Strict) | Step::Close
    )
}

fn run(steps: Vec<Step>) {
    let mut machine = Machine::default();
    let mut store = machine.open().unwrap();
    let mut memory = MemoryStore::new();
    let mut durable = memory.clone();
    for step in steps {
        let is_durable = is_durable(&step);
        match step {
            Step::Commit(batch, durability) => {
                store.commit(&batch, durability).unwrap();
                memory.commit(&batch, durability).unwrap();
            }
            Step::Journal(update, durability) => {
                store.update_journal(&update, durability).unwrap();
                memory.update_journal(&update, durability).unwrap();
            }
            Step::Close => {
                drop(store);
                store = machine.open().unwrap();
            }
            Step::Kill => {
                let images = machine.images();
                drop(store);
                machine = Machine::with(images);
                store = machine.open().unwrap();
                memory = durable.clone();
            }
            Step::LogFails(true) => machine.set_fault(|file, operation| {
                let reads = operation == support::machine::Operation::Read;
                (file == File::Log && !reads).then_some(io::ErrorKind::Other)
            }),
            Step::LogFails(false) => machine.repair(),
            Step::Load => assert_same(&mut store, &mut memory),
        }
        if is_durable {
            durable = memory.clone();
        }
    }
    assert_same(&mut store, &mut memory);
    drop(store);
    assert_same(&mut machine.open().unwrap(), &mut memory);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_has_what_one_in_memory_has(steps in prop::collection::vec(any_step(), 1..80)) {
        run(steps);
    }
}
