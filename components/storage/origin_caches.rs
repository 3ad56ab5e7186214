/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The caches of one origin, and what its pages and workers hold of them.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::path::PathBuf;
use std::sync::Arc;

use cache_storage::{
    BodyDraft, BodyReader, CacheStore, FolderMedium, Found, FoundBody as StoredBody, Limits,
    Operation,
};
use log::warn;
use servo_url::ImmutableOrigin;
use storage_traits::cache_storage::{
    CacheCall, CacheCallback, CacheError, CacheOperation, CacheReply, FoundBody, FoundResponse,
    MAX_APPENDED_BYTES, MatchScope, QueryOptions, ReadBody, RequestHead, Take, WrittenBody,
};
use uuid::Uuid;

use crate::durability::DatabaseFolder;

/// Of what an origin may store, in bytes: as client storage tells it to pages.
const MAX_ORIGIN_BYTES: u64 = crate::client_storage::STORAGE_SHELF_QUOTA_BYTES;

/// An origin has so many caches at most.
const MAX_CACHES: usize = 10_000;

/// So many bodies of an origin are written at a time, and so many wait to be read. The oldest gives way.
const MAX_WRITTEN_BODIES: usize = 4_096;
const MAX_READ_BODIES: usize = 16_384;

/// So many of them have their file open; the one that was read longest ago is closed until it is read again.
const MAX_OPEN_FILES: usize = 32;

type Answer = Result<CacheReply, CacheError>;

/// Answers a call that nobody can do.
pub(crate) fn refuse(call: CacheCall, error: CacheError) {
    let callback = match call {
        CacheCall::Has { callback, .. }
        | CacheCall::Open { callback, .. }
        | CacheCall::Delete { callback, .. }
        | CacheCall::Names { callback }
        | CacheCall::Match { callback, .. }
        | CacheCall::Keys { callback, .. }
        | CacheCall::Batch { callback, .. }
        | CacheCall::Append { callback, .. }
        | CacheCall::Read { callback, .. } => callback,
        CacheCall::Release { .. } | CacheCall::Abandon { .. } | CacheCall::Close { .. } => return,
    };
    answer(&callback, Err(error));
}

fn answer(callback: &CacheCallback, answer: Answer) {
    if callback.send(answer).is_err() {
        warn!("Nobody waits for an answer of the Cache API.");
    }
}

pub(crate) struct OriginCaches<F> {
    origin: ImmutableOrigin,
    find_folder: F,
    /// Opened by the first call; what can't be opened is tried again by the next.
    store: Option<CacheStore>,
    written: Held<WrittenBody, BodyDraft>,
    read: Held<ReadBody, BodyReader>,
    /// Those whose file is open, the one that was read last at the end.
    open_files: VecDeque<ReadBody>,
}

impl<F: Fn() -> Result<PathBuf, CacheError>> OriginCaches<F> {
    pub(crate) fn new(origin: ImmutableOrigin, find_folder: F) -> Self {
        Self {
            origin,
            find_folder,
            store: None,
            written: Held::new(MAX_WRITTEN_BODIES),
            read: Held::new(MAX_READ_BODIES),
            open_files: VecDeque::new(),
        }
    }

    pub(crate) fn handle(&mut self, call: CacheCall) {
        match call {
            CacheCall::Has { name, callback } => answer(&callback, self.has(&name)),
            CacheCall::Open { name, callback } => answer(&callback, self.open(&name)),
            CacheCall::Delete { name, callback } => answer(&callback, self.delete(&name)),
            CacheCall::Names { callback } => answer(&callback, self.names()),
            CacheCall::Release { cache } => {
                if let Some(store) = &mut self.store {
                    store.release_cache(cache);
                }
            }
            CacheCall::Match {
                scope,
                request,
                options,
                take,
                callback,
            } => {
                let found = self.find(&scope, request.as_ref(), options, take);
                answer(&callback, found);
            }
            CacheCall::Keys {
                cache,
                request,
                options,
                callback,
            } => {
                let store = self.store();
                let keys = store.and_then(|store| store.keys(cache, request.as_ref(), options));
                answer(&callback, keys.map(CacheReply::Requests));
            }
            CacheCall::Batch {
                cache,
                operations,
                callback,
            } => {
                let operations = self.with_bodies(operations);
                let done = operations.and_then(|it| self.store()?.commit(cache, it));
                answer(&callback, done.map(CacheReply::Bool));
            }
            CacheCall::Append {
                body,
                bytes,
                callback,
            } => answer(&callback, self.append(body, &bytes)),
            CacheCall::Abandon { body } => {
                self.written.remove(&body);
            }
            CacheCall::Read { body, callback } => answer(&callback, self.read(body)),
            CacheCall::Close { body } => {
                self.read.remove(&body);
                self.open_files.retain(|open| *open != body);
            }
        }
    }

    fn store(&mut self) -> Result<&mut CacheStore, CacheError> {
        if self.store.is_none() {
            let folder = (self.find_folder)()?;
            // The way to the folder, and what the registry of folders says of it.
            DatabaseFolder::new(&self.origin, &folder).committed(Default::default());
            let medium = FolderMedium::new(&folder).map_err(|error| {
                warn!("The folder for the caches of an origin can't be used: {error}");
                CacheError::Unavailable
            })?;
            let limits = Limits {
                max_bytes: MAX_ORIGIN_BYTES,
                max_caches: MAX_CACHES,
            };
            self.store = Some(CacheStore::open(Arc::new(medium), limits)?);
        }
        self.store.as_mut().ok_or(CacheError::Unavailable)
    }

