//! What only the store on disk can meet.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::fs;

use background_sync_core::*;
use background_sync_store::*;
use redb::{Database, ReadableDatabase, ReadableTableMetadata, TableDefinition};
use support::record;

const REGISTRATIONS: TableDefinition<u64, &[u8]> = TableDefinition::new("registrations");
const SET_ASIDE: TableDefinition<u64, &[u8]> = TableDefinition::new("set_aside");
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

fn fill(folder: &std::path::Path) {
    let mut store = RedbStore::open(folder).unwrap();
    let batch: Vec<_> = (1..=3).map(|id| StoreOp::Put(record(id))).collect();
    store.commit(&batch, Durability::Strict).unwrap();
}

#[test]
fn a_second_browser_on_one_profile_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _first = RedbStore::open(folder.path()).unwrap();
    let error = RedbStore::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("another browser uses this profile"),
        "{error}"
    );
}

#[test]
fn a_folder_that_is_a_file_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile");
    fs::write(&path, "").unwrap();
    let error = RedbStore::open(&path).unwrap_err().to_string();
    assert!(
        error.contains("profile") && error.contains("another profile folder"),
        "{error}"
    );
}

#[test]
fn a_corrupt_record_costs_one_registration() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    let path = folder.path().join(FILE_NAME);
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(REGISTRATIONS).unwrap();
        table.insert(1, [1u8, 2, 3].as_slice()).unwrap();
        table
            .insert(3, encode(&record(2)).unwrap().as_slice())
            .unwrap();
        table.insert(4, [].as_slice()).unwrap();
        table.insert(5, [200u8, 1].as_slice()).unwrap();
        // Nothing could be stored behind it.
        let last = encode(&record(u64::MAX)).unwrap();
        table.insert(u64::MAX, last.as_slice()).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);

    let mut store = RedbStore::open(folder.path()).unwrap();
    let loaded = store.load_all().unwrap();
    assert_eq!(loaded.records, [record(2)]);
    let set_aside: Vec<u64> = loaded.set_aside.iter().map(|entry| entry.id.0).collect();
    assert_eq!(set_aside, [1, 3, 4, 5, u64::MAX]);
    assert_eq!(loaded.next_id, RegistrationId(6));
    assert_eq!(store.load_all().unwrap().set_aside, [], "reported once");
    drop(store);
    let mut store = RedbStore::open(folder.path()).unwrap();
    let next_id = store.load_all().unwrap().next_id;
    assert_eq!(next_id, RegistrationId(6), "ids are used up for good");
    drop(store);
    let database = Database::open(&path).unwrap();
    let kept = database
        .begin_read()
        .unwrap()
        .open_table(SET_ASIDE)
        .unwrap()
        .len()
        .unwrap();
    assert_eq!(kept, 5);
}

#[test]
fn a_file_that_is_no_database_is_set_aside() {
    for garbage in [&b"not a database"[..], &[0; 8192], &[]] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        fs::write(&path, garbage).unwrap();
        let mut store = RedbStore::open(folder.path()).unwrap();
        let loaded = store.load_all().unwrap();
        assert_eq!(loaded.records, []);
        if let Some(name) = loaded.set_aside_file {
            assert_eq!(fs::read(name).unwrap(), garbage);
        } else {
            assert!(garbage.is_empty());
        }
        store
            .commit(&[StoreOp::Put(record(1))], Durability::Strict)
            .unwrap();
    }
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    let database = Database::open(folder.path().join(FILE_NAME)).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction
        .open_table(META)
        .unwrap()
        .insert("schema_version", 99)
        .unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = RedbStore::open(folder.path()).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::TooNew {
                found: 99,
                known: 2,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn version_1_is_read_as_it_was_written() {
    let golden: [(&[u8], StoredRegistration); 2] = [
        (include_bytes!("golden/record-v1-pending.bin"), record(7)),
        (
            include_bytes!("golden/record-v1-firing.bin"),
            StoredRegistration {
                state: RegistrationState::Firing,
                attempts: 300,
                interruptions: 2,
                retry_at: Some(WallTime(1_700_000_060_000)),
                ..record(70_000)
            },
        ),
    ];
    for (bytes, record) in golden {
        assert_eq!(decode(bytes).unwrap(), record);
        assert_eq!(encode(&record).unwrap(), bytes);
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join(FILE_NAME),
        include_bytes!("golden/registrations-v1.redb"),
    )
    .unwrap();
    let mut store = RedbStore::open(folder.path()).unwrap();
    let loaded = store.load_all().unwrap();
    assert_eq!(loaded.records, [record(1), record(2), record(3)]);
    assert_eq!(loaded.next_id, RegistrationId(4));
}

/// Whatever happens to the bytes of the file: no panic, and afterwards the store works.
#[test]
fn a_file_with_damaged_bytes_never_stops_the_browser() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    let good = fs::read(folder.path().join(FILE_NAME)).unwrap();
    let used = good.iter().rposition(|&byte| byte != 0).unwrap();
    let mut dice = 7_u64;
    let mut roll = |below: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(dice >> 33).unwrap() % below
    };
    let mut outcomes = [0; 3];
    for _ in 0..150 {
        let mut bytes = good.clone();
        for _ in 0..=roll(4) {
            let position = roll(used + 1);
            bytes[position] ^= 1 << roll(8);
        }
        if roll(10) == 0 {
            bytes.truncate(roll(bytes.len()));
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE_NAME), &bytes).unwrap();
        let outcome = match RedbStore::open(folder.path()) {
            Ok(mut store) => {
                let loaded = store.load_all().unwrap();
                let commit = store.commit(&[StoreOp::Put(record(9))], Durability::Strict);
                commit.unwrap();
                usize::from(loaded.records.len() < 3)
            }
            // Its schema version is among the damaged bytes.
            Err(StoreError::TooNew { .. }) => 2,
            Err(error) => panic!("{error}"),
        };
        outcomes[outcome] += 1;
    }
    println!("whole, with losses, too new: {outcomes:?}");
}

#[test]
fn a_tag_with_a_lone_surrogate_is_found_again() {
    let tag = Tag::from_utf16(&[0x61, 0xD800, 0x62]).unwrap();
    let record = StoredRegistration { tag, ..record(1) };
    let folder = tempfile::tempdir().unwrap();
    let mut store = RedbStore::open(folder.path()).unwrap();
    let batch = [StoreOp::Put(record.clone())];
    store.commit(&batch, Durability::Strict).unwrap();
    drop(store);
    let mut store = RedbStore::open(folder.path()).unwrap();
    assert_eq!(store.load_all().unwrap().records, [record]);
}

#[test]
fn a_tag_that_is_no_string_is_damage() {
    let mut bytes = encode(&record(1)).unwrap();
    let tag = bytes.windows(5).position(|text| text == b"tag 1").unwrap();
    bytes[tag] = 0xFF;
    let error = decode(&bytes).unwrap_err().to_string();
    assert!(error.contains("the tag is not WTF-8"), "{error}");
}
