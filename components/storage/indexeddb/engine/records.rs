/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Records of object stores are written together with those of their indexes.

use rusqlite::{Connection, Error, OptionalExtension, params};
use storage_traits::indexeddb::{
    BackendError, BackendResult, IndexedDBKeyRange, IndexedDBKeyType, PutItemResult,
};
use storage_traits::record_query::{IndexKeys, IndexedRecord};

use super::queries::Conditions;
use super::schema::{self, Index, ObjectStore};
use super::{backend_error, encoding};

/// Keys are doubles: above, one more is no other number.
const MAX_GENERATED_KEY: i64 = 1 << 53;

/// A record to be stored.
pub(super) struct NewRecord {
    /// `None` lets the key generator make one.
    pub key: Option<IndexedDBKeyType>,
    pub value: Vec<u8>,
    pub may_overwrite: bool,
    pub index_keys: Vec<IndexKeys>,
}

/// <https://w3c.github.io/IndexedDB/#store-a-record-into-an-object-store>
pub(super) fn put(
    connection: &Connection,
    store: &ObjectStore,
    record: NewRecord,
) -> BackendResult<PutItemResult> {
    // Step 1: the key generator.
    let Some((key, next_number)) = key_of(store, record.key)? else {
        return Ok(PutItemResult::CannotOverwrite);
    };
    if let Some(number) = next_number {
        schema::set_key_generator(connection, store.id, number).map_err(backend_error)?;
    }
    let stored_key = encoding::serialize(&key);

    // Steps 2 and 3: the record that has this key.
    if exists(connection, store.id, &stored_key).map_err(backend_error)? {
        if !record.may_overwrite {
            return Ok(PutItemResult::CannotOverwrite);
        }
        delete_one(connection, store.id, &stored_key).map_err(backend_error)?;
    }

    // Step 4.
    connection
        .prepare_cached("INSERT INTO object_data (object_store_id, key, data) VALUES (?, ?, ?)")
        .and_then(|mut insert| insert.execute(params![store.id, stored_key, record.value]))
        .map_err(backend_error)?;

    // Step 5: for each index.
    let indexes = schema::indexes(connection, store.id).map_err(backend_error)?;
    for found_by in record.index_keys {
        let Some(index) = indexes
            .iter()
            .find(|index| index.description.name == found_by.index)
        else {
            continue;
        };
        for index_key in &found_by.keys.into_keys(&key) {
            match add_to_index(connection, store.id, index, index_key, &stored_key) {
                Ok(()) => {}
                Err(BackendError::Constraint) => return Ok(PutItemResult::CannotOverwrite),
                Err(error) => return Err(error),
            }
        }
    }

    // Step 6.
    Ok(PutItemResult::Key(key))
}

/// The key of a new record, and the number that the key generator goes on with, if that changes. `None` if it has no more.
///
/// <https://w3c.github.io/IndexedDB/#generate-a-key>
/// <https://w3c.github.io/IndexedDB/#possibly-update-the-key-generator>
fn key_of(
    store: &ObjectStore,
    given: Option<IndexedDBKeyType>,
) -> BackendResult<Option<(IndexedDBKeyType, Option<i64>)>> {
    match (given, store.key_generator()) {
        (None, None) => Err(BackendError::DbErr("a record needs a key".to_owned())),
        (None, Some(current)) if current > MAX_GENERATED_KEY => Ok(None),
        (None, Some(current)) => Ok(Some((
            IndexedDBKeyType::Number(current as f64),
            Some(current + 1),
        ))),
        (Some(IndexedDBKeyType::Number(number)), Some(current)) if number >= current as f64 => {
            let value = number.min(MAX_GENERATED_KEY as f64).floor() as i64;
            Ok(Some((IndexedDBKeyType::Number(number), Some(value + 1))))
        }
        (Some(key), _) => Ok(Some((key, None))),
    }
}

fn exists(connection: &Connection, store_id: i64, key: &[u8]) -> Result<bool, Error> {
    connection
        .prepare_cached("SELECT 1 FROM object_data WHERE object_store_id = ? AND key = ?")?
        .exists(params![store_id, key])
}

