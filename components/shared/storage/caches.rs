/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What script and the thread of the Cache API tell each other. Each call has a callback of its own.

use std::ops::Deref;
use std::path::PathBuf;

pub use cache_storage::{
    CacheError, CacheId, Header, QueryOptions, RequestHead, ResponseHead, ResponseKind, Take,
    check_put,
};
use malloc_size_of_derive::MallocSizeOf;
use serde::{Deserialize, Serialize};
use servo_base::generic_channel::{self, GenericCallback, GenericSend, GenericSender};
use servo_url::ImmutableOrigin;
use uuid::Uuid;

use crate::StorageThreads;
use crate::client_storage::{
    ClientStorageThreadHandle, ClientStorageThreadMessage, StorageIdentifier, StorageType,
};
use crate::webstorage_thread::OriginDescriptor;

/// Script sends no more of a body than this at a time, in bytes.
pub const MAX_APPENDED_BYTES: usize = 256 * 1024;

#[derive(Clone, Debug, Deserialize, MallocSizeOf, Serialize)]
pub struct CacheStorageThreadHandle {
    sender: GenericSender<CacheStorageThreadMessage>,
}

impl CacheStorageThreadHandle {
    pub fn new(sender: GenericSender<CacheStorageThreadMessage>) -> Self {
        Self { sender }
    }
}

impl From<CacheStorageThreadHandle> for GenericSender<CacheStorageThreadMessage> {
    fn from(handle: CacheStorageThreadHandle) -> Self {
        handle.sender
    }
}

impl From<GenericSender<CacheStorageThreadMessage>> for CacheStorageThreadHandle {
    fn from(sender: GenericSender<CacheStorageThreadMessage>) -> Self {
        Self { sender }
    }
}

impl Deref for CacheStorageThreadHandle {
    type Target = GenericSender<CacheStorageThreadMessage>;

    fn deref(&self) -> &Self::Target {
        &self.sender
    }
}

#[derive(Debug, Deserialize, Serialize)]
pub enum CacheStorageThreadMessage {
    /// About the caches of an origin.
    Call {
        origin: ImmutableOrigin,
        call: CacheCall,
    },
    /// Which origins have caches.
    Origins(GenericSender<Vec<OriginDescriptor>>),
    /// All caches of all origins of these sites are removed, also those that are in use.
    ClearForSites {
        sites: Vec<String>,
        done: GenericSender<()>,
    },
    /// Nothing is answered after this.
    Exit(GenericSender<()>),
}

impl StorageThreads {
    /// Which origins have caches. Waits for the answer.
    pub fn cache_origins(&self) -> Vec<OriginDescriptor> {
        let Some((sender, receiver)) = generic_channel::channel() else {
            return Vec::new();
        };
        let _ = GenericSend::send(self, CacheStorageThreadMessage::Origins(sender));
        receiver.recv().unwrap_or_default()
    }

    /// Removes all caches of all origins of these sites, and returns when they are gone.
    pub fn clear_caches_for_sites(&self, sites: &[&str]) {
        let Some((done, receiver)) = generic_channel::channel() else {
            return;
        };
        let sites = sites.iter().map(|site| (*site).to_owned()).collect();
        let message = CacheStorageThreadMessage::ClearForSites { sites, done };
        let _ = GenericSend::send(self, message);
        let _ = receiver.recv();
    }
}

/// A database of an origin, of the kind that outlives the session.
#[derive(Debug)]
pub struct DatabaseName {
    pub origin: ImmutableOrigin,
    pub identifier: StorageIdentifier,
    pub name: String,
}

/// For threads that may outlive that of client storage.
impl ClientStorageThreadHandle {
    /// The folder of a database, which is made if it is missing.
    pub fn database_folder(&self, database: DatabaseName) -> Result<PathBuf, String> {
        let bottle_id = self.bottle_of(database.origin, database.identifier)?;
        let (folder, _is_new) = self.ask(|sender| ClientStorageThreadMessage::CreateDatabase {
            bottle_id,
            name: database.name,
            sender,
        })?;
        Ok(folder)
    }

    /// Removes a database and its folder.
    pub fn remove_database(&self, database: DatabaseName) -> Result<(), String> {
        let bottle_id = self.bottle_of(database.origin, database.identifier)?;
        self.ask(|sender| ClientStorageThreadMessage::DeleteDatabase {
            bottle_id,
            name: database.name,
            sender,
        })
    }

    /// The origins, serialized, that have a database of that name.
    pub fn origins_with_database(
        &self,
        identifier: StorageIdentifier,
        name: String,
    ) -> Result<Vec<String>, String> {
        self.ask(|sender| ClientStorageThreadMessage::OriginsWithDatabase {
            identifier,
            name,
            sender,
        })
    }

