//! The store on a medium that loses power, or whose process is killed, before each write and flush; and that fills up.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};

use cache_storage::{
    BodyFile, CHUNK_BYTES, CacheError, CacheStore, FileId, Limits, Medium, Operation, QueryOptions,
    RequestHead, ResponseHead, Take,
};
use redb::{Database, DatabaseError, StorageBackend};
use support::read_all;

const INDEX: u64 = u64::MAX;
const LIMITS: Limits = Limits {
    max_bytes: 1 << 30,
    max_caches: 100,
};

type Files = BTreeMap<u64, Vec<u8>>;

/// What there is after an end without warning, and how many batches had been answered.
struct Cut {
    files: Files,
    answered: usize,
}

#[derive(Default)]
struct Disk {
    files: Files,
    /// What each file has on the medium.
    flushed: Files,
    /// Names that are on the medium. The index is made before anything is asked of it.
    flushed_names: BTreeSet<u64>,
    answered: usize,
    records_cuts: bool,
    cuts: Vec<Cut>,
    /// What every write fails with.
    fault: Option<io::ErrorKind>,
}

impl Disk {
    fn after_power_cut(&self) -> Files {
        let content = |name: &u64| {
            let bytes = self.flushed.get(name).cloned().unwrap_or_default();
            (*name, bytes)
        };
        self.flushed_names.iter().map(content).collect()
    }

    /// To be called before something changes.
    fn may_end_here(&mut self) -> io::Result<()> {
        if let Some(kind) = self.fault {
            return Err(kind.into());
        }
        if self.records_cuts {
            for files in [self.files.clone(), self.after_power_cut()] {
                let answered = self.answered;
                self.cuts.push(Cut { files, answered });
            }
        }
        Ok(())
    }

    fn flush(&mut self, name: u64) -> io::Result<()> {
        self.may_end_here()?;
        if let Some(bytes) = self.files.get(&name) {
            self.flushed.insert(name, bytes.clone());
        }
        Ok(())
    }
}

#[derive(Clone, Default)]
struct SimulatedMedium(Arc<Mutex<Disk>>);

impl std::fmt::Debug for SimulatedMedium {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SimulatedMedium")
    }
}

impl SimulatedMedium {
    fn with(files: Files) -> Self {
        let disk = Disk {
            flushed_names: files.keys().copied().collect(),
            flushed: files.clone(),
            files,
            ..Disk::default()
        };
        Self(Arc::new(Mutex::new(disk)))
    }

    fn disk(&self) -> std::sync::MutexGuard<'_, Disk> {
        self.0.lock().unwrap()
    }

    fn bodies(&self) -> Vec<u64> {
        let disk = self.disk();
        disk.files
            .keys()
            .copied()
            .filter(|name| *name != INDEX)
            .collect()
    }
}

impl Medium for SimulatedMedium {
    fn open_index(&self) -> Result<Database, DatabaseError> {
        let mut disk = self.disk();
        disk.files.entry(INDEX).or_default();
        disk.flushed_names.insert(INDEX);
        drop(disk);
        Database::builder().create_with_backend(Index(self.clone()))
    }

    fn set_index_aside(&self) -> io::Result<()> {
        panic!("an index is never damaged by a cut");
    }

    fn create(&self, file: FileId) -> io::Result<Box<dyn BodyFile>> {
        let mut disk = self.disk();
        disk.may_end_here()?;
        disk.files.insert(file.0, Vec::new());
        Ok(Box::new(Open(self.clone(), file.0)))
    }

    fn open(&self, file: FileId) -> io::Result<Box<dyn BodyFile>> {
        self.len(file)?;
        Ok(Box::new(Open(self.clone(), file.0)))
    }

    fn len(&self, file: FileId) -> io::Result<u64> {
        let disk = self.disk();
        let bytes = disk.files.get(&file.0).ok_or(io::ErrorKind::NotFound)?;
        Ok(bytes.len() as u64)
    }

    fn remove(&self, file: FileId) -> io::Result<()> {
        let mut disk = self.disk();
        disk.may_end_here()?;
        disk.files.remove(&file.0);
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<FileId>> {
        Ok(self.bodies().into_iter().map(FileId).collect())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut disk = self.disk();
        disk.may_end_here()?;
        disk.flushed_names = disk.files.keys().copied().collect();
        Ok(())
    }
}

#[derive(Debug)]
struct Open(SimulatedMedium, u64);

impl BodyFile for Open {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.0.disk();
        disk.may_end_here()?;
        disk.files
            .entry(self.1)
            .or_default()
            .extend_from_slice(bytes);
        Ok(())
    }

    fn read_exact_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        read(&self.0, self.1, offset, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.disk().flush(self.1)
    }
}

fn read(medium: &SimulatedMedium, name: u64, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    let disk = medium.disk();
    let offset = usize::try_from(offset).unwrap();
    let file = disk.files.get(&name).ok_or(io::ErrorKind::NotFound)?;
    let from = file.get(offset..offset + bytes.len());
    bytes.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
    Ok(())
}

#[derive(Debug)]
struct Index(SimulatedMedium);

