//! A file that turns out to be damaged while it is used.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use background_sync_core::*;
use background_sync_store::*;
use redb::backends::FileBackend;
use redb::{Database, DatabaseError, StorageBackend, StorageError};
use support::record;

/// What goes wrong.
#[derive(Debug, Default)]
struct Faults {
    /// Writes to the file fail, so that it is closed.
    writes_fail: AtomicBool,
    /// It is damaged, as it is opened the next time.
    damaged: AtomicBool,
    /// There is no room for another file.
    full: AtomicBool,
}

#[derive(Debug)]
struct Faulty {
    file: FileBackend,
    faults: Arc<Faults>,
    is_new: bool,
}

impl Faulty {
    fn may_write(&self) -> io::Result<()> {
        let fails = match self.is_new {
            true => &self.faults.full,
            false => &self.faults.writes_fail,
        };
        match fails.load(Ordering::SeqCst) {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }
}

impl StorageBackend for Faulty {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.may_write()?;
        self.file.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.may_write()?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.may_write()?;
        self.file.write(offset, data)
    }
}

fn open(folder: &Path, faults: &Arc<Faults>) -> RedbStore {
    let faults = faults.clone();
    let open = move |path: &Path| -> Result<Database, DatabaseError> {
        let is_new = !path.ends_with(FILE_NAME);
        if !is_new && faults.damaged.swap(false, Ordering::SeqCst) {
            return Err(StorageError::Corrupted("a test says so".to_owned()).into());
        }
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).map_err(StorageError::from)?;
        Database::builder().create_with_backend(Faulty {
            file: FileBackend::new(file)?,
            faults: faults.clone(),
            is_new,
        })
    };
    RedbStore::open_with(folder.join(FILE_NAME), Box::new(open)).unwrap()
}

fn origin() -> StoredOrigin {
    StoredOrigin {
        origin: "https://a.example".try_into().unwrap(),
        fired_at: Some(WallTime(7)),
        extra: ExtraInterval::Never,
    }
}

fn entry() -> JournalEntry {
    JournalEntry {
        sequence: 40,
        at: WallTime(5),
        times: 1,
        what: SyncNotification::Restored { count: 1 },
    }
}

/// A store with something of everything. Ids up to 9 are used up, and sequences up to 41.
fn fill(store: &mut RedbStore) {
    let batch = [
        StoreOp::Put(record(1)),
        StoreOp::Put(record(9)),
        StoreOp::Remove(RegistrationId(9)),
        StoreOp::PutOrigin(origin()),
    ];
    store.commit(&batch, Durability::Strict).unwrap();
    let update = JournalUpdate {
        put: vec![entry()],
        remove: vec![41..=u64::MAX],
        next_sequence: 42,
        ..JournalUpdate::default()
    };
    store.update_journal(&update, Durability::Strict).unwrap();
}

/// Has the file closed by a fault, and damaged when it is opened again.
fn damage(store: &mut RedbStore, faults: &Faults) {
    faults.writes_fail.store(true, Ordering::SeqCst);
    let put = [StoreOp::Put(record(2))];
    assert!(store.commit(&put, Durability::Strict).is_err());
    faults.writes_fail.store(false, Ordering::SeqCst);
    faults.damaged.store(true, Ordering::SeqCst);
}

fn check(folder: &Path, ids: &[u64]) {
    let mut store = RedbStore::open(folder).unwrap();
    let loaded = store.load_all().unwrap();
    let found: Vec<_> = loaded.records.iter().map(|record| record.id.0).collect();
    assert_eq!(found, ids);
    assert_eq!(loaded.origins, [origin()]);
    assert_eq!(loaded.next_id, RegistrationId(10));
    assert_eq!(store.load_journal().unwrap(), [entry()]);
    assert_eq!(store.next_journal_sequence().unwrap(), 42);
}

#[test]
fn everything_that_can_be_read_is_in_the_new_file_and_the_old_one_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let faults = Arc::new(Faults::default());
    let mut store = open(folder.path(), &faults);
    fill(&mut store);
    damage(&mut store, &faults);
    let put = [StoreOp::Put(record(3))];
    store.commit(&put, Durability::Strict).unwrap();
    let file = store.take_file_set_aside().unwrap();
    assert!(file.path.is_file());
    assert_eq!((file.records, store.take_file_set_aside()), (0, None));
    drop(store);
    check(folder.path(), &[1, 3]);
}

#[test]
fn without_room_for_a_new_file_the_old_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let faults = Arc::new(Faults::default());
    let mut store = open(folder.path(), &faults);
    fill(&mut store);
    damage(&mut store, &faults);
    faults.full.store(true, Ordering::SeqCst);
    let put = [StoreOp::Put(record(3))];
    let error = store.commit(&put, Durability::Strict).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert_eq!(store.take_file_set_aside(), None);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    // Damaged still, and there is room again.
    faults.damaged.store(true, Ordering::SeqCst);
    faults.full.store(false, Ordering::SeqCst);
    store.commit(&put, Durability::Strict).unwrap();
    assert!(store.take_file_set_aside().is_some());
    drop(store);
    check(folder.path(), &[1, 3]);
}

#[test]
fn an_exchange_that_was_interrupted_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    let new = path.with_extension("new.redb");
    let mut store = RedbStore::open(folder.path()).unwrap();
    fill(&mut store);
    drop(store);
    // Between the two renames.
    fs::rename(&path, &new).unwrap();
    check(folder.path(), &[1]);
    // Before them, the new file may be incomplete.
    fs::write(&new, "half").unwrap();
    check(folder.path(), &[1]);
}
