//! Registrations of the kinds that came with version 2 of the records, and what is kept about
//! origins.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::path::Path;
use std::{env, fs};

use background_sync_core::*;
use background_sync_store::*;
use support::record;

/// Registrations of the kinds that came with version 2 of the records.
fn of_other_kinds() -> [(&'static str, StoredRegistration); 3] {
    let cycle = StoredCycle {
        min_interval_ms: 86_400_000,
        anchor: WallTime(1_700_000_000_000),
        fired_at: Some(WallTime(1_700_000_000_500)),
    };
    let explainer = |recurrence| {
        let options = ExplainerOptions {
            recurrence,
            min_interval_ms: Some(3_600_000),
            data: "{\"to\": \"ü\"}".try_into().unwrap(),
            description: "Sends what you wrote".try_into().unwrap(),
            lang: "en".try_into().unwrap(),
            dir: TextDirection::Ltr,
        };
        RegistrationKind::Explainer(Box::new(StoredExplainer { options, cycle }))
    };
    let periodic = StoredRegistration {
        kind: RegistrationKind::Periodic(cycle),
        state: RegistrationState::Waiting,
        ..record(11)
    };
    let repeating = StoredRegistration {
        kind: explainer(Recurrence::Repeating),
        state: RegistrationState::ReregisteredWhileFiring,
        ..record(12)
    };
    let once = StoredRegistration {
        kind: explainer(Recurrence::Once),
        ..record(13)
    };
    [
        ("record-v2-periodic.bin", periodic),
        ("record-v2-explainer-repeating.bin", repeating),
        ("record-v2-explainer-once.bin", once),
    ]
}

fn some_origin() -> StoredOrigin {
    StoredOrigin {
        origin: "https://shop.example".try_into().unwrap(),
        fired_at: Some(WallTime(1_700_000_000_500)),
        extra: ExtraInterval::Ms(43_200_000),
    }
}

/// A golden file. What was released never changes; one that is missing yet is written if the
/// environment has `BACKGROUND_SYNC_WRITE_GOLDEN`, and checked in.
fn golden(name: &str, bytes: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let file = folder.join(name);
    if env::var_os("BACKGROUND_SYNC_WRITE_GOLDEN").is_some() && !file.exists() {
        fs::write(&file, bytes()).unwrap();
    }
    fs::read(&file).unwrap()
}

/// The bytes of a store with these.
fn store_of(records: &[StoredRegistration]) -> Vec<u8> {
    let mut batch: Vec<_> = records.iter().cloned().map(StoreOp::Put).collect();
    batch.push(StoreOp::PutOrigin(some_origin()));
    let folder = tempfile::tempdir().unwrap();
    let mut store = RedbStore::open(folder.path()).unwrap();
    store.commit(&batch, Durability::Strict).unwrap();
    drop(store);
    fs::read(folder.path().join(FILE_NAME)).unwrap()
}

#[test]
fn version_2_is_read_as_it_was_written() {
    let mut all = vec![record(1)];
    for (name, record) in of_other_kinds() {
        let bytes = golden(name, || encode(&record).unwrap());
        assert_eq!(decode(&bytes).unwrap(), record);
        assert_eq!(encode(&record).unwrap(), bytes);
        all.push(record);
    }
    let bytes = golden("origin-v1.bin", || encode_origin(&some_origin()).unwrap());
    assert_eq!(decode_origin(&bytes).unwrap(), some_origin());
    assert_eq!(encode_origin(&some_origin()).unwrap(), bytes);
    let folder = tempfile::tempdir().unwrap();
    let bytes = golden("registrations-v2-records.redb", || store_of(&all));
    fs::write(folder.path().join(FILE_NAME), bytes).unwrap();
    let mut store = RedbStore::open(folder.path()).unwrap();
    let loaded = store.load_all().unwrap();
    assert_eq!(loaded.records, all);
    assert_eq!(loaded.origins, [some_origin()]);
}

#[test]
fn a_kind_under_the_version_of_another_is_damage() {
    for (_, record) in of_other_kinds() {
        let mut bytes = encode(&record).unwrap();
        bytes[0] = 1;
        assert!(matches!(decode(&bytes), Err(CodecError::Damaged(_))));
    }
    let mut bytes = encode(&record(1)).unwrap();
    bytes[0] = 2;
    assert!(matches!(decode(&bytes), Err(CodecError::Damaged(_))));
}
