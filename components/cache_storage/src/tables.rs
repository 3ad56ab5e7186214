//! The index: which pairs each cache has, in order, and where each URL's pairs are.

use std::hash::Hasher;

use redb::{
    Database, MultimapTableDefinition, ReadTransaction, ReadableDatabase, ReadableTable,
    TableDefinition, TableError, WriteTransaction,
};
use siphasher::sip::SipHasher13;

use crate::CacheError;
use crate::body::FinishedBody;
use crate::codec::{EntryRecord, StoredBody, decode_entry, encode_entry};
use crate::head::{QueryOptions, RequestHead};
use crate::keys::{CacheId, EntryKey};
use crate::matching::{path_key, request_matches, url_key};
use crate::medium::FileId;

const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// Ids ascend in the order in which caches were made. A cache whose name leads elsewhere was deleted and is in use.
const CACHES: TableDefinition<u64, &[u8]> = TableDefinition::new("caches");
const NAMES: TableDefinition<&[u8], u64> = TableDefinition::new("names");
/// By cache and entry: entries ascend in the order in which they were added.
const ENTRIES: TableDefinition<(u64, u64), &[u8]> = TableDefinition::new("entries");
const INLINE_BODIES: TableDefinition<u64, &[u8]> = TableDefinition::new("inline_bodies");
/// Which entry a file belongs to.
const FILES: TableDefinition<u64, u64> = TableDefinition::new("files");
/// By cache and hash of the URL without its fragment.
const BY_URL: MultimapTableDefinition<(u64, u64), u64> = MultimapTableDefinition::new("by_url");
/// By cache and hash of the URL without its query.
const BY_PATH: MultimapTableDefinition<(u64, u64), u64> = MultimapTableDefinition::new("by_path");

const SCHEMA: &str = "schema_version";
const NEXT_CACHE: &str = "next_cache";
const NEXT_ENTRY: &str = "next_entry";
const STORED_BYTES: &str = "stored_bytes";

type Result<T> = std::result::Result<T, redb::Error>;

/// What a batch was refused for, or what the index says.
pub(crate) enum Fault {
    Refused(CacheError),
    Index(redb::Error),
}

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Index(error.into())
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// The version of the tables; `None` if there are none yet.
pub(crate) fn schema(database: &Database) -> Result<Option<u64>> {
    let read = database.begin_read()?;
    match read.open_table(META) {
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        table => Ok(table?.get(SCHEMA)?.map(|value| value.value())),
    }
}

pub(crate) fn create(database: &Database, version: u64) -> Result<()> {
    let write = database.begin_write()?;
    write.open_table(META)?.insert(SCHEMA, version)?;
    write.open_table(CACHES)?;
    write.open_table(NAMES)?;
    write.open_table(ENTRIES)?;
    write.open_table(INLINE_BODIES)?;
    write.open_table(FILES)?;
    write.open_multimap_table(BY_URL)?;
    write.open_multimap_table(BY_PATH)?;
    write.commit()?;
    Ok(())
}

/// One state of the index, for any number of questions.
pub(crate) struct Snapshot(ReadTransaction);

impl Snapshot {
    pub fn new(database: &Database) -> Result<Self> {
        Ok(Self(database.begin_read()?))
    }

    pub fn stored_bytes(&self) -> Result<u64> {
        let value = self.0.open_table(META)?.get(STORED_BYTES)?;
        Ok(value.map_or(0, |value| value.value()))
    }

    pub fn files(&self) -> Result<Vec<FileId>> {
        let table = self.0.open_table(FILES)?;
        let ids = table.range::<u64>(..)?;
        ids.map(|entry| Ok(FileId(entry?.0.value()))).collect()
    }

    pub fn cache_of(&self, name: &[u8]) -> Result<Option<CacheId>> {
        let id = self.0.open_table(NAMES)?.get(name)?;
        Ok(id.map(|id| CacheId(id.value())))
    }

    pub fn exists(&self, cache: CacheId) -> Result<bool> {
        Ok(self.0.open_table(CACHES)?.get(cache.0)?.is_some())
    }

    /// In the order in which they were made.
    pub fn names(&self) -> Result<Vec<(CacheId, Vec<u8>)>> {
        let named = self.0.open_table(NAMES)?;
        let mut names = Vec::new();
        for cache in self.0.open_table(CACHES)?.range::<u64>(..)? {
            let (id, name) = cache?;
            let (id, name) = (id.value(), name.value().to_vec());
            if named.get(name.as_slice())?.map(|id| id.value()) == Some(id) {
                names.push((CacheId(id), name));
            }
        }
        Ok(names)
    }

