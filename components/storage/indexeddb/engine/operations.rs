/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The requests of a transaction, one after the other.

use rusqlite::Connection;
use storage_traits::indexeddb::{
    AsyncOperation, AsyncReadOnlyOperation, AsyncReadWriteOperation, AsyncSchemaOperation,
    BackendError, BackendResult, IndexedDBIndex, IndexedDBKeyRange, IndexedDBRecord, PutItemResult,
};
use storage_traits::record_query::{RecordParts, RecordQuery, RecordSnapshots, RecordValues};

use super::records::{self, Duplicates, NewRecord};
use super::schema::{self, ObjectStore};
use super::{backend_error, queries};
use crate::indexeddb::engines::KvsOperation;

/// Runs a request of a transaction that only reads.
pub(super) fn read(connection: &Connection, request: KvsOperation) {
    match (
        object_store(connection, &request.store_name),
        request.operation,
    ) {
        (Ok(store), AsyncOperation::ReadOnly(operation)) => {
            run_read_only(connection, &store, operation);
        }
        (Ok(_), operation) => operation.notify_error(BackendError::DbErr(
            "this transaction only reads".to_owned(),
        )),
        (Err(error), operation) => operation.notify_error(error),
    }
}

/// Runs a request of a transaction that writes: all of it, or nothing. Whoever asked has been told of the error when it is
/// returned.
pub(super) fn write(connection: &Connection, request: KvsOperation) -> BackendResult<()> {
    let KvsOperation {
        store_name,
        operation,
    } = request;
    match operation {
        AsyncOperation::Schema(operation) => {
            let result = run_schema(connection, &store_name, &operation);
            if let Err(error) = &result {
                operation.notify_error(error.clone());
            }
            result
        }
        AsyncOperation::ReadOnly(_) => {
            read(
                connection,
                KvsOperation {
                    store_name,
                    operation,
                },
            );
            Ok(())
        }
        AsyncOperation::ReadWrite(operation) => match object_store(connection, &store_name) {
            Ok(store) => run_read_write(connection, &store, operation),
            Err(error) => {
                AsyncOperation::ReadWrite(operation).notify_error(error.clone());
                Err(error)
            }
        },
    }
}

fn object_store(connection: &Connection, name: &str) -> BackendResult<ObjectStore> {
    schema::object_store(connection, name)
        .map_err(backend_error)?
        .ok_or(BackendError::StoreNotFound)
}

fn run_read_only(connection: &Connection, store: &ObjectStore, operation: AsyncReadOnlyOperation) {
    let select = |query: &RecordQuery| queries::select(connection, store, query);
    let first = |index: Option<String>, range: IndexedDBKeyRange, parts: RecordParts| {
        let query = RecordQuery {
            index,
            range,
            limit: Some(1),
            parts,
            ..Default::default()
        };
        select(&query).map(|records| records.into_iter().next())
    };
    let _ = match operation {
        AsyncReadOnlyOperation::GetKey {
            callback,
            index,
            key_range,
        } => callback.send(
            first(index, key_range, RecordParts::Keys)
                .map(|record| record.map(|record| record.primary_key)),
        ),
        AsyncReadOnlyOperation::GetItem {
            callback,
            index,
            key_range,
        } => callback.send(first(index, key_range, RecordParts::KeysAndValue)),
        AsyncReadOnlyOperation::GetAllKeys { callback, query } => {
            callback.send(select(&query).map(primary_keys))
        }
        AsyncReadOnlyOperation::GetAllItems { callback, query } => {
            callback.send(select(&query).map(RecordValues))
        }
        AsyncReadOnlyOperation::GetAllRecords { callback, query } => {
            callback.send(select(&query).map(RecordSnapshots))
        }
        AsyncReadOnlyOperation::Count {
            callback,
            index,
            key_range,
        } => callback.send(queries::count(
            connection,
            store,
            index.as_deref(),
            &key_range,
        )),
        AsyncReadOnlyOperation::Iterate { callback, query } => callback.send(select(&query)),
    };
}

