//! A log, or a database behind it, whose medium fails or whose bytes are damaged.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::io;

use background_sync_core::*;
use background_sync_store::*;
use support::commits::{Commit, Model, commits, sized};
use support::machine::{File, Images, Machine, Operation};

const BLOCK_BYTES: usize = 4_096;

/// Ends the process that has the store: what was written is in the files, and nothing is closed.
fn kill(machine: &Machine, store: RedbStore) -> Images {
    let images = machine.images();
    drop(store);
    images
}

/// A store on a machine whose log has these commits.
fn store_with(commits: &[Commit]) -> (Machine, RedbStore) {
    let machine = Machine::default();
    let mut store = machine.open().unwrap();
    for commit in commits {
        commit.run(&mut store, Durability::Strict).unwrap();
    }
    (machine, store)
}

fn load(images: Images) -> Model {
    Model::load(&mut Machine::with(images).open().unwrap())
}

/// One operation of the log fails, each in turn: the commit goes to the database, and the log is used again later.
#[test]
fn a_fault_of_the_log_costs_no_commit() {
    let commits = commits(20, false);
    let expected = Model::after(&commits);
    for kind in [
        io::ErrorKind::StorageFull,
        io::ErrorKind::ReadOnlyFilesystem,
        io::ErrorKind::Other,
    ] {
        for failing in 0..40 {
            let machine = Machine::default();
            let mut store = machine.open().unwrap();
            let mut number = 0;
            machine.set_fault(move |file, _| {
                number += usize::from(file == File::Log);
                (file == File::Log && number == failing + 1).then_some(kind)
            });
            for commit in &commits {
                commit.run(&mut store, Durability::Strict).unwrap();
            }
            assert_eq!(load(kill(&machine, store)), expected, "operation {failing}");
        }
    }
}

/// One operation of either file fails, each in turn. What was answered with an error may be there if the database failed.
#[test]
fn one_operation_that_fails_costs_at_most_its_commit() {
    let commits = commits(24, true);
    let (machine, store) = store_with(&commits);
    drop(store);
    for failing in 0..machine.operations() {
        let machine = Machine::default();
        let Ok(mut store) = machine.open() else {
            continue;
        };
        let before = machine.operations();
        let mut number = before;
        machine.set_fault(move |_, _| {
            number += 1;
            (number == failing + 1).then_some(io::ErrorKind::Other)
        });
        let (mut without, mut with) = (Model::default(), Model::default());
        for commit in &commits {
            let result = commit.run(&mut store, Durability::Strict);
            with.apply(commit);
            match result {
                Ok(()) => without.apply(commit),
                // Its entry is relaxed, and goes with the next one.
                Err(_) => without.journal.extend(commit.entry),
            }
        }
        let found = load(kill(&machine, store));
        assert!(found == without || found == with, "operation {failing}");
    }
}

/// The log takes a frame, but can't sync it, and the database fails as well. The commit has failed, and stays so.
#[test]
fn a_frame_of_a_commit_that_failed_never_comes_back() {
    let commits = commits(10, false);
    for and_then in [None, Some(9)] {
        let (machine, mut store) = store_with(&commits[..8]);
        let expected = Model::after(&commits[..8]);
        machine.set_fault(|file, operation| match (file, operation) {
            (File::Log, Operation::Write) => None,
            (_, Operation::Read) => None,
            _ => Some(io::ErrorKind::Other),
        });
        for _ in 0..3 {
            let failed = store.commit(&commits[8].batch, Durability::Strict);
            assert!(failed.is_err());
        }
        machine.repair();
        let Some(next) = and_then else {
            assert_eq!(load(kill(&machine, store)), expected);
            continue;
        };
        commits[next].run(&mut store, Durability::Strict).unwrap();
        let mut expected = expected;
        expected.apply(&commits[next]);
        assert_eq!(load(kill(&machine, store)), expected);
    }
}

/// A database that is closed after a fault has no lock. Whoever has used both files meanwhile has their own epoch.
#[test]
fn nothing_is_logged_without_the_lock_of_the_database() {
    let commits = commits(12, false);
    let (machine, mut store) = store_with(&[]);
    machine.set_fault(|file, _| (file == File::Database).then_some(io::ErrorKind::Other));
    // Too large for the log.
    let large: Vec<_> = (0..40)
        .map(|id| StoreOp::Put(sized(id, 10_000, 0)))
        .collect();
    assert!(store.commit(&large, Durability::Strict).is_err());
    machine.repair();
    let mut other = machine.open().unwrap();
    for commit in &commits[..6] {
        commit.run(&mut other, Durability::Strict).unwrap();
    }
    drop(other);
    for commit in &commits[6..] {
        commit.run(&mut store, Durability::Strict).unwrap();
    }
    assert_eq!(load(kill(&machine, store)), Model::after(&commits));
}

