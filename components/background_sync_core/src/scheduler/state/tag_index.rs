//! Which registration has a tag.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use crate::{RegistrationId, Tag};

/// The ids of registrations by their tags. The tags themselves are the registrations': a map with tags of its own would be
/// more than twice as large.
#[derive(Debug, Default)]
pub struct TagIndex {
    /// Pages choose the tags, so what they hash to must not be foreseen.
    hasher: RandomState,
    entries: HashTable<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// So that the table can grow without the tags.
    hash: u32,
    /// In halves: then an entry takes 12 bytes instead of 16.
    id: [u32; 2],
}

impl Entry {
    fn id(&self) -> RegistrationId {
        let [high, low] = self.id.map(u64::from);
        RegistrationId((high << 32) | low)
    }
}

impl TagIndex {
    /// The registration that has `tag`; `tag_of` says which tag one of those here has.
    pub fn get<'a>(
        &self,
        tag: &Tag,
        tag_of: impl Fn(RegistrationId) -> Option<&'a Tag>,
    ) -> Option<RegistrationId> {
        let hash = self.hash(tag);
        let has_tag = |entry: &Entry| entry.hash == hash && tag_of(entry.id()) == Some(tag);
        self.entries.find(spread(hash), has_tag).map(Entry::id)
    }

    /// No other registration here may have this tag.
    pub fn insert(&mut self, tag: &Tag, id: RegistrationId) {
        let hash = self.hash(tag);
        let entry = Entry {
            hash,
            id: [(id.0 >> 32) as u32, id.0 as u32],
        };
        self.entries
            .insert_unique(spread(hash), entry, |entry| spread(entry.hash));
    }

    pub fn remove(&mut self, tag: &Tag, id: RegistrationId) {
        let hash = spread(self.hash(tag));
        if let Ok(entry) = self.entries.find_entry(hash, |entry| entry.id() == id) {
            entry.remove();
        }
    }

    fn hash(&self, tag: &Tag) -> u32 {
        (self.hasher.hash_one(tag) >> 32) as u32
    }
}

/// The table looks at the highest and at the lowest bits.
fn spread(hash: u32) -> u64 {
    (u64::from(hash) << 32) | u64::from(hash)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn tag(number: u64) -> Tag {
        Tag::try_from(format!("tag {number}")).expect("it is short")
    }

    #[test]
    fn each_tag_leads_to_its_registration_until_that_is_removed() {
        // Ids that need both halves, and differ in one of them only.
        let id = |number: u64| RegistrationId((number << 32) | (number % 3));
        let mut index = TagIndex::default();
        let mut tags = HashMap::new();
        for number in 1..=5_000 {
            index.insert(&tag(number), id(number));
            tags.insert(id(number), tag(number));
        }
        for number in (2..=5_000).step_by(2) {
            index.remove(&tag(number), id(number));
            tags.remove(&id(number));
        }
        for number in 1..=5_000 {
            let expected = (number % 2 == 1).then(|| id(number));
            assert_eq!(index.get(&tag(number), |id| tags.get(&id)), expected);
        }
        assert_eq!(index.entries.len(), 2_500);
    }
}