impl StorageBackend for Index {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.disk().files[&INDEX].len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        read(&self.0, INDEX, offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut disk = self.0.disk();
        disk.may_end_here()?;
        let length = usize::try_from(length).unwrap();
        disk.files.entry(INDEX).or_default().resize(length, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.disk().flush(INDEX)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut disk = self.0.disk();
        disk.may_end_here()?;
        let file = disk.files.entry(INDEX).or_default();
        let start = usize::try_from(offset).unwrap();
        file.resize(file.len().max(start + data.len()), 0);
        file[start..start + data.len()].copy_from_slice(data);
        Ok(())
    }
}

/// URL and body of each pair, in their order.
type Pairs = Vec<(String, Vec<u8>)>;

fn pairs(store: &mut CacheStore) -> Pairs {
    let Some(cache) = store.find_cache(b"v1").unwrap() else {
        return Vec::new();
    };
    let found = store.query(cache, None, QueryOptions::default(), Take::All);
    let mut pairs = Vec::new();
    for found in found.unwrap() {
        pairs.push((found.request.url, read_all(found.body)));
    }
    pairs
}

fn put(store: &CacheStore, name: &str, body: &[u8]) -> Result<Operation, CacheError> {
    let mut draft = store.new_body();
    for piece in body.chunks(CHUNK_BYTES / 2) {
        draft.append(piece)?;
    }
    Ok(Operation::Put {
        request: RequestHead::get(format!("https://a.example/{name}")),
        response: ResponseHead::default(),
        body: Some(draft),
    })
}

fn delete(name: &str) -> Operation {
    Operation::Delete {
        request: RequestHead::get(format!("https://a.example/{name}")),
        options: QueryOptions::default(),
    }
}

/// What is added and removed by each batch: a short body, a long one, several at a time, one that is replaced.
fn batches(store: &mut CacheStore, mut done: impl FnMut(&mut CacheStore)) {
    let cache = store.open_cache(b"v1").unwrap();
    done(store);
    let long = |byte| vec![byte; 2 * CHUNK_BYTES + 5];
    for number in 0..4_u8 {
        let batch = match number {
            0 => vec![
                put(store, "a", b"a").unwrap(),
                put(store, "b", &long(1)).unwrap(),
            ],
            1 => vec![
                put(store, "b", &long(2)).unwrap(),
                put(store, "c", &long(3)).unwrap(),
            ],
            2 => vec![delete("c"), put(store, "d", b"d").unwrap()],
            _ => vec![delete("a"), delete("b"), put(store, "c", &long(4)).unwrap()],
        };
        store.commit(cache, batch).unwrap();
        done(store);
    }
    store.release_cache(cache);
    store.delete_cache(b"v1").unwrap();
    done(store);
}

#[test]
fn a_cut_leaves_all_of_a_batch_or_nothing_and_no_orphan() {
    let medium = SimulatedMedium::default();
    let mut store = CacheStore::open(Arc::new(medium.clone()), LIMITS).unwrap();
    medium.disk().records_cuts = true;
    let mut states = vec![Vec::new()];
    batches(&mut store, |store| {
        medium.disk().records_cuts = false;
        states.push(pairs(store));
        let mut disk = medium.disk();
        disk.answered += 1;
        disk.records_cuts = true;
    });
    let cuts = std::mem::take(&mut medium.disk().cuts);
    assert!(cuts.len() > 100, "{}", cuts.len());
    let mut incomplete = 0;
    for (number, cut) in cuts.into_iter().enumerate() {
        let before = cut.files.len();
        let medium = SimulatedMedium::with(cut.files);
        let mut store = CacheStore::open(Arc::new(medium.clone()), LIMITS).unwrap();
        let found = pairs(&mut store);
        let (last, next) = (&states[cut.answered], states.get(cut.answered + 1));
        assert!(
            found == *last || Some(&found) == next,
            "cut {number}, after {} answers: {:?}",
            cut.answered,
            found
                .iter()
                .map(|(url, body)| (url, body.len()))
                .collect::<Vec<_>>()
        );
        let long = found
            .iter()
            .filter(|(_, body)| body.len() > CHUNK_BYTES)
            .count();
        assert_eq!(medium.bodies().len(), long, "cut {number}");
        incomplete += usize::from(before > long + 1);
        // It goes on.
        let cache = store.open_cache(b"v1").unwrap();
        let again = put(&store, "again", &vec![9; CHUNK_BYTES]).unwrap();
        store.commit(cache, vec![again]).unwrap();
        assert!(
            pairs(&mut store)
                .iter()
                .any(|(url, _)| url.ends_with("again"))
        );
    }
    assert!(incomplete > 0, "no cut has left an orphan to be removed");
}

#[test]
fn a_medium_that_fills_up_costs_what_is_asked_meanwhile() {
    let medium = SimulatedMedium::default();
    let mut store = CacheStore::open(Arc::new(medium.clone()), LIMITS).unwrap();
    let cache = store.open_cache(b"v1").unwrap();
    let first = put(&store, "first", &vec![1; CHUNK_BYTES]).unwrap();
    store.commit(cache, vec![first]).unwrap();
    for body in [vec![2; 10], vec![2; 3 * CHUNK_BYTES]] {
        medium.disk().fault = Some(io::ErrorKind::StorageFull);
        let result = put(&store, "more", &body)
            .and_then(|operation| store.commit(cache, vec![operation]).map(|_| ()));
        assert_eq!(result, Err(CacheError::QuotaExceeded));
        medium.disk().fault = None;
        assert_eq!(pairs(&mut store).len(), 1);
    }
    let more = put(&store, "more", &vec![3; CHUNK_BYTES]).unwrap();
    store.commit(cache, vec![more]).unwrap();
    assert_eq!(pairs(&mut store).len(), 2);
    assert_eq!(medium.bodies().len(), 2);
    // The index alone is full: the body is there, and must not stay.
    let third = put(&store, "third", &vec![4; 3 * CHUNK_BYTES]).unwrap();
    medium.disk().fault = Some(io::ErrorKind::StorageFull);
    let result = store.commit(cache, vec![third]);
    assert_eq!(result, Err(CacheError::QuotaExceeded));
    medium.disk().fault = None;
    drop(store);
    let mut store = CacheStore::open(Arc::new(medium.clone()), LIMITS).unwrap();
    assert_eq!(pairs(&mut store).len(), 2);
    assert_eq!(medium.bodies().len(), 2);
}