    /// Caches without a name.
    pub fn doomed(&self) -> Result<Vec<CacheId>> {
        let names = self.names()?;
        let named: std::collections::HashSet<u64> = names.iter().map(|(id, _)| id.0).collect();
        let mut doomed = Vec::new();
        for cache in self.0.open_table(CACHES)?.range::<u64>(..)? {
            let id = cache?.0.value();
            if !named.contains(&id) {
                doomed.push(CacheId(id));
            }
        }
        Ok(doomed)
    }

    /// The pairs that match, in their order, at most `limit` of them.
    ///
    /// <https://w3c.github.io/ServiceWorker/#query-cache-algorithm>
    pub fn query(
        &self,
        cache: CacheId,
        request: Option<&RequestHead>,
        options: QueryOptions,
        limit: usize,
    ) -> Result<Vec<(EntryKey, EntryRecord)>> {
        let entries = self.0.open_table(ENTRIES)?;
        let Some(request) = request else {
            return all_entries(&entries, cache, limit);
        };
        let (by, key) = if options.ignore_search {
            (BY_PATH, hash(path_key(&request.url)))
        } else {
            (BY_URL, hash(url_key(&request.url)))
        };
        let by = self.0.open_multimap_table(by)?;
        let mut found = Vec::new();
        for entry in by.get((cache.0, key))? {
            let id = EntryKey {
                cache,
                entry: entry?.value(),
            };
            if let Some(record) = matching(&entries, id, request, options)? {
                found.push((id, record));
                if found.len() == limit {
                    break;
                }
            }
        }
        Ok(found)
    }

    pub fn inline_body(&self, entry: EntryKey) -> Result<Option<Vec<u8>>> {
        let bytes = self.0.open_table(INLINE_BODIES)?.get(entry.entry)?;
        Ok(bytes.map(|bytes| bytes.value().to_vec()))
    }
}

fn all_entries(
    entries: &impl ReadableTable<(u64, u64), &'static [u8]>,
    cache: CacheId,
    limit: usize,
) -> Result<Vec<(EntryKey, EntryRecord)>> {
    let mut found = Vec::new();
    for entry in entries.range((cache.0, 0)..=(cache.0, u64::MAX))? {
        let (key, bytes) = entry?;
        let id = EntryKey {
            cache,
            entry: key.value().1,
        };
        if let Some(record) = decoded(bytes.value()) {
            found.push((id, record));
        }
        if found.len() == limit {
            break;
        }
    }
    Ok(found)
}

/// A record that does not decode costs itself alone: it is as if it were not there.
fn decoded(bytes: &[u8]) -> Option<EntryRecord> {
    decode_entry(bytes)
        .inspect_err(|error| log::warn!("A stored response can't be read: {error}"))
        .ok()
}

fn matching(
    entries: &impl ReadableTable<(u64, u64), &'static [u8]>,
    id: EntryKey,
    request: &RequestHead,
    options: QueryOptions,
) -> Result<Option<EntryRecord>> {
    let Some(bytes) = entries.get((id.cache.0, id.entry))? else {
        return Ok(None);
    };
    let record = decoded(bytes.value());
    Ok(record.filter(|record| {
        request_matches(request, &record.request, Some(&record.response), options)
    }))
}

/// A change of the index. Dropped before it is committed, it changes nothing.
pub(crate) struct Change {
    write: WriteTransaction,
    /// Files that nothing refers to after this change.
    pub removed_files: Vec<FileId>,
    pub stored_bytes: u64,
}

impl Change {
    pub fn begin(database: &Database) -> Result<Self> {
        let write = database.begin_write()?;
        let stored_bytes = {
            let meta = write.open_table(META)?;
            let value = meta.get(STORED_BYTES)?;
            value.map_or(0, |value| value.value())
        };
        Ok(Self {
            write,
            removed_files: Vec::new(),
            stored_bytes,
        })
    }

    pub fn commit(self) -> Result<()> {
        self.write
            .open_table(META)?
            .insert(STORED_BYTES, self.stored_bytes)?;
        self.write.commit()?;
        Ok(())
    }

    fn next_id(&self, counter: &str) -> Result<u64> {
        let mut meta = self.write.open_table(META)?;
        let id = meta.get(counter)?.map_or(0, |value| value.value());
        meta.insert(counter, id + 1)?;
        Ok(id)
    }