    fn bottle_of(
        &self,
        origin: ImmutableOrigin,
        storage_identifier: StorageIdentifier,
    ) -> Result<i64, String> {
        let bottle = self.ask(|sender| ClientStorageThreadMessage::ObtainBottleMap {
            storage_type: StorageType::Local,
            storage_identifier,
            webview: None,
            origin,
            sender,
        });
        bottle.map(|bottle| bottle.bottle_id)
    }

    fn ask<T: Serialize + for<'de> Deserialize<'de>>(
        &self,
        message: impl FnOnce(GenericSender<Result<T, String>>) -> ClientStorageThreadMessage,
    ) -> Result<T, String> {
        let (sender, receiver) = generic_channel::channel().ok_or("there is no channel left")?;
        self.send(message(sender))
            .map_err(|error| format!("{error:?}"))?;
        receiver.recv().map_err(|error| format!("{error:?}"))?
    }
}

/// Called once.
pub type CacheCallback = GenericCallback<Result<CacheReply, CacheError>>;

/// A body that script writes; nobody else can guess its name.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, MallocSizeOf, PartialEq, Serialize)]
pub struct WrittenBody(pub Uuid);

impl WrittenBody {
    #[expect(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(Uuid::new_v4())
    }
}

/// A body that script reads; nobody else can guess its name.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, MallocSizeOf, PartialEq, Serialize)]
pub struct ReadBody(pub Uuid);

#[derive(Debug, Deserialize, Serialize)]
pub enum CacheCall {
    /// Answered by `Bool`. <https://w3c.github.io/ServiceWorker/#cache-storage-has>
    Has {
        name: Vec<u8>,
        callback: CacheCallback,
    },
    /// Answered by `Opened`, which holds the cache. <https://w3c.github.io/ServiceWorker/#cache-storage-open>
    Open {
        name: Vec<u8>,
        callback: CacheCallback,
    },
    /// Answered by `Bool`. <https://w3c.github.io/ServiceWorker/#cache-storage-delete>
    Delete {
        name: Vec<u8>,
        callback: CacheCallback,
    },
    /// Answered by `Names`. <https://w3c.github.io/ServiceWorker/#cache-storage-keys>
    Names { callback: CacheCallback },
    /// The object for the cache is gone.
    Release { cache: CacheId },
    /// Answered by `Pairs`.
    Match {
        scope: MatchScope,
        request: Option<RequestHead>,
        options: QueryOptions,
        take: Take,
        callback: CacheCallback,
    },
    /// Answered by `Requests`. <https://w3c.github.io/ServiceWorker/#cache-keys>
    Keys {
        cache: CacheId,
        request: Option<RequestHead>,
        options: QueryOptions,
        callback: CacheCallback,
    },
    /// Answered by `Bool`: whether something was removed. All of it or nothing.
    ///
    /// <https://w3c.github.io/ServiceWorker/#batch-cache-operations-algorithm>
    Batch {
        cache: CacheId,
        operations: Vec<CacheOperation>,
        callback: CacheCallback,
    },
    /// Adds to a body, which is made by the first time. Answered by `Done`.
    Append {
        body: WrittenBody,
        bytes: Vec<u8>,
        callback: CacheCallback,
    },
    /// The body is not needed.
    Abandon { body: WrittenBody },
    /// Answered by `Chunk`.
    Read {
        body: ReadBody,
        callback: CacheCallback,
    },
    /// The body will not be read any more.
    Close { body: ReadBody },
}

/// Where to look.
#[derive(Debug, Deserialize, Serialize)]
pub enum MatchScope {
    Cache(CacheId),
    /// The cache of that name, if there is one.
    Named(Vec<u8>),
    /// All that have a name, in their order.
    All,
}

#[derive(Debug, Deserialize, Serialize)]
pub enum CacheOperation {
    Put {
        request: RequestHead,
        response: ResponseHead,
        /// Complete. `None` is a null body.
        body: Option<WrittenBody>,
    },
    Delete {
        request: RequestHead,
        options: QueryOptions,
    },
}

#[derive(Debug, Deserialize, Serialize)]
pub enum CacheReply {
    Done,
    Bool(bool),
    Opened(CacheId),
    Names(Vec<Vec<u8>>),
    Requests(Vec<RequestHead>),
    Pairs(Vec<FoundResponse>),
    /// The next part of a body; `None` after its end.
    Chunk(Option<Vec<u8>>),
}

/// A stored response.
#[derive(Debug, Deserialize, Serialize)]
pub struct FoundResponse {
    pub head: ResponseHead,
    pub body: FoundBody,
}

#[derive(Debug, Deserialize, Serialize)]
pub enum FoundBody {
    None,
    /// All of it.
    Bytes(Vec<u8>),
    /// To be read, until it is closed.
    Stored(ReadBody),
}
