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

type Model = BTreeMap<u64, StoredRegistration>;

fn load(store: &mut RedbStore) -> Model {
    let loaded = store.load_all().unwrap();
    assert_eq!(loaded.set_aside, []);
    loaded
        .records
        .into_iter()
        .map(|record| (record.id.0, record))
        .collect()
}

/// 40 commits of 1 to 5 operations; returns what is stored after each.
fn commits() -> Vec<(Vec<StoreOp>, Model)> {
    let mut model = Model::new();
    let mut all = Vec::new();
    for number in 1..=40_u64 {
        let mut batch = Vec::new();
        for part in 0..=number % 5 {
            let id = (number * 7 + part * 3) % 23;
            if (number + part).is_multiple_of(4) {
                model.remove(&id);
                batch.push(StoreOp::Remove(RegistrationId(id)));
            } else {
                let record = record(id, u32::try_from(number).unwrap());
                model.insert(id, record.clone());
                batch.push(StoreOp::Put(record));
            }
        }
        all.push((batch, model.clone()));
    }
    all
}

#[test]
fn power_cut_at_every_sync() {
    let backend = Backend::default();
    let mut store = open(&backend).unwrap();
    backend.0.lock().unwrap().records_power_cuts = true;
    let commits = commits();
    for (batch, _) in &commits {
        store.commit(batch, Durability::Strict).unwrap();
        backend.0.lock().unwrap().answered += 1;
    }
    drop(store);
    let power_cuts = std::mem::take(&mut backend.0.lock().unwrap().power_cuts);
    assert!(power_cuts.len() >= commits.len());
    let model = |answered: usize| match answered {
        0 => Model::new(),
        count => commits[count - 1].1.clone(),
    };
    let mut dice = 1_u64;
    for cut in &power_cuts {
        // Nothing of what was not synced is there, all of it, and some of it, in any mix.
        for mix in 0..6 {
            let mut image = cut.durable.clone();
            for change in &cut.unsynced {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let is_there = match mix {
                    0 => false,
                    1 => true,
                    _ => dice >> 63 == 0,
                };
                if is_there || matches!(change, Change::Length(_)) {
                    change.apply(&mut image);
                }
            }
            let after = Backend::default();
            after.0.lock().unwrap().image = image;
            let found = load(&mut open(&after).unwrap());
            let whole = found == model(cut.answered)
                || (cut.answered < commits.len() && found == model(cut.answered + 1));
            assert!(
                whole,
                "after {} answered commits, mix {mix}: {found:?}",
                cut.answered
            );
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
        assert_eq!(found.keys().collect::<Vec<_>>(), [&1, &3]);
    }
}
