//! What has changed and is not in the database yet.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use background_sync_core::{JournalEntry, RegistrationId, StoreOp, StoredOrigin};
use serde::{Deserialize, Serialize};

use crate::codec::Decoder;
use crate::{
    CodecError, JournalUpdate, Loaded, SetAside, decode_entry, decode_origin, encode, encode_entry,
    encode_origin,
};

/// The sum of some commits. Records are kept as they are encoded, for the log and the database alike. What is written to
/// the log is this, with the fields in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changes {
    /// By id; `None` for one that is gone.
    pub records: BTreeMap<u64, Option<Vec<u8>>>,
    /// By origin; `None` if nothing is kept about it any more.
    pub origins: BTreeMap<String, Option<Vec<u8>>>,
    /// The first id that was never used, as far as this tells.
    pub next_id: u64,
    /// Of the journal. First these go,
    pub removed_entries: Vec<RangeInclusive<u64>>,
    /// and all before this one,
    pub keep_from: u64,
    /// and then these are put, by sequence.
    pub entries: BTreeMap<u64, Vec<u8>>,
    /// The first sequence that was never used, if the last entries do not tell it; otherwise 0.
    pub next_entry: u64,
}

impl Changes {
    /// What a batch changes.
    pub fn of(batch: &[StoreOp]) -> Result<Self, CodecError> {
        let mut changes = Self::default();
        for op in batch {
            match op {
                StoreOp::Put(record) => {
                    let id = record.id.0;
                    changes.records.insert(id, Some(encode(record)?));
                    changes.next_id = changes.next_id.max(id.saturating_add(1));
                }
                StoreOp::Remove(id) => drop(changes.records.insert(id.0, None)),
                StoreOp::PutOrigin(stored) => {
                    let key = stored.origin.as_str().to_owned();
                    changes.origins.insert(key, Some(encode_origin(stored)?));
                }
                StoreOp::RemoveOrigin(origin) => {
                    changes.origins.insert(origin.as_str().to_owned(), None);
                }
            }
        }
        Ok(changes)
    }

    /// What an update of the journal changes.
    pub fn of_journal(update: &JournalUpdate) -> Self {
        let kept = update.put.iter();
        let kept = kept.filter(|entry| entry.sequence >= update.keep_from);
        // One that is too long is not worth a fault.
        let entries = kept.filter_map(|entry| Some((entry.sequence, encode_entry(entry).ok()?)));
        Self {
            entries: entries.collect(),
            removed_entries: update.remove.clone(),
            keep_from: update.keep_from,
            // Otherwise the last entry tells.
            next_entry: match update.remove.is_empty() {
                true => 0,
                false => update.next_sequence,
            },
            ..Self::default()
        }
    }

    /// What a database has.
    pub fn of_everything(loaded: Loaded, journal: Vec<JournalEntry>, next_entry: u64) -> Self {
        let mut everything = Self::of_journal(&JournalUpdate {
            put: journal,
            ..JournalUpdate::default()
        });
        everything.next_entry = next_entry;
        // What was decoded can be encoded.
        let records = loaded.records.iter();
        let records = records.filter_map(|record| Some((record.id.0, Some(encode(record).ok()?))));
        everything.records = records.collect();
        let origins = loaded.origins.iter();
        let origin = |stored: &StoredOrigin| {
            let key = stored.origin.as_str().to_owned();
            Some((key, Some(encode_origin(stored).ok()?)))
        };
        everything.origins = origins.filter_map(origin).collect();
        everything
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        let Self {
            records,
            origins,
            next_id: _,
            removed_entries,
            keep_from,
            entries,
            next_entry,
        } = self;
        records.is_empty()
            && origins.is_empty()
            && removed_entries.is_empty()
            && *keep_from == 0
            && entries.is_empty()
            && *next_entry == 0
    }

