//! The entries of the journal, in little memory: all but the newest are encoded, many together.

use std::collections::VecDeque;

use background_sync_core::{JournalEntry, ScopeKey};
use background_sync_store::{decode_entry, encode_entry};

/// So many entries are encoded together.
const CHUNK_ENTRIES: usize = 64;

/// Entries, the oldest first.
#[derive(Debug, Default)]
pub struct Entries {
    /// The oldest, as they leave.
    leaving: VecDeque<JournalEntry>,
    chunks: VecDeque<Chunk>,
    /// The newest, which may still change.
    newest: Vec<JournalEntry>,
}

impl Entries {
    pub fn len(&self) -> usize {
        let packed: usize = self.chunks.iter().map(Chunk::len).sum();
        self.leaving.len() + packed + self.newest.len()
    }

    pub fn newest(&self) -> Option<&JournalEntry> {
        self.newest.last()
    }

    pub fn newest_mut(&mut self) -> Option<&mut JournalEntry> {
        self.newest.last_mut()
    }

    pub fn push(&mut self, entry: JournalEntry) {
        if self.newest.len() >= 2 * CHUNK_ENTRIES {
            let next = self.newest.drain(..CHUNK_ENTRIES).collect();
            self.chunks.push_back(Chunk::new(next));
        }
        self.newest.push(entry);
    }

    pub fn pop_oldest(&mut self) -> Option<JournalEntry> {
        if self.leaving.is_empty() {
            self.leaving = match self.chunks.pop_front() {
                Some(chunk) => chunk.entries().into(),
                None => self.newest.drain(..self.newest.len().min(1)).collect(),
            };
        }
        self.leaving.pop_front()
    }

    pub fn oldest_sequence(&self) -> Option<u64> {
        let leaving = self.leaving.front().map(|entry| entry.sequence);
        let packed = || self.chunks.front().map(Chunk::first_sequence);
        let newest = || self.newest.first().map(|entry| entry.sequence);
        leaving.or_else(packed).or_else(newest)
    }

    pub fn iter(&self) -> impl Iterator<Item = JournalEntry> {
        let packed = self.chunks.iter().flat_map(Chunk::entries);
        let leaving = self.leaving.iter().cloned();
        leaving.chain(packed).chain(self.newest.iter().cloned())
    }

    pub fn newest_first(&self) -> impl Iterator<Item = JournalEntry> {
        let chunks = self.chunks.iter().rev();
        let packed = chunks.flat_map(|chunk| chunk.entries().into_iter().rev());
        let leaving = self.leaving.iter().rev().cloned();
        let newest = self.newest.iter().rev().cloned();
        newest.chain(packed).chain(leaving)
    }
}

impl FromIterator<JournalEntry> for Entries {
    fn from_iter<I: IntoIterator<Item = JournalEntry>>(iter: I) -> Self {
        let mut entries = Self::default();
        iter.into_iter().for_each(|entry| entries.push(entry));
        entries
    }
}

/// Some entries that follow each other.
#[derive(Debug)]
enum Chunk {
    Encoded {
        first_sequence: u64,
        count: usize,
        /// What the entries are about, each once.
        scopes: Box<[ScopeKey]>,
        /// Of each entry: its place in `scopes`, one byte; its length, two bytes; and as the store encodes it, with an empty
        /// scope.
        bytes: Box<[u8]>,
    },
    /// One of them can't be encoded, or would not come back.
    Plain(Box<[JournalEntry]>),
}

impl Chunk {
    /// Of at least one entry, and no more than [`CHUNK_ENTRIES`].
    fn new(entries: Vec<JournalEntry>) -> Self {
        match Self::encode(&entries) {
            Some(chunk) => chunk,
            None => Self::Plain(entries.into()),
        }
    }

