//! What the log of a store may hold after a kill: its own frames, damaged in any way, and frames of somebody who knows how to
//! write them.

use std::collections::HashMap;
use std::hash::Hasher;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arbitrary::Arbitrary;
use background_sync_core::{RegistrationId, StoreOp, StoredRegistration};
use background_sync_store::{
    Durability, JournalUpdate, LOG_BYTES, LogUse, RedbStore, RegistrationStore,
};
use parking_lot::Mutex;
use redb::{Database, StorageBackend};
use siphasher::sip::SipHasher13;

use crate::record::{AnyEntry, AnyOrigin, AnyRecord};
use crate::world::Place;

const BLOCK_BYTES: usize = 4_096;
const HEADER_BYTES: usize = 32;
/// Where a block has the number of its frame, its epoch, the bytes of its content, and its check.
const FRAME: std::ops::Range<usize> = 4..8;
const EPOCH: std::ops::Range<usize> = 8..16;
const LENGTH: std::ops::Range<usize> = 20..24;
const CHECK: std::ops::Range<usize> = 24..32;

/// What is done.
#[derive(Arbitrary, Debug)]
pub enum Step {
    /// A commit, maybe relaxed.
    Commit(Vec<AnyOp>, bool),
    /// A change of the journal, maybe relaxed.
    Journal {
        /// New entries.
        put: Vec<AnyEntry>,
        /// Entries that go.
        remove: Option<(u64, u64)>,
        /// All before this go.
        keep_from: u64,
        /// Whether it may get lost.
        relaxed: bool,
    },
    /// The process is killed, and starts again.
    Kill,
    /// The process ends as it should, and starts again.
    Close,
    /// It is killed, and a byte of the log has changed when it starts again.
    Damage(u16, u16, u8),
    /// It is killed, and the log has lost its end.
    Truncate(u16),
    /// It is killed, and the log has a block twice.
    Copy(u8, u8),
    /// It is killed, and the log has a frame of this number and content, whose check is right.
    Forge(u8, u32, Vec<u8>),
}

/// A part of a commit.
#[derive(Arbitrary, Debug)]
pub enum AnyOp {
    /// A registration is stored.
    Put(AnyRecord),
    /// Any is removed.
    Remove(u64),
    /// Something about an origin is stored.
    PutOrigin(AnyOrigin),
    /// It is removed.
    RemoveOrigin(Place),
}

impl AnyOp {
    fn into_op(self) -> Option<StoreOp> {
        Some(match self {
            Self::Put(record) => {
                let record = record.into_record()?;
                // No store gets further.
                let is_valid = record.id.0 <= u64::MAX / 2;
                StoreOp::Put(is_valid.then_some(record)?)
            }
            Self::Remove(id) => StoreOp::Remove(RegistrationId(id)),
            Self::PutOrigin(origin) => StoreOp::PutOrigin(origin.into_origin()),
            Self::RemoveOrigin(place) => StoreOp::RemoveOrigin(place.key().origin),
        })
    }
}

/// A file in memory.
#[derive(Clone, Debug, Default)]
struct File(Arc<Mutex<Vec<u8>>>);

impl File {
    fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.0.lock().clone())))
    }
}

fn range(offset: u64, length: usize) -> io::Result<std::ops::Range<usize>> {
    let start = usize::try_from(offset).map_err(io::Error::other)?;
    Ok(start..start + length)
}

impl StorageBackend for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.0.lock();
        let from = bytes.get(range(offset, out.len())?);
        out.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        self.0.lock().resize(length, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut bytes = self.0.lock();
        let to = bytes.get_mut(range(offset, data.len())?);
        to.ok_or(io::ErrorKind::UnexpectedEof)?
            .copy_from_slice(data);
        Ok(())
    }
}

/// A profile, and the store on it.
struct Profile {
    database: File,
    log: File,
    store: Option<RedbStore>,
}

impl Profile {
    fn open(database: File, log: File) -> Self {
        let (for_store, log_for_store) = (database.clone(), log.clone());
        let open = move |_: &Path| Database::builder().create_with_backend(for_store.clone());
        let open_log = move |_: &Path, _: LogUse| {
            let medium: Box<dyn StorageBackend> = Box::new(log_for_store.clone());
            Ok(Some(medium))
        };
        let path = PathBuf::from("registrations.redb");
        let store = RedbStore::open_with_log(path, Box::new(open), Box::new(open_log));
        let store = Some(store.expect("whatever the log has, the store opens"));
        Self {
            database,
            log,
            store,
        }
    }

    fn store(&mut self) -> &mut RedbStore {
        self.store.as_mut().expect("it is open")
    }

    /// With the files as they are now, and a change of the log.
    fn kill(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        let (database, log) = (self.database.copy(), self.log.copy());
        change(&mut log.0.lock());
        drop(self.store.take());
        *self = Self::open(database, log);
    }

    fn close(&mut self) {
        drop(self.store.take());
        *self = Self::open(self.database.copy(), self.log.copy());
    }
}

/// Writes a block over another, with the epoch of the first: that of the running store, if there was a commit.
fn forge(log: &mut [u8], block: usize, frame: u32, content: &[u8]) {
    let Some(epoch) = log.get(EPOCH).map(<[u8]>::to_vec) else {
        return;
    };
    let content = &content[..content.len().min(BLOCK_BYTES - HEADER_BYTES)];
    let start = block * BLOCK_BYTES;
    let Some(block) = log.get_mut(start..start + BLOCK_BYTES) else {
        return;
    };
    block.fill(0);
    block[..4].copy_from_slice(b"BSL\x01");
    block[FRAME].copy_from_slice(&frame.to_le_bytes());
    block[EPOCH].copy_from_slice(&epoch);
    // The first part of one.
    block[18] = 1;
    block[LENGTH].copy_from_slice(&(content.len() as u32).to_le_bytes());
    block[HEADER_BYTES..HEADER_BYTES + content.len()].copy_from_slice(content);
    let mut hasher = SipHasher13::new();
    hasher.write(&block[..CHECK.start]);
    hasher.write(content);
    let check = hasher.finish();
    block[CHECK].copy_from_slice(&check.to_le_bytes());
}

