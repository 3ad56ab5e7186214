//! The store on a medium that loses power at every sync, fills up, and goes read-only.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use background_sync_core::*;
use background_sync_store::*;
use redb::{Database, StorageBackend};

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, data: Vec<u8> },
    Length(usize),
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Length(length) => image.resize(*length, 0),
            Self::Write { offset, data } => {
                let end = offset + data.len();
                if image.len() < end {
                    image.resize(end, 0);
                }
                image[*offset..end].copy_from_slice(data);
            }
        }
    }
}

/// What the power cut at one sync leaves behind.
struct PowerCut {
    /// What the sync before made durable.
    durable: Vec<u8>,
    /// What was written since, and may or may not be there.
    unsynced: Vec<Change>,
    /// Commits that had returned.
    answered: usize,
}

#[derive(Default)]
struct Medium {
    image: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    answered: usize,
    power_cuts: Vec<PowerCut>,
    records_power_cuts: bool,
    fault: Option<io::ErrorKind>,
}

#[derive(Clone, Default)]
struct Backend(Arc<Mutex<Medium>>);

impl std::fmt::Debug for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Backend")
    }
}

impl Backend {
    fn change(&self, change: Change) -> io::Result<()> {
        let mut medium = self.0.lock().unwrap();
        if let Some(kind) = medium.fault {
            return Err(kind.into());
        }
        change.apply(&mut medium.image);
        medium.unsynced.push(change);
        Ok(())
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(u64::try_from(self.0.lock().unwrap().image.len()).unwrap())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let medium = self.0.lock().unwrap();
        let offset = usize::try_from(offset).unwrap();
        let from = medium.image.get(offset..offset + out.len());
        out.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(Change::Length(usize::try_from(length).unwrap()))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut medium = self.0.lock().unwrap();
        if let Some(kind) = medium.fault {
            return Err(kind.into());
        }
        let unsynced = std::mem::take(&mut medium.unsynced);
        if medium.records_power_cuts {
            let (durable, answered) = (medium.durable.clone(), medium.answered);
            medium.power_cuts.push(PowerCut {
                durable,
                unsynced: unsynced.clone(),
                answered,
            });
        }
        for change in unsynced {
            change.apply(&mut medium.durable);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Change::Write {
            offset: usize::try_from(offset).unwrap(),
            data: data.to_vec(),
        })
    }
}

fn open(backend: &Backend) -> Result<RedbStore, StoreError> {
    let backend = backend.clone();
    let open = move |_: &std::path::Path| Database::builder().create_with_backend(backend.clone());
    RedbStore::open_with(PathBuf::from("medium"), Box::new(open))
}

fn record(id: u64, attempts: u32) -> StoredRegistration {
    StoredRegistration {
        id: RegistrationId(id),
        scope: ScopeKey {
            origin: "https://a.example".try_into().unwrap(),
            scope: "https://a.example/".try_into().unwrap(),
        },
        kind: RegistrationKind::OneShot,
        tag: "t"
            .repeat(usize::try_from(id * 37 % 900).unwrap())
            .as_str()
            .try_into()
            .unwrap(),
        state: RegistrationState::Pending,
        attempts,
        interruptions: 0,
        registered_at: WallTime(id),
        retry_at: None,
    }
}

/// What is stored, but for the journal.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    records: BTreeMap<u64, StoredRegistration>,
    origins: BTreeMap<String, StoredOrigin>,
}

fn load(store: &mut RedbStore) -> Model {
    let loaded = store.load_all().unwrap();
    assert_eq!(loaded.set_aside, []);
    let records = loaded.records.into_iter();
    let origins = loaded.origins.into_iter();
    Model {
        records: records.map(|record| (record.id.0, record)).collect(),
        origins: origins
            .map(|origin| (origin.origin.to_string(), origin))
            .collect(),
    }
}

fn periodic(id: u64, number: u64) -> StoredRegistration {
    let cycle = StoredCycle {
        min_interval_ms: number,
        anchor: WallTime(number),
        fired_at: Some(WallTime(number)),
    };
    StoredRegistration {
        kind: RegistrationKind::Periodic(cycle),
        ..record(id, 0)
    }
}

/// 40 commits of 1 to 5 operations about registrations, and some about origins; returns what is stored after each.
fn commits() -> Vec<(Vec<StoreOp>, Model)> {
    let mut model = Model::default();
    let mut all = Vec::new();
    for number in 1..=40_u64 {
        let mut batch = Vec::new();
        for part in 0..=number % 5 {
            let id = (number * 7 + part * 3) % 23;
            if (number + part).is_multiple_of(4) {
                model.records.remove(&id);
                batch.push(StoreOp::Remove(RegistrationId(id)));
            } else {
                let record = match id % 3 {
                    0 => periodic(id, number),
                    _ => record(id, u32::try_from(number).unwrap()),
                };
                model.records.insert(id, record.clone());
                batch.push(StoreOp::Put(record));
            }
        }
        let origin: Origin = format!("https://{}.example", number % 4)
            .as_str()
            .try_into()
            .unwrap();
        if number.is_multiple_of(5) {
            model.origins.remove(origin.as_str());
            batch.push(StoreOp::RemoveOrigin(origin));
        } else if number.is_multiple_of(2) {
            let stored = StoredOrigin {
                origin: origin.clone(),
                fired_at: Some(WallTime(number)),
                extra: ExtraInterval::Ms(number),
            };
            model.origins.insert(origin.to_string(), stored.clone());
            batch.push(StoreOp::PutOrigin(stored));
        }
        all.push((batch, model.clone()));
    }
    all
}