    fn encode(entries: &[JournalEntry]) -> Option<Self> {
        let empty = ScopeKey {
            origin: "".try_into().ok()?,
            scope: "".try_into().ok()?,
        };
        let mut scopes: Vec<ScopeKey> = Vec::new();
        let mut bytes = Vec::new();
        for entry in entries {
            let mut entry = entry.clone();
            let mut place = 0;
            if let Some(scope) = entry.what.scope_mut() {
                place = match scopes.iter().position(|known| known == scope) {
                    Some(place) => place,
                    None => {
                        scopes.push(scope.clone());
                        scopes.len() - 1
                    }
                };
                *scope = empty.clone();
            }
            let encoded = encode_entry(&entry).ok()?;
            // It is to come back: what can't is not worth the end of the manager.
            decode_entry(&encoded).ok()?;
            bytes.push(u8::try_from(place).ok()?);
            bytes.extend(u16::try_from(encoded.len()).ok()?.to_le_bytes());
            bytes.extend(encoded);
        }
        Some(Self::Encoded {
            first_sequence: entries.first()?.sequence,
            count: entries.len(),
            scopes: scopes.into(),
            bytes: bytes.into(),
        })
    }

    fn len(&self) -> usize {
        match self {
            Self::Encoded { count, .. } => *count,
            Self::Plain(entries) => entries.len(),
        }
    }

    fn first_sequence(&self) -> u64 {
        match self {
            Self::Encoded { first_sequence, .. } => *first_sequence,
            Self::Plain(entries) => entries.first().map_or(0, |entry| entry.sequence),
        }
    }

    fn entries(&self) -> Vec<JournalEntry> {
        match self {
            Self::Encoded {
                count,
                scopes,
                bytes,
                ..
            } => {
                let mut entries = Vec::with_capacity(*count);
                let mut rest = &bytes[..];
                while let [place, low, high, following @ ..] = rest {
                    let length = u16::from_le_bytes([*low, *high]).into();
                    let (encoded, next) = following.split_at(length);
                    let mut entry =
                        decode_entry(encoded).expect("this was tried when it was encoded");
                    if let Some(scope) = entry.what.scope_mut() {
                        *scope = scopes[usize::from(*place)].clone();
                    }
                    entries.push(entry);
                    rest = next;
                }
                entries
            }
            Self::Plain(entries) => entries.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use background_sync_core::{
        StorageProblem, StoreFault, SyncApi, SyncNotification, Tag, WallTime,
    };

    use super::*;

    fn entry(sequence: u64, text: &str) -> JournalEntry {
        let url = format!("https://{}.example/", sequence % 3);
        let scope = ScopeKey {
            origin: url.as_str().try_into().expect("it is short"),
            scope: url.as_str().try_into().expect("it is short"),
        };
        let tag = Tag::try_from(sequence.to_string()).expect("it is short");
        let fault = StoreFault::new(StorageProblem::default(), text);
        JournalEntry {
            sequence,
            at: WallTime(sequence * 1_000),
            times: 1,
            what: match sequence % 2 {
                0 => SyncNotification::Restored { count: sequence },
                _ => SyncNotification::StorageFailed {
                    api: SyncApi::OneShot,
                    scope,
                    tag,
                    fault,
                },
            },
        }
    }

    #[test]
    fn they_come_back_as_they_were_and_leave_in_their_order() {
        let all: Vec<_> = (5..1_000).map(|number| entry(number, "full")).collect();
        let mut entries: Entries = all.iter().cloned().collect();
        assert!(entries.iter().eq(all.iter().cloned()));
        assert!(entries.newest_first().eq(all.iter().rev().cloned()));
        for (number, expected) in all.iter().enumerate() {
            assert_eq!(entries.len(), all.len() - number);
            assert_eq!(entries.oldest_sequence(), Some(expected.sequence));
            assert_eq!(entries.newest(), all.last());
            assert!(number % 100 > 0 || entries.iter().eq(all[number..].iter().cloned()));
            assert_eq!(entries.pop_oldest().as_ref(), Some(expected));
        }
        assert_eq!((entries.len(), entries.pop_oldest()), (0, None));
    }

    #[test]
    fn what_can_not_be_encoded_is_kept_as_it_is() {
        // No record is as long as one of them.
        let long = "x".repeat(1_000_000);
        let text = |number| if number == 7 { long.as_str() } else { "" };
        let all: Vec<_> = (0..200).map(|number| entry(number, text(number))).collect();
        let entries: Entries = all.iter().cloned().collect();
        assert!(matches!(entries.chunks[0], Chunk::Plain(_)));
        assert!(matches!(entries.chunks[1], Chunk::Encoded { .. }));
        assert!(entries.iter().eq(all.iter().cloned()));
    }
}
