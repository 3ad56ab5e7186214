//! What every store must do, run on each of them.

#![allow(clippy::unwrap_used, reason = "a test may")]

use background_sync_core::*;
use background_sync_store::*;

fn record(id: u64, tag: &str) -> StoredRegistration {
    StoredRegistration {
        id: RegistrationId(id),
        scope: ScopeKey {
            origin: "https://a.example".try_into().unwrap(),
            scope: "https://a.example/app/".try_into().unwrap(),
        },
        kind: RegistrationKind::OneShot,
        tag: tag.try_into().unwrap(),
        state: RegistrationState::Waiting,
        attempts: 3,
        interruptions: 1,
        registered_at: WallTime(1_700_000_000_000),
        retry_at: Some(WallTime(u64::MAX)),
    }
}

/// Opens the same store again and again.
trait Reopen {
    type Store: RegistrationStore;
    fn reopen(&mut self, previous: Option<Self::Store>) -> Self::Store;
}

struct InMemory;

impl Reopen for InMemory {
    type Store = MemoryStore;
    fn reopen(&mut self, previous: Option<MemoryStore>) -> MemoryStore {
        previous.unwrap_or_default()
    }
}

struct OnDisk(tempfile::TempDir);

impl Reopen for OnDisk {
    type Store = RedbStore;
    fn reopen(&mut self, previous: Option<RedbStore>) -> RedbStore {
        drop(previous);
        RedbStore::open(&self.0.path().join("a/b")).unwrap()
    }
}

fn put(record: &StoredRegistration) -> StoreOp {
    StoreOp::Put(record.clone())
}

fn conforms(mut backend: impl Reopen) {
    let mut store = backend.reopen(None);
    assert_eq!(store.load_all().unwrap().records, []);

    let (a, b, c) = (record(1, "a"), record(2, ""), record(3, &"ü".repeat(5_000)));
    store
        .commit(&[put(&a), put(&b), put(&c)], Durability::Strict)
        .unwrap();
    let mut store = backend.reopen(Some(store));
    let loaded = store.load_all().unwrap();
    assert_eq!(loaded.records, [a.clone(), b.clone(), c.clone()]);
    assert_eq!(loaded.next_id, RegistrationId(4));

    // In order, the last one wins; unknown removals are no error; an empty batch is fine.
    let changed = StoredRegistration {
        state: RegistrationState::Firing,
        attempts: 4,
        ..a.clone()
    };
    let batch = [
        put(&a),
        StoreOp::Remove(c.id),
        put(&changed),
        StoreOp::Remove(RegistrationId(77)),
    ];
    store.commit(&batch, Durability::Strict).unwrap();
    store.commit(&[], Durability::Strict).unwrap();
    let mut store = backend.reopen(Some(store));
    let loaded = store.load_all().unwrap();
    assert_eq!(loaded.records, [changed, b.clone()]);
    assert_eq!(
        loaded.next_id,
        RegistrationId(4),
        "3 was used and is not used again"
    );

    // What is relaxed is there at once, and durable with the next strict commit.
    store
        .commit(&[put(&record(9, "r"))], Durability::Relaxed)
        .unwrap();
    store.commit(&[], Durability::Strict).unwrap();
    let mut store = backend.reopen(Some(store));
    assert_eq!(store.load_all().unwrap().records.len(), 3);
    assert_eq!(store.load_all().unwrap().set_aside, []);
}