    /// Whether it has anything about the journal.
    pub fn has_journal(&self) -> bool {
        !self.removed_entries.is_empty() || self.keep_from > 0 || !self.entries.is_empty()
    }

    /// About so many bytes of memory, and at least so many as encoded.
    pub fn bytes(&self) -> usize {
        /// For a key, a length, and what else is kept with it.
        const EACH: usize = 24;
        let length = |bytes: &Option<Vec<u8>>| EACH + bytes.as_ref().map_or(0, Vec::len);
        let records: usize = self.records.values().map(length).sum();
        let origins = self.origins.iter();
        let origins: usize = origins.map(|(key, bytes)| key.len() + length(bytes)).sum();
        let entries: usize = self.entries.values().map(|bytes| EACH + bytes.len()).sum();
        records + origins + entries + EACH * (self.removed_entries.len() + 3)
    }

    /// Adds later changes to these.
    pub fn merge(&mut self, later: Self) {
        self.records.extend(later.records);
        self.origins.extend(later.origins);
        self.next_id = self.next_id.max(later.next_id);
        if later.keep_from > 0 {
            self.entries = self.entries.split_off(&later.keep_from);
        }
        if !later.removed_entries.is_empty() {
            let stays = stays(&later.removed_entries, 0);
            self.entries.retain(|sequence, _| stays(*sequence));
        }
        self.removed_entries.extend(later.removed_entries);
        self.keep_from = self.keep_from.max(later.keep_from);
        self.entries.extend(later.entries);
        self.next_entry = self.next_entry.max(later.next_entry);
    }

    /// Brings up to date what was loaded from the database.
    pub fn apply(&self, loaded: &mut Loaded) {
        if !self.records.is_empty() {
            let is_older = |id: RegistrationId| !self.records.contains_key(&id.0);
            loaded.records.retain(|record| is_older(record.id));
            loaded.set_aside.retain(|record| is_older(record.id));
            let mut decoder = Decoder::default();
            for (&id, bytes) in &self.records {
                let Some(bytes) = bytes else { continue };
                match decoder.decode_at(RegistrationId(id), bytes) {
                    Ok(record) => loaded.records.push(record),
                    Err(reason) => loaded.set_aside.push(SetAside {
                        id: RegistrationId(id),
                        reason,
                    }),
                }
            }
            loaded.records.sort_by_key(|record| record.id);
        }
        for (key, bytes) in &self.origins {
            loaded
                .origins
                .retain(|stored| stored.origin.as_str() != key);
            match bytes.as_deref().map(decode_origin) {
                Some(Ok(stored)) if stored.origin.as_str() == key => loaded.origins.push(stored),
                Some(_) => log::error!("what was kept about {key} can't be read"),
                None => {}
            }
        }
        if !self.origins.is_empty() {
            let key = |stored: &StoredOrigin| stored.origin.clone();
            loaded.origins.sort_by_cached_key(key);
        }
        loaded.next_id = loaded.next_id.max(RegistrationId(self.next_id));
    }

    /// The same for the journal.
    pub fn apply_to_journal(&self, journal: &mut Vec<JournalEntry>) {
        if !self.has_journal() {
            return;
        }
        let stays = stays(&self.removed_entries, self.keep_from);
        let is_older = |entry: &JournalEntry| {
            stays(entry.sequence) && !self.entries.contains_key(&entry.sequence)
        };
        journal.retain(is_older);
        for (&sequence, bytes) in &self.entries {
            match decode_entry(bytes) {
                Ok(entry) if entry.sequence == sequence => journal.push(entry),
                _ => log::warn!("entry {sequence} of the journal can't be read"),
            }
        }
        journal.sort_by_key(|entry| entry.sequence);
    }
}

/// Which entries of the journal stay.
fn stays(removed: &[RangeInclusive<u64>], keep_from: u64) -> impl Fn(u64) -> bool {
    move |sequence| sequence >= keep_from && !removed.iter().any(|range| range.contains(&sequence))
}