/// Without room for a log, commits go to the database. It is tried again.
#[test]
fn without_room_for_a_log_there_is_none() {
    let commits = commits(300, false);
    let machine = Machine::default();
    let mut store = machine.open().unwrap();
    machine.set_fault(|file, operation| {
        let is_write = file == File::Log && operation == Operation::Write;
        is_write.then_some(io::ErrorKind::StorageFull)
    });
    for commit in &commits[..10] {
        commit.run(&mut store, Durability::Strict).unwrap();
    }
    assert!(machine.images().log.is_empty());
    machine.repair();
    for commit in &commits[10..] {
        commit.run(&mut store, Durability::Strict).unwrap();
    }
    let images = kill(&machine, store);
    assert_eq!(images.log.len(), LOG_BYTES);
    assert_eq!(load(images), Model::after(&commits));
}

/// Whatever byte of the log is damaged, it costs the frame it is in; and numbers are not used twice.
#[test]
fn a_damaged_byte_costs_at_most_one_frame() {
    let commits = commits(14, false);
    let (machine, store) = store_with(&commits);
    let images = kill(&machine, store);
    let used = images.log.iter().rposition(|&byte| byte != 0).unwrap();
    assert!(used > 15 * BLOCK_BYTES, "one frame has several blocks");
    let models: Vec<_> = (0..=commits.len())
        .map(|missing| {
            Model::after(
                commits
                    .iter()
                    .enumerate()
                    .filter_map(|(number, commit)| (number != missing).then_some(commit)),
            )
        })
        .collect();
    let mut without_loss = 0;
    let headers = (0..used).filter(|position| position % BLOCK_BYTES < 36);
    for position in headers.chain((0..=used).step_by(97)) {
        for mask in [1, 0x80, 0xFF] {
            let mut images = images.clone();
            images.log[position] ^= mask;
            let machine = Machine::with(images);
            let mut store = machine.open().unwrap();
            let found = Model::load(&mut store);
            let missing = models.iter().position(|model| *model == found);
            let missing = missing.unwrap_or_else(|| panic!("byte {position}: {found:?}"));
            without_loss += usize::from(missing == commits.len());
            let next_id = store.load_all().unwrap().next_id;
            assert!(next_id > RegistrationId(22), "{next_id:?} was used");
            let last = found.journal.last().copied().unwrap_or_default();
            let next_entry = store.next_journal_sequence().unwrap().max(last + 1);
            assert!(next_entry > 14, "{next_entry} was used");
        }
    }
    assert!(
        without_loss > 0,
        "what is behind a frame's content is not damage"
    );
}

/// A block that never got to the medium costs its frame as well.
#[test]
fn a_lost_block_costs_its_frame() {
    let commits = commits(12, false);
    let (machine, store) = store_with(&commits);
    let images = kill(&machine, store);
    for lost in 0..commits.len() {
        let mut images = images.clone();
        images.log[lost * BLOCK_BYTES..][..BLOCK_BYTES].fill(0);
        let others = commits.iter().enumerate();
        let others = others.filter(|(number, _)| *number != lost);
        let expected = Model::after(others.map(|(_, commit)| commit));
        assert_eq!(load(images), expected, "block {lost}");
    }
}

/// Garbage, zeros, and the log of another profile: nothing of it counts, and it is written over.
#[test]
fn a_log_that_is_not_of_this_database_is_ignored() {
    let commits = commits(12, false);
    let (machine, store) = store_with(&commits[..5]);
    let database = {
        drop(store);
        machine.images().database
    };
    let (other, store) = store_with(&commits[5..]);
    let foreign = kill(&other, store).log;
    let mixed: Vec<u8> = (0..LOG_BYTES).map(|byte| (byte % 251) as u8).collect();
    for log in [foreign, mixed, vec![0; LOG_BYTES], vec![7; 100], Vec::new()] {
        let database = database.clone();
        let machine = Machine::with(Images { database, log });
        let mut store = machine.open().unwrap();
        assert_eq!(Model::load(&mut store), Model::after(&commits[..5]));
        commits[5].run(&mut store, Durability::Strict).unwrap();
        let images = kill(&machine, store);
        assert_eq!(load(images), Model::after(&commits[..6]));
    }
}

/// A log that was cut short has what comes before the cut.
#[test]
fn a_log_that_was_cut_short() {
    let commits = commits(12, false);
    let (machine, store) = store_with(&commits);
    let images = kill(&machine, store);
    for blocks in 0..12 {
        let mut images = images.clone();
        images.log.truncate(blocks * BLOCK_BYTES + 1_000);
        let machine = Machine::with(images);
        let mut store = machine.open().unwrap();
        assert_eq!(Model::load(&mut store), Model::after(&commits[..blocks]));
        commits[0].run(&mut store, Durability::Strict).unwrap();
        let mut expected = Model::after(&commits[..blocks]);
        expected.apply(&commits[0]);
        expected.journal.sort_unstable();
        expected.journal.dedup();
        assert_eq!(load(kill(&machine, store)), expected);
    }
}