/// The journal: put, changed, removed, cut off.
fn keeps_a_journal(mut backend: impl Reopen) {
    let mut store = backend.reopen(None);
    let entry = |sequence, count| JournalEntry {
        sequence,
        at: WallTime(5),
        times: 1,
        what: SyncNotification::Restored { count },
    };
    let put = (1..=6).map(|sequence| entry(sequence, 0)).collect();
    let update = JournalUpdate {
        put,
        ..JournalUpdate::default()
    };
    store.update_journal(&update, Durability::Relaxed).unwrap();
    let update = JournalUpdate {
        put: vec![entry(5, 9)],
        remove: vec![4..=4],
        keep_from: 3,
        next_sequence: 7,
    };
    store.update_journal(&update, Durability::Strict).unwrap();
    let mut store = backend.reopen(Some(store));
    assert_eq!(
        store.load_journal().unwrap(),
        [entry(3, 0), entry(5, 9), entry(6, 0)]
    );
    // Its last entries are removed: their numbers are used up all the same.
    let update = JournalUpdate {
        remove: vec![4..=5, 6..=u64::MAX],
        keep_from: 3,
        next_sequence: 7,
        ..JournalUpdate::default()
    };
    store.update_journal(&update, Durability::Strict).unwrap();
    let mut store = backend.reopen(Some(store));
    assert_eq!(store.load_journal().unwrap(), [entry(3, 0)]);
    assert_eq!(store.next_journal_sequence().unwrap(), 7);
}

fn stored_origin(host: &str, extra: ExtraInterval) -> StoredOrigin {
    StoredOrigin {
        origin: format!("https://{host}").as_str().try_into().unwrap(),
        fired_at: Some(WallTime(1_700_000_000_000)),
        extra,
    }
}

/// Registrations of every kind, and what is kept about origins.
fn conforms_for_all_kinds(mut backend: impl Reopen) {
    let mut store = backend.reopen(None);
    assert_eq!(store.load_all().unwrap().origins, []);
    let cycle = StoredCycle {
        min_interval_ms: u64::MAX,
        anchor: WallTime(7),
        fired_at: None,
    };
    let longest = ExplainerOptions {
        recurrence: Recurrence::Repeating,
        min_interval_ms: Some(0),
        data: "d".repeat(MAX_DATA_BYTES).try_into().unwrap(),
        description: "e".repeat(MAX_DESCRIPTION_BYTES).try_into().unwrap(),
        lang: "f".repeat(MAX_LANG_BYTES).try_into().unwrap(),
        dir: TextDirection::Rtl,
    };
    let url = format!("https://{}.example", "a".repeat(MAX_URL_BYTES - 16));
    let explainer = StoredRegistration {
        kind: RegistrationKind::Explainer(Box::new(StoredExplainer {
            options: longest,
            cycle,
        })),
        scope: ScopeKey {
            origin: url.as_str().try_into().unwrap(),
            scope: url.as_str().try_into().unwrap(),
        },
        ..record(2, &"ü".repeat(MAX_TAG_BYTES / 2))
    };
    let periodic = StoredRegistration {
        kind: RegistrationKind::Periodic(cycle),
        ..record(1, "a")
    };
    let (never, soon) = (ExtraInterval::Never, ExtraInterval::Ms(9));
    let batch = [
        StoreOp::PutOrigin(stored_origin("b", soon)),
        put(&periodic),
        StoreOp::PutOrigin(stored_origin("a", never)),
        StoreOp::PutOrigin(stored_origin("b", never)),
        put(&explainer),
        StoreOp::RemoveOrigin("https://unknown".try_into().unwrap()),
    ];
    store.commit(&batch, Durability::Strict).unwrap();
    let mut store = backend.reopen(Some(store));
    let loaded = store.load_all().unwrap();
    assert_eq!(loaded.records, [periodic, explainer]);
    let expected = [stored_origin("a", never), stored_origin("b", never)];
    assert_eq!(loaded.origins, expected);
    let remove = StoreOp::RemoveOrigin("https://a".try_into().unwrap());
    store.commit(&[remove], Durability::Strict).unwrap();
    let mut store = backend.reopen(Some(store));
    let loaded = store.load_all().unwrap();
    assert_eq!(loaded.origins, [stored_origin("b", never)]);
}

#[test]
fn memory_holds_all_kinds() {
    conforms_for_all_kinds(InMemory);
}

#[test]
fn redb_holds_all_kinds() {
    conforms_for_all_kinds(OnDisk(tempfile::tempdir().unwrap()));
}

#[test]
fn memory() {
    conforms(InMemory);
    keeps_a_journal(InMemory);
}

#[test]
fn redb() {
    conforms(OnDisk(tempfile::tempdir().unwrap()));
    keeps_a_journal(OnDisk(tempfile::tempdir().unwrap()));
}
