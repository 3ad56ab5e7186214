//! Commits that use all of a store, and what it has after each.

use std::collections::BTreeMap;

use background_sync_core::*;
use background_sync_store::*;

/// What is stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    pub records: BTreeMap<u64, StoredRegistration>,
    pub origins: BTreeMap<String, StoredOrigin>,
    /// Their sequences.
    pub journal: Vec<u64>,
}

impl Model {
    /// What a store has now.
    pub fn load(store: &mut RedbStore) -> Self {
        let loaded = store.load_all().unwrap();
        assert_eq!(loaded.set_aside, []);
        let records = loaded.records.into_iter();
        let origins = loaded.origins.into_iter();
        let journal = store.load_journal().unwrap();
        Self {
            records: records.map(|record| (record.id.0, record)).collect(),
            origins: origins
                .map(|stored| (stored.origin.to_string(), stored))
                .collect(),
            journal: journal.iter().map(|entry| entry.sequence).collect(),
        }
    }

    pub fn apply(&mut self, commit: &Commit) {
        for op in &commit.batch {
            match op {
                StoreOp::Put(record) => drop(self.records.insert(record.id.0, record.clone())),
                StoreOp::Remove(id) => drop(self.records.remove(&id.0)),
                StoreOp::PutOrigin(stored) => {
                    let key = stored.origin.to_string();
                    self.origins.insert(key, stored.clone());
                }
                StoreOp::RemoveOrigin(origin) => drop(self.origins.remove(origin.as_str())),
            }
        }
        self.journal.extend(commit.entry);
    }

    /// After these.
    pub fn after<'c>(commits: impl IntoIterator<Item = &'c Commit>) -> Self {
        let mut model = Self::default();
        commits.into_iter().for_each(|commit| model.apply(commit));
        model
    }
}

/// One commit, and an entry of the journal that rides with it.
#[derive(Clone, Debug)]
pub struct Commit {
    pub batch: Vec<StoreOp>,
    pub entry: Option<u64>,
}

impl Commit {
    /// Commits it; the entry is always relaxed.
    pub fn run(&self, store: &mut RedbStore, durability: Durability) -> Result<(), StoreError> {
        if let Some(sequence) = self.entry {
            let entry = JournalEntry {
                sequence,
                at: WallTime(sequence),
                times: 1,
                what: SyncNotification::Restored { count: sequence },
            };
            let update = JournalUpdate {
                put: vec![entry],
                next_sequence: sequence + 1,
                ..JournalUpdate::default()
            };
            store.update_journal(&update, Durability::Relaxed)?;
        }
        store.commit(&self.batch, durability)
    }
}

pub fn sized(id: u64, bytes: usize, attempts: u64) -> StoredRegistration {
    StoredRegistration {
        tag: "t".repeat(bytes).as_str().try_into().unwrap(),
        attempts: u32::try_from(attempts).unwrap(),
        ..super::record(id)
    }
}

/// So many commits of 1 to 5 operations. Each thirteenth is long, so that it takes several blocks of the log; if `large`,
/// that is enough to fill it again and again.
pub fn commits(count: u64, large: bool) -> Vec<Commit> {
    let commit = |number: u64| {
        let mut batch = Vec::new();
        for part in 0..=number % 5 {
            let id = (number * 7 + part * 3) % 23;
            let bytes = match (number % 13, large) {
                (0, true) => 10_000,
                (0, false) => 3_000,
                _ => id * 37 % 900,
            };
            batch.push(match (number + part).is_multiple_of(4) {
                true => StoreOp::Remove(RegistrationId(id)),
                false => StoreOp::Put(sized(id, usize::try_from(bytes).unwrap(), number)),
            });
        }
        let origin: Origin = format!("https://{}.example", number % 4)
            .as_str()
            .try_into()
            .unwrap();
        if number.is_multiple_of(5) {
            batch.push(StoreOp::RemoveOrigin(origin));
        } else if number.is_multiple_of(2) {
            batch.push(StoreOp::PutOrigin(StoredOrigin {
                origin,
                fired_at: Some(WallTime(number)),
                extra: ExtraInterval::Ms(number),
            }));
        }
        let entry = Some(number);
        Commit { batch, entry }
    };
    (1..=count).map(commit).collect()
}