    pub fn create_cache(&self, name: &[u8]) -> Result<CacheId> {
        let id = self.next_id(NEXT_CACHE)?;
        self.write.open_table(CACHES)?.insert(id, name)?;
        self.write.open_table(NAMES)?.insert(name, id)?;
        Ok(CacheId(id))
    }

    /// Its entries stay until [`Change::remove_cache`].
    pub fn remove_name(&self, name: &[u8]) -> Result<Option<CacheId>> {
        let mut names = self.write.open_table(NAMES)?;
        let id = names.remove(name)?;
        Ok(id.map(|id| CacheId(id.value())))
    }

    pub fn remove_cache(&mut self, cache: CacheId) -> Result<()> {
        let keys: Vec<u64> = {
            let entries = self.write.open_table(ENTRIES)?;
            let range = entries.range((cache.0, 0)..=(cache.0, u64::MAX))?;
            range
                .map(|entry| Ok(entry?.0.value().1))
                .collect::<Result<_>>()?
        };
        for entry in keys {
            self.remove_entry(EntryKey { cache, entry })?;
        }
        self.write.open_table(CACHES)?.remove(cache.0)?;
        Ok(())
    }

    /// Removes all pairs that match, and says how many there were.
    pub fn remove_matching(
        &mut self,
        cache: CacheId,
        request: &RequestHead,
        options: QueryOptions,
    ) -> Result<usize> {
        let matched = {
            let entries = self.write.open_table(ENTRIES)?;
            let (by, key) = if options.ignore_search {
                (BY_PATH, hash(path_key(&request.url)))
            } else {
                (BY_URL, hash(url_key(&request.url)))
            };
            let by = self.write.open_multimap_table(by)?;
            let mut matched = Vec::new();
            for entry in redb::ReadableMultimapTable::get(&by, (cache.0, key))? {
                let id = EntryKey {
                    cache,
                    entry: entry?.value(),
                };
                if matching(&entries, id, request, options)?.is_some() {
                    matched.push(id);
                }
            }
            matched
        };
        for id in &matched {
            self.remove_entry(*id)?;
        }
        Ok(matched.len())
    }

    pub fn remove_entry(&mut self, id: EntryKey) -> Result<()> {
        let (record, head_bytes) = {
            let mut entries = self.write.open_table(ENTRIES)?;
            let Some(bytes) = entries.remove((id.cache.0, id.entry))? else {
                return Ok(());
            };
            (decoded(bytes.value()), bytes.value().len() as u64)
        };
        self.write.open_table(INLINE_BODIES)?.remove(id.entry)?;
        self.stored_bytes = self.stored_bytes.saturating_sub(head_bytes);
        // One that can't be read leaves its keys behind, which lead nowhere, and its file to the next start.
        let Some(record) = record else {
            return Ok(());
        };
        self.stored_bytes = self.stored_bytes.saturating_sub(record.body.length());
        if let StoredBody::File { id, .. } = record.body {
            self.write.open_table(FILES)?.remove(id.0)?;
            self.removed_files.push(id);
        }
        for (by, key) in url_keys(id.cache, &record.request) {
            self.write.open_multimap_table(by)?.remove(key, id.entry)?;
        }
        Ok(())
    }

    /// Adds a pair at the end of the list.
    pub fn add_entry(
        &mut self,
        cache: CacheId,
        record: &EntryRecord,
        body: &FinishedBody,
    ) -> std::result::Result<(), Fault> {
        let too_long = |_| Fault::Refused(CacheError::TooLong);
        let bytes = encode_entry(record).map_err(too_long)?;
        let entry = self.next_id(NEXT_ENTRY)?;
        self.write
            .open_table(ENTRIES)?
            .insert((cache.0, entry), bytes.as_slice())?;
        match record.body {
            StoredBody::None => {}
            StoredBody::Inline { .. } => {
                self.write
                    .open_table(INLINE_BODIES)?
                    .insert(entry, body.inline.as_slice())?;
            }
            StoredBody::File { id, .. } => {
                self.write.open_table(FILES)?.insert(id.0, entry)?;
            }
        }
        for (by, key) in url_keys(cache, &record.request) {
            self.write.open_multimap_table(by)?.insert(key, entry)?;
        }
        self.stored_bytes += bytes.len() as u64 + record.body.length();
        Ok(())
    }
}

type UrlKey = (
    MultimapTableDefinition<'static, (u64, u64), u64>,
    (u64, u64),
);

fn url_keys(cache: CacheId, request: &RequestHead) -> [UrlKey; 2] {
    [
        (BY_URL, (cache.0, hash(url_key(&request.url)))),
        (BY_PATH, (cache.0, hash(path_key(&request.url)))),
    ]
}
