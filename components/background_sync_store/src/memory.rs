//! A store in memory, for private profiles and tests.

use std::collections::BTreeMap;

use background_sync_core::{
    JournalEntry, Origin, RegistrationId, StoreOp, StoredOrigin, StoredRegistration,
};

use crate::{Durability, JournalUpdate, Loaded, RegistrationStore, StoreError};

/// A store that forgets with its process: for private profiles and for tests. A clone has its own
/// copy.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    records: BTreeMap<RegistrationId, StoredRegistration>,
    next_id: RegistrationId,
    origins: BTreeMap<Origin, StoredOrigin>,
    journal: BTreeMap<u64, JournalEntry>,
    next_entry: u64,
}

impl MemoryStore {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What it holds.
    #[must_use]
    pub fn records(&self) -> &BTreeMap<RegistrationId, StoredRegistration> {
        &self.records
    }
}

impl RegistrationStore for MemoryStore {
    fn load_all(&mut self) -> Result<Loaded, StoreError> {
        Ok(Loaded {
            records: self.records.values().cloned().collect(),
            origins: self.origins.values().cloned().collect(),
            next_id: self.next_id,
            ..Loaded::default()
        })
    }

    fn commit(&mut self, batch: &[StoreOp], _durability: Durability) -> Result<(), StoreError> {
        for op in batch {
            match op {
                StoreOp::Put(record) => {
                    let after = RegistrationId(record.id.0.saturating_add(1));
                    self.next_id = self.next_id.max(after);
                    self.records.insert(record.id, record.clone());
                }
                StoreOp::Remove(id) => drop(self.records.remove(id)),
                StoreOp::PutOrigin(stored) => {
                    self.origins.insert(stored.origin.clone(), stored.clone());
                }
                StoreOp::RemoveOrigin(origin) => drop(self.origins.remove(origin)),
            }
        }
        Ok(())
    }

    fn load_journal(&mut self) -> Result<Vec<JournalEntry>, StoreError> {
        Ok(self.journal.values().cloned().collect())
    }

    fn update_journal(
        &mut self,
        update: &JournalUpdate,
        _durability: Durability,
    ) -> Result<(), StoreError> {
        self.journal.retain(|sequence, _| {
            let mut gone = update.remove.iter();
            *sequence >= update.keep_from && !gone.any(|range| range.contains(sequence))
        });
        for entry in &update.put {
            self.journal.insert(entry.sequence, entry.clone());
        }
        self.next_entry = self.next_entry.max(update.next_sequence);
        Ok(())
    }

    fn next_journal_sequence(&mut self) -> Result<u64, StoreError> {
        Ok(self.next_entry)
    }
}