fn delete_one(connection: &Connection, store_id: i64, key: &[u8]) -> Result<(), Error> {
    connection
        .prepare_cached("DELETE FROM index_data WHERE object_store_id = ? AND object_data_key = ?")?
        .execute(params![store_id, key])?;
    connection
        .prepare_cached("DELETE FROM object_data WHERE object_store_id = ? AND key = ?")?
        .execute(params![store_id, key])?;
    Ok(())
}

/// [`BackendError::Constraint`] if the index is unique, and another record has this key.
fn add_to_index(
    connection: &Connection,
    store_id: i64,
    index: &Index,
    key: &IndexedDBKeyType,
    primary_key: &[u8],
) -> BackendResult<()> {
    let key = encoding::serialize(key);
    if index.description.unique && other_record(connection, index, &key, primary_key)? {
        return Err(BackendError::Constraint);
    }
    enter(connection, store_id, index.id, &key, primary_key).map_err(backend_error)
}

fn other_record(
    connection: &Connection,
    index: &Index,
    key: &[u8],
    primary_key: &[u8],
) -> BackendResult<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM index_data WHERE index_id = ? AND value = ? AND object_data_key <> ? LIMIT 1",
        )
        .and_then(|mut select| {
            let params = params![index.id, key, primary_key];
            select.query_row(params, |_| Ok(())).optional()
        })
        .map(|found| found.is_some())
        .map_err(backend_error)
}

fn enter(
    connection: &Connection,
    store_id: i64,
    index_id: i64,
    key: &[u8],
    primary_key: &[u8],
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO index_data (index_id, value, object_data_key, object_store_id) \
             VALUES (?, ?, ?, ?)",
        )?
        .execute(params![index_id, key, primary_key, store_id])?;
    Ok(())
}

/// Whether the keys of one index must differ when records that are there already are entered in it.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Duplicates {
    /// The index is new: two records with the same key end the transaction.
    Refused,
    /// The index is older than the check, and the records may be, too: none of them gets lost.
    Kept,
}

/// Enters records that are there already into indexes.
pub(super) fn fill_indexes(
    connection: &Connection,
    store: &ObjectStore,
    records: Vec<IndexedRecord>,
    duplicates: Duplicates,
) -> BackendResult<()> {
    let indexes = schema::indexes(connection, store.id).map_err(backend_error)?;
    for record in records {
        let primary_key = encoding::serialize(&record.primary_key);
        if !exists(connection, store.id, &primary_key).map_err(backend_error)? {
            continue;
        }
        for found_by in record.index_keys {
            let Some(index) = indexes
                .iter()
                .find(|index| index.description.name == found_by.index)
            else {
                continue;
            };
            for key in &found_by.keys.into_keys(&record.primary_key) {
                match duplicates {
                    Duplicates::Refused => {
                        add_to_index(connection, store.id, index, key, &primary_key)?
                    }
                    Duplicates::Kept => {
                        let key = encoding::serialize(key);
                        enter(connection, store.id, index.id, &key, &primary_key)
                            .map_err(backend_error)?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// <https://w3c.github.io/IndexedDB/#delete-records-from-an-object-store>
pub(super) fn delete(
    connection: &Connection,
    store: &ObjectStore,
    range: &IndexedDBKeyRange,
) -> Result<(), Error> {
    for (table, column) in [("index_data", "object_data_key"), ("object_data", "key")] {
        let mut conditions = Conditions::new("object_store_id", store.id);
        conditions.in_range(column, range);
        let sql = format!("DELETE FROM {table} WHERE {}", conditions.sql());
        connection
            .prepare_cached(&sql)?
            .execute(conditions.params())?;
    }
    Ok(())
}

/// <https://w3c.github.io/IndexedDB/#clear-an-object-store>
pub(super) fn clear(connection: &Connection, store: &ObjectStore) -> Result<(), Error> {
    delete(connection, store, &IndexedDBKeyRange::default())
}
