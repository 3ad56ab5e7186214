//! Registrations of the kinds that came with version 2 of the records, and what is kept about
//! origins.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fs;

use background_sync_core::*;
use background_sync_store::*;

fn record(id: u64) -> StoredRegistration {
    StoredRegistration {
        id: RegistrationId(id),
        scope: ScopeKey {
            origin: "https://shop.example".try_into().unwrap(),
            scope: "https://shop.example/app/".try_into().unwrap(),
        },
        kind: RegistrationKind::OneShot,
        tag: format!("tag {id}").as_str().try_into().unwrap(),
        state: RegistrationState::Pending,
        attempts: 0,
        interruptions: 0,
        registered_at: WallTime(1_700_000_000_000),
        retry_at: None,
    }
}

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

fn golden_folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

#[test]
fn version_2_is_read_as_it_was_written() {
    let mut all = Vec::new();
    for (name, record) in of_other_kinds() {
        let bytes = fs::read(golden_folder().join(name)).unwrap();
        assert_eq!(decode(&bytes).unwrap(), record);
        assert_eq!(encode(&record).unwrap(), bytes);
        all.push(record);
    }
    let bytes = fs::read(golden_folder().join("origin-v1.bin")).unwrap();
    assert_eq!(decode_origin(&bytes).unwrap(), some_origin());
    assert_eq!(encode_origin(&some_origin()).unwrap(), bytes);
    let folder = tempfile::tempdir().unwrap();
    let golden = golden_folder().join("registrations-v2-records.redb");
    fs::copy(golden, folder.path().join(FILE_NAME)).unwrap();
    let mut store = RedbStore::open(folder.path()).unwrap();
    let loaded = store.load_all().unwrap();
    all.insert(0, record(1));
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

/// Makes the files of version 2 of the records; not for those that exist.
#[test]
#[ignore = "writes golden files"]
fn write_golden_files_of_version_2() {
    let mut batch = vec![StoreOp::Put(record(1)), StoreOp::PutOrigin(some_origin())];
    for (name, record) in of_other_kinds() {
        fs::write(golden_folder().join(name), encode(&record).unwrap()).unwrap();
        batch.push(StoreOp::Put(record));
    }
    let origin = encode_origin(&some_origin()).unwrap();
    fs::write(golden_folder().join("origin-v1.bin"), origin).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut store = RedbStore::open(folder.path()).unwrap();
    store.commit(&batch, Durability::Strict).unwrap();
    drop(store);
    let golden = golden_folder().join("registrations-v2-records.redb");
    fs::copy(folder.path().join(FILE_NAME), golden).unwrap();
}