    fn has(&mut self, name: &[u8]) -> Answer {
        Ok(CacheReply::Bool(self.store()?.find_cache(name)?.is_some()))
    }

    fn open(&mut self, name: &[u8]) -> Answer {
        Ok(CacheReply::Opened(self.store()?.open_cache(name)?))
    }

    fn delete(&mut self, name: &[u8]) -> Answer {
        Ok(CacheReply::Bool(self.store()?.delete_cache(name)?))
    }

    fn names(&mut self) -> Answer {
        let names = self.store()?.names()?.into_iter();
        Ok(CacheReply::Names(names.map(|(_, name)| name).collect()))
    }

    fn find(
        &mut self,
        scope: &MatchScope,
        request: Option<&RequestHead>,
        options: QueryOptions,
        take: Take,
    ) -> Answer {
        let store = self.store()?;
        let caches = match scope {
            MatchScope::Cache(cache) => vec![*cache],
            MatchScope::Named(name) => store.find_cache(name)?.into_iter().collect(),
            MatchScope::All => store.names()?.into_iter().map(|(id, _)| id).collect(),
        };
        let mut found = Vec::new();
        for cache in caches {
            found.extend(store.query(cache, request, options, take)?);
            if take == Take::First && !found.is_empty() {
                break;
            }
        }
        let found = found
            .into_iter()
            .map(|found| self.hand_out(found))
            .collect();
        Ok(CacheReply::Pairs(found))
    }

    fn hand_out(&mut self, found: Found) -> FoundResponse {
        let body = match found.body {
            StoredBody::None => FoundBody::None,
            StoredBody::Inline(bytes) => FoundBody::Bytes(bytes),
            StoredBody::File(reader) => {
                let name = ReadBody(Uuid::new_v4());
                self.read.insert(name, reader);
                FoundBody::Stored(name)
            }
        };
        FoundResponse {
            head: found.response,
            body,
        }
    }

    fn with_bodies(
        &mut self,
        operations: Vec<CacheOperation>,
    ) -> Result<Vec<Operation>, CacheError> {
        let mut with_bodies = Vec::with_capacity(operations.len());
        for operation in operations {
            with_bodies.push(match operation {
                CacheOperation::Delete { request, options } => {
                    Operation::Delete { request, options }
                }
                CacheOperation::Put {
                    request,
                    response,
                    body,
                } => {
                    let body = match body {
                        Some(name) => Some(self.written.remove(&name).ok_or(CacheError::NotFound)?),
                        None => None,
                    };
                    Operation::Put {
                        request,
                        response,
                        body,
                    }
                }
            });
        }
        Ok(with_bodies)
    }

    fn append(&mut self, body: WrittenBody, bytes: &[u8]) -> Answer {
        if bytes.len() > MAX_APPENDED_BYTES {
            return Err(CacheError::TooLong);
        }
        if self.written.get_mut(&body).is_none() {
            let draft = self.store()?.new_body();
            self.written.insert(body, draft);
        }
        let draft = self.written.get_mut(&body).ok_or(CacheError::NotFound)?;
        draft.append(bytes).inspect_err(|_| {
            self.written.remove(&body);
        })?;
        Ok(CacheReply::Done)
    }

    fn read(&mut self, body: ReadBody) -> Answer {
        let reader = self.read.get_mut(&body).ok_or(CacheError::NotFound)?;
        let result = reader.read();
        let is_open = reader.is_open();
        self.open_files.retain(|open| *open != body);
        if let Err(CacheError::Damaged) = result
            && let (Some(reader), Some(store)) = (self.read.remove(&body), &mut self.store)
        {
            store.forget(&reader)?;
        } else if is_open {
            self.open_files.push_back(body);
        }
        if self.open_files.len() > MAX_OPEN_FILES
            && let Some(oldest) = self.open_files.pop_front()
            && let Some(reader) = self.read.get_mut(&oldest)
        {
            reader.close_file();
        }
        Ok(CacheReply::Chunk(result?))
    }
}

/// A map of limited size: the oldest gives way.
struct Held<K, V> {
    by_name: HashMap<K, V>,
    /// May have names that are gone.
    order: VecDeque<K>,
    limit: usize,
}

impl<K: Copy + Eq + Hash, V> Held<K, V> {
    fn new(limit: usize) -> Self {
        Self {
            by_name: HashMap::new(),
            order: VecDeque::new(),
            limit,
        }
    }

    fn insert(&mut self, name: K, value: V) {
        self.by_name.insert(name, value);
        self.order.push_back(name);
        while self.by_name.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_name.remove(&oldest);
        }
        if self.order.len() > 2 * self.limit {
            let by_name = &self.by_name;
            self.order.retain(|name| by_name.contains_key(name));
        }
    }

    fn get_mut(&mut self, name: &K) -> Option<&mut V> {
        self.by_name.get_mut(name)
    }

    fn remove(&mut self, name: &K) -> Option<V> {
        self.by_name.remove(name)
    }
}