/// What a power cut may leave: nothing of what was not synced, all of it, and some of it, in any mix.
fn images(cut: &PowerCut, dice: &mut u64) -> Vec<Backend> {
    let image = |mix| {
        let mut image = cut.durable.clone();
        for change in &cut.unsynced {
            *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let is_there = match mix {
                0 => false,
                1 => true,
                _ => *dice >> 63 == 0,
            };
            if is_there || matches!(change, Change::Length(_)) {
                change.apply(&mut image);
            }
        }
        let backend = Backend::default();
        backend.0.lock().unwrap().image = image;
        backend
    };
    (0..6).map(image).collect()
}

fn journal_entry(sequence: u64) -> JournalUpdate {
    let entry = JournalEntry {
        sequence,
        at: WallTime(sequence),
        times: 1,
        what: SyncNotification::Restored { count: sequence },
    };
    JournalUpdate {
        put: vec![entry],
        next_sequence: sequence + 1,
        ..JournalUpdate::default()
    }
}

/// One in `strict_every` commits is strict, and none of the entries of the journal that come before each.
fn cut_power_at_every_sync(strict_every: usize) {
    let backend = Backend::default();
    let mut store = open(&backend).unwrap();
    backend.0.lock().unwrap().records_power_cuts = true;
    let commits = commits();
    for (number, (batch, _)) in (1..).zip(&commits) {
        let entry = journal_entry(u64::try_from(number).unwrap());
        store.update_journal(&entry, Durability::Relaxed).unwrap();
        if number % strict_every == 0 {
            store.commit(batch, Durability::Strict).unwrap();
            backend.0.lock().unwrap().answered = number;
        } else {
            store.commit(batch, Durability::Relaxed).unwrap();
        }
    }
    drop(store);
    let power_cuts = std::mem::take(&mut backend.0.lock().unwrap().power_cuts);
    assert!(power_cuts.len() >= commits.len() / strict_every);
    let model = |count: usize| match count {
        0 => Model::default(),
        count => commits[count - 1].1.clone(),
    };
    let mut dice = 1_u64;
    for cut in &power_cuts {
        for after in images(cut, &mut dice) {
            let mut store = open(&after).unwrap();
            let found = load(&mut store);
            let possible = cut.answered..=(cut.answered + strict_every).min(commits.len());
            let whole = possible.clone().find(|&count| found == model(count));
            assert!(whole.is_some(), "after {}: {found:?}", cut.answered);
            let entries = store.load_journal().unwrap();
            let sequences: Vec<_> = entries.iter().map(|entry| entry.sequence).collect();
            let all: Vec<_> = (1..).take(sequences.len()).collect();
            assert_eq!(sequences, all, "no entry is left out");
            assert!(possible.contains(&sequences.len()), "{sequences:?}");
        }
    }
}

#[test]
fn power_cut_at_every_sync() {
    cut_power_at_every_sync(1);
}

#[test]
fn power_cut_at_every_sync_in_the_relaxed_setting() {
    cut_power_at_every_sync(7);
}

#[test]
fn power_cut_at_every_sync_of_the_workers() {
    let scope = record(1, 0).scope;
    let worker = |number: usize| StoredWorker {
        script_url: "https://a.example/sw.js".try_into().unwrap(),
        source: vec![7; number * 1_000].try_into().unwrap(),
        imports: Default::default(),
        headers: Default::default(),
        updates: Default::default(),
        handles_fetch: true,
        navigation_preload: Default::default(),
    };
    let open = |backend: &Backend| {
        let backend = backend.clone();
        let open =
            move |_: &std::path::Path| Database::builder().create_with_backend(backend.clone());
        WorkerStore::with(PathBuf::from("medium"), Box::new(open))
    };
    let backend = Backend::default();
    let mut store = open(&backend);
    assert_eq!(store.load(&scope).unwrap(), None);
    backend.0.lock().unwrap().records_power_cuts = true;
    for number in 1..=20 {
        store.put(&scope, &worker(number)).unwrap();
        backend.0.lock().unwrap().answered = number;
    }
    let power_cuts = std::mem::take(&mut backend.0.lock().unwrap().power_cuts);
    assert!(power_cuts.len() >= 20);
    let mut dice = 1_u64;
    for cut in &power_cuts {
        for after in images(cut, &mut dice) {
            let found = open(&after).load(&scope).unwrap();
            let possible = [cut.answered, cut.answered + 1];
            let expected = possible.map(|number| (number > 0).then(|| worker(number)));
            assert!(expected.contains(&found), "after {}", cut.answered);
        }
    }
}

#[test]
fn a_full_or_read_only_disk_costs_what_is_written_then_and_recovers() {
    for kind in [
        io::ErrorKind::StorageFull,
        io::ErrorKind::ReadOnlyFilesystem,
    ] {
        let backend = Backend::default();
        let mut store = open(&backend).unwrap();
        store
            .commit(&[StoreOp::Put(record(1, 0))], Durability::Strict)
            .unwrap();
        backend.0.lock().unwrap().fault = Some(kind);
        for _ in 0..3 {
            let error = store.commit(&[StoreOp::Put(record(2, 0))], Durability::Strict);
            let text = error.unwrap_err().to_string();
            let clear = match kind {
                io::ErrorKind::StorageFull => text.contains("free some space"),
                _ => text.contains("cannot write to"),
            };
            assert!(clear, "{text}");
        }
        backend.0.lock().unwrap().fault = None;
        store
            .commit(&[StoreOp::Put(record(3, 0))], Durability::Strict)
            .unwrap();
        drop(store);
        let found = load(&mut open(&backend).unwrap());
        assert_eq!(found.records.keys().collect::<Vec<_>>(), [&1, &3]);
    }
}