/// What must hold.
#[derive(Default)]
struct Known {
    /// Each version of each record that was ever committed.
    put: HashMap<u64, Vec<StoredRegistration>>,
    /// What the last commit of each id that was strict says, unless something has happened to the log since.
    durable: HashMap<u64, Option<StoredRegistration>>,
    /// Whether there may be records that were never committed.
    is_forged: bool,
}

impl Known {
    fn commit(&mut self, batch: &[StoreOp], pending: &mut Vec<StoreOp>, relaxed: bool) {
        for op in batch {
            if let StoreOp::Put(record) = op {
                self.put
                    .entry(record.id.0)
                    .or_default()
                    .push(record.clone());
            }
        }
        pending.extend(batch.iter().cloned());
        if relaxed {
            return;
        }
        for op in pending.drain(..) {
            match op {
                StoreOp::Put(record) => self.durable.insert(record.id.0, Some(record)),
                StoreOp::Remove(id) => self.durable.insert(id.0, None),
                _ => None,
            };
        }
    }

    fn check(&self, profile: &mut Profile) {
        let loaded = profile.store().load_all().expect("memory does not fail");
        assert!(loaded.records.is_sorted_by_key(|record| record.id));
        if !self.is_forged {
            assert!(loaded.set_aside.is_empty(), "what is damaged is no frame");
            for record in &loaded.records {
                let versions = self.put.get(&record.id.0);
                let was_put = versions.is_some_and(|versions| versions.contains(record));
                assert!(was_put, "{record:?} comes from nowhere");
            }
        }
        for (id, expected) in &self.durable {
            let mut found = loaded.records.iter();
            let found = found.find(|record| record.id.0 == *id);
            assert_eq!(found, expected.as_ref(), "what is durable stays");
            if expected.is_some() {
                assert!(loaded.next_id.0 > *id);
            }
        }
        let journal = profile
            .store()
            .load_journal()
            .expect("memory does not fail");
        assert!(journal.is_sorted_by_key(|entry| entry.sequence));
    }
}

/// A profile, and what is known of it.
struct Session {
    profile: Profile,
    known: Known,
    /// What was committed since the last strict commit.
    pending: Vec<StoreOp>,
}

fn durability(relaxed: bool) -> Durability {
    match relaxed {
        true => Durability::Relaxed,
        false => Durability::Strict,
    }
}

impl Session {
    fn take(&mut self, step: Step) {
        match step {
            Step::Commit(ops, relaxed) => {
                let batch: Vec<_> = ops.into_iter().filter_map(AnyOp::into_op).collect();
                let committed = self.profile.store().commit(&batch, durability(relaxed));
                committed.expect("memory does not fail");
                self.known.commit(&batch, &mut self.pending, relaxed);
            }
            Step::Journal {
                put,
                remove,
                keep_from,
                relaxed,
            } => {
                let update = JournalUpdate {
                    put: put.into_iter().map(AnyEntry::into_entry).collect(),
                    remove: remove
                        .map(|(first, last)| first..=last)
                        .into_iter()
                        .collect(),
                    keep_from,
                    next_sequence: 0,
                };
                let store = self.profile.store();
                let updated = store.update_journal(&update, durability(relaxed));
                updated.expect("memory does not fail");
                self.known.commit(&[], &mut self.pending, relaxed);
            }
            Step::Kill => self.kill(|_| {}),
            Step::Close => self.close(),
            Step::Damage(block, byte, value) => self.damage(|log| {
                let position = usize::from(block) % 16 * BLOCK_BYTES + usize::from(byte) % 256;
                if let Some(byte) = log.get_mut(position) {
                    *byte ^= value;
                }
            }),
            Step::Truncate(length) => self.damage(|log| log.truncate(usize::from(length))),
            Step::Copy(from, to) => self.damage(|log| {
                let (from, to) = (usize::from(from) % 16, usize::from(to) % 16);
                if log.len() == LOG_BYTES {
                    let start = from * BLOCK_BYTES;
                    log.copy_within(start..start + BLOCK_BYTES, to * BLOCK_BYTES);
                }
            }),
            Step::Forge(block, frame, content) => {
                self.known.is_forged = true;
                self.damage(|log| forge(log, usize::from(block) % 16, frame, &content));
            }
        }
    }

    fn kill(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        self.pending.clear();
        self.profile.kill(change);
        self.known.check(&mut self.profile);
    }

    /// Frames may be lost by this.
    fn damage(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        self.known.durable.clear();
        self.kill(change);
    }

    fn close(&mut self) {
        self.known.commit(&[], &mut self.pending, false);
        self.profile.close();
        self.known.check(&mut self.profile);
    }
}

/// Does it, and checks what is there after each start.
///
/// # Panics
/// On a finding.
pub fn run(steps: Vec<Step>) {
    let mut session = Session {
        profile: Profile::open(File::default(), File::default()),
        known: Known::default(),
        pending: Vec::new(),
    };
    for step in steps {
        session.take(step);
    }
    // It works still.
    session.close();
}
