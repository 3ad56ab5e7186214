/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! IndexedDB in SQLite. A transaction of IndexedDB that writes is one of SQLite's, from its first request to its commit: what
//! is not committed is gone, however it ends.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::warn;
use malloc_size_of::{MallocSizeOf, MallocSizeOfOps};
use rusqlite::{Connection, Error};
use servo_base::threadpool::ThreadPool;
use storage_traits::indexeddb::{
    BackendError, BackendResult, IndexedDBIndex, IndexedDBTxnMode, KeyPath,
};

use crate::durability::DatabaseFolder;
use crate::indexeddb::engines::{KvsEngine, KvsOperation, KvsTransaction};
use crate::indexeddb::{IndexedDBDescription, backend_error_from_sqlite_error};
use crate::shared::DB_PRAGMAS;

#[path = "../engines/sqlite/create.rs"]
mod create;
#[path = "../engines/sqlite/encoding.rs"]
mod encoding;
mod operations;
mod queries;
mod records;
mod schema;
mod writer;

use self::writer::Writer;

/// An error of SQLite's as script is told of it.
fn backend_error(error: Error) -> BackendError {
    backend_error_from_sqlite_error(error)
}

/// A database of one origin.
///
/// It has up to three connections to SQLite: one for the thread of the manager, which reads the schema as it was last
/// committed; one for the transaction that writes, of which there is one at a time; one for those that only read. The last
/// two are there as long as a page or worker has the database open.
pub struct SqliteEngine {
    path: PathBuf,
    schema: Connection,
    folder: DatabaseFolder,
    pool: Arc<ThreadPool>,
    created: bool,
    writer: Arc<Writer>,
    reader: Arc<Mutex<Option<Connection>>>,
}

impl SqliteEngine {
    /// Opens the database in the folder `path`, and makes it first if it is not there.
    pub fn new(
        path: PathBuf,
        created: bool,
        description: &IndexedDBDescription,
        pool: Arc<ThreadPool>,
    ) -> Result<Self, Error> {
        let file = path.join("indexeddb.sqlite");
        let schema = schema::open(&file, description)?;
        let folder = DatabaseFolder::new(&description.origin, &path);
        // Also what an earlier run has committed, if it was killed.
        folder.committed(Default::default());
        Ok(Self {
            writer: Arc::new(Writer::new(file.clone())),
            reader: Default::default(),
            path: file,
            schema,
            folder,
            pool,
            created,
        })
    }

    /// Whether the folder was made for this engine.
    pub(crate) fn created_db_path(&self) -> bool {
        self.created
    }

    fn read(
        &self,
        requests: impl IntoIterator<Item = KvsOperation> + Send + 'static,
        on_complete: Box<dyn FnOnce() + Send>,
    ) {
        let reader = self.reader.clone();
        let path = self.path.clone();
        self.pool.spawn(move || {
            {
                let mut reader = lock(&reader);
                match connect(&mut reader, &path) {
                    Ok(connection) => {
                        for request in requests {
                            operations::read(connection, request);
                        }
                    }
                    Err(error) => {
                        let error = backend_error(error);
                        for request in requests {
                            request.operation.notify_error(error.clone());
                        }
                    }
                }
            }
            on_complete();
        });
    }
}

/// Nobody leaves anything half done that SQLite would not roll back.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The connection that is there, or a new one.
fn connect<'a>(
    slot: &'a mut Option<Connection>,
    path: &std::path::Path,
) -> Result<&'a Connection, Error> {
    let connection = match slot.take() {
        Some(connection) => connection,
        None => {
            let connection = Connection::open(path)?;
            connection.execute_batch(DB_PRAGMAS[0])?;
            connection
        }
    };
    Ok(slot.insert(connection))
}

impl KvsEngine for SqliteEngine {
    type Error = Error;

    fn process_transaction(
        &self,
        transaction: KvsTransaction,
        on_complete: Box<dyn FnOnce() + Send + 'static>,
    ) {
        if transaction.mode == IndexedDBTxnMode::Readonly {
            return self.read(transaction.requests, on_complete);
        }
        let writer = self.writer.clone();
        self.pool.spawn(move || {
            writer.run(transaction);
            on_complete();
        });
    }

    fn commit(
        &self,
        transaction: KvsTransaction,
        on_complete: Box<dyn FnOnce(BackendResult<()>) + Send + 'static>,
    ) {
        if transaction.mode == IndexedDBTxnMode::Readonly {
            return on_complete(Ok(()));
        }
        let writer = self.writer.clone();
        let folder = self.folder.clone();
        self.pool.spawn(move || {
            let durability = transaction.durability;
            let result = writer.commit(transaction);
            if let Ok(true) = result {
                folder.committed(durability);
            }
            on_complete(result.map(|_| ()));
        });
    }

    fn abort(&self, id: u64, ended: &AtomicBool) {
        self.writer.abort(id, ended);
    }

    fn release_connections(&self) {
        self.writer.release();
        // Whoever holds it is reading, and then somebody has the database open again.
        if let Ok(mut reader) = self.reader.try_lock() {
            *reader = None;
        }
    }

    fn key_generator_current_number(&self, store_name: &str) -> Option<i64> {
        let store = schema::object_store(&self.schema, store_name).ok()??;
        store.key_generator()
    }

    fn key_path(&self, store_name: &str) -> Option<KeyPath> {
        schema::object_store(&self.schema, store_name)
            .ok()??
            .key_path
    }

    fn object_store_names(&self) -> Result<Vec<String>, Error> {
        schema::object_store_names(&self.schema)
    }

    fn indexes(&self, store_name: &str) -> Result<Vec<IndexedDBIndex>, Error> {
        let Some(store) = schema::object_store(&self.schema, store_name)? else {
            return Ok(Vec::new());
        };
        let indexes = schema::indexes(&self.schema, store.id)?;
        Ok(indexes.into_iter().map(|index| index.description).collect())
    }

    fn lacks_index_records(&self) -> bool {
        schema::lacks_index_records(&self.schema).unwrap_or_else(|error| {
            warn!("Whether the indexes of a database are filled can't be found out: {error}");
            false
        })
    }

    fn version(&self) -> Result<u64, Error> {
        schema::version(&self.schema)
    }
}

impl MallocSizeOf for SqliteEngine {
    fn size_of(&self, _ops: &mut MallocSizeOfOps) -> usize {
        // What a connection has at least, by https://sqlite.org/malloc.html (3.3.1), for that of the manager.
        const LOOKASIDE_BYTES: usize = 48 * 1024;
        LOOKASIDE_BYTES
    }
}