fn primary_keys(records: Vec<IndexedDBRecord>) -> Vec<storage_traits::indexeddb::IndexedDBKeyType> {
    records
        .into_iter()
        .map(|record| record.primary_key)
        .collect()
}

fn run_read_write(
    connection: &Connection,
    store: &ObjectStore,
    operation: AsyncReadWriteOperation,
) -> BackendResult<()> {
    match operation {
        AsyncReadWriteOperation::PutItem {
            callback,
            key,
            value,
            should_overwrite,
            index_keys,
        } => {
            let record = NewRecord {
                key,
                value,
                may_overwrite: should_overwrite,
                index_keys,
            };
            let result = in_savepoint(connection, || {
                match records::put(connection, store, record) {
                    Ok(PutItemResult::CannotOverwrite) => Err(BackendError::Constraint),
                    result => result,
                }
            });
            let error = result.as_ref().err().cloned();
            let _ = callback.send(match result {
                Err(BackendError::Constraint) => Ok(PutItemResult::CannotOverwrite),
                result => result,
            });
            error.map_or(Ok(()), Err)
        }
        AsyncReadWriteOperation::FillIndexes { callback, records } => {
            let duplicates = match schema::lacks_index_records(connection) {
                Ok(true) => Duplicates::Kept,
                _ => Duplicates::Refused,
            };
            let result = in_savepoint(connection, || {
                records::fill_indexes(connection, store, records, duplicates)
            });
            let _ = callback.send(result.clone());
            result
        }
        AsyncReadWriteOperation::RemoveItem {
            callback,
            key_range,
        } => {
            let result = in_savepoint(connection, || {
                records::delete(connection, store, &key_range).map_err(backend_error)
            });
            let _ = callback.send(result.clone());
            result
        }
        AsyncReadWriteOperation::Clear(callback) => {
            let result = in_savepoint(connection, || {
                records::clear(connection, store).map_err(backend_error)
            });
            let _ = callback.send(result.clone());
            result
        }
    }
}

/// Nothing is left of work that fails.
fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce() -> BackendResult<T>,
) -> BackendResult<T> {
    let run = |sql: &str| {
        connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
            .map_err(backend_error)
    };
    run("SAVEPOINT request")?;
    let result = work();
    // SQLite may have rolled back the whole transaction.
    if connection.is_autocommit() {
        return result.and(Err(BackendError::Abort));
    }
    if result.is_err() {
        run("ROLLBACK TO request")?;
    }
    run("RELEASE request")?;
    result
}

fn run_schema(
    connection: &Connection,
    store_name: &str,
    operation: &AsyncSchemaOperation,
) -> BackendResult<()> {
    if let AsyncSchemaOperation::CreateObjectStore {
        key_path,
        auto_increment,
        ..
    } = operation
    {
        return schema::create_store(connection, store_name, key_path.as_ref(), *auto_increment);
    }
    let store = object_store(connection, store_name)?.id;
    match operation {
        AsyncSchemaOperation::CreateIndex {
            index_name,
            key_path,
            unique,
            multi_entry,
            ..
        } => {
            let index = IndexedDBIndex {
                name: index_name.clone(),
                key_path: key_path.clone(),
                multi_entry: *multi_entry,
                unique: *unique,
            };
            schema::create_index(connection, store, &index)
        }
        AsyncSchemaOperation::RenameIndex {
            index_name,
            new_name,
            ..
        } => schema::rename_index(connection, store, index_name, new_name).map_err(backend_error),
        AsyncSchemaOperation::DeleteIndex { index_name, .. } => {
            schema::delete_index(connection, store, index_name).map_err(backend_error)
        }
        AsyncSchemaOperation::RenameObjectStore { new_name, .. } => {
            schema::rename_store(connection, store, new_name).map_err(backend_error)
        }
        AsyncSchemaOperation::DeleteObjectStore { .. } => {
            schema::delete_store(connection, store).map_err(backend_error)
        }
        // Is done above.
        AsyncSchemaOperation::CreateObjectStore { .. } => Ok(()),
    }
}
