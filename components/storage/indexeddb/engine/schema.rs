/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Tables, object stores and indexes.

use std::path::Path;

use log::info;
use rusqlite::{Connection, Error, OptionalExtension, Row, params};
use storage_traits::indexeddb::{BackendError, BackendResult, IndexedDBIndex, KeyPath};

use super::{backend_error, create};
use crate::indexeddb::IndexedDBDescription;
use crate::shared::{DB_INIT_PRAGMAS, DB_PRAGMAS};

/// What `user_version` says of the indexes: databases of Servo 0.7.0 as published have 0, and no records in them.
const WITHOUT_INDEX_RECORDS: i64 = 0;
const WITH_INDEX_RECORDS: i64 = 1;

/// Records of an index, whether it is unique or not, are rows of `index_data`; to be unique is a check when they are
/// written. By this index on the table they are found when their record is deleted.
const INDEX_BY_RECORD: &str = "CREATE INDEX IF NOT EXISTS index_data_by_record \
    ON index_data (object_store_id, object_data_key)";

pub(super) struct ObjectStore {
    pub id: i64,
    pub key_path: Option<KeyPath>,
    /// 0 is a store without a key generator.
    current_number: i64,
}

impl ObjectStore {
    /// <https://w3c.github.io/IndexedDB/#key-generator-current-number>
    pub(super) fn key_generator(&self) -> Option<i64> {
        (self.current_number != 0).then_some(self.current_number)
    }
}

pub(super) struct Index {
    pub id: i64,
    pub description: IndexedDBIndex,
}

pub(super) fn open(file: &Path, description: &IndexedDBDescription) -> Result<Connection, Error> {
    let connection = Connection::open(file)?;
    if !connection.table_exists(None, "database")? {
        info!("Initializing indexeddb database at {file:?}");
        for pragma in DB_INIT_PRAGMAS {
            let _ = connection.execute_batch(pragma);
        }
        let transaction = connection.unchecked_transaction()?;
        create::create_tables(&connection)?;
        connection.execute(
            "INSERT INTO database (name, origin, version) VALUES (?, ?, 0)",
            params![
                description.name,
                description.origin.ascii_serialization().into_owned()
            ],
        )?;
        set_has_index_records(&connection)?;
        transaction.commit()?;
    }
    connection.execute_batch(INDEX_BY_RECORD)?;
    for pragma in DB_PRAGMAS {
        let _ = connection.execute_batch(pragma);
    }
    Ok(connection)
}

pub(super) fn version(connection: &Connection) -> Result<u64, Error> {
    let version: i64 =
        connection.query_row("SELECT version FROM database LIMIT 1", [], |row| row.get(0))?;
    Ok(u64::from_ne_bytes(version.to_ne_bytes()))
}

pub(super) fn set_version(connection: &Connection, version: u64) -> Result<(), Error> {
    let version = i64::from_ne_bytes(version.to_ne_bytes());
    match connection.execute("UPDATE database SET version = ?", [version])? {
        0 => Err(Error::QueryReturnedNoRows),
        _ => Ok(()),
    }
}

/// Whether there are indexes from before index records were written.
pub(super) fn lacks_index_records(connection: &Connection) -> Result<bool, Error> {
    let state: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if state != WITHOUT_INDEX_RECORDS {
        return Ok(false);
    }
    connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM object_store_index)",
        [],
        |row| row.get(0),
    )
}

pub(super) fn set_has_index_records(connection: &Connection) -> Result<(), Error> {
    connection.execute_batch(&format!("PRAGMA user_version = {WITH_INDEX_RECORDS}"))
}

pub(super) fn object_store_names(connection: &Connection) -> Result<Vec<String>, Error> {
    let mut statement = connection.prepare_cached("SELECT name FROM object_store")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

pub(super) fn object_store(
    connection: &Connection,
    name: &str,
) -> Result<Option<ObjectStore>, Error> {
    connection
        .prepare_cached("SELECT id, key_path, auto_increment FROM object_store WHERE name = ?")?
        .query_row([name], |row| {
            let key_path: Option<Vec<u8>> = row.get(1)?;
            Ok(ObjectStore {
                id: row.get(0)?,
                key_path: key_path.map(|path| key_path_of(&path)).transpose()?,
                current_number: row.get(2)?,
            })
        })
        .optional()
}

pub(super) fn set_key_generator(
    connection: &Connection,
    store_id: i64,
    current_number: i64,
) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE object_store SET auto_increment = ? WHERE id = ?")?
        .execute([current_number, store_id])?;
    Ok(())
}

const INDEX_COLUMNS: &str =
    "SELECT id, name, key_path, unique_index, multi_entry_index FROM object_store_index";

pub(super) fn indexes(connection: &Connection, store_id: i64) -> Result<Vec<Index>, Error> {
    connection
        .prepare_cached(&format!("{INDEX_COLUMNS} WHERE object_store_id = ?"))?
        .query_map([store_id], index_of)?
        .collect()
}

pub(super) fn index(
    connection: &Connection,
    store_id: i64,
    name: &str,
) -> Result<Option<Index>, Error> {
    connection
        .prepare_cached(&format!(
            "{INDEX_COLUMNS} WHERE object_store_id = ? AND name = ?"
        ))?
        .query_row(params![store_id, name], index_of)
        .optional()
}

fn index_of(row: &Row<'_>) -> Result<Index, Error> {
    let key_path: Vec<u8> = row.get(2)?;
    Ok(Index {
        id: row.get(0)?,
        description: IndexedDBIndex {
            name: row.get(1)?,
            key_path: key_path_of(&key_path)?,
            unique: row.get(3)?,
            multi_entry: row.get(4)?,
        },
    })
}

fn key_path_of(stored: &[u8]) -> Result<KeyPath, Error> {
    postcard::from_bytes(stored).map_err(|error| {
        Error::FromSqlConversionFailure(2, rusqlite::types::Type::Blob, Box::new(error))
    })
}

fn stored_key_path(key_path: &KeyPath) -> BackendResult<Vec<u8>> {
    postcard::to_stdvec(key_path).map_err(|error| BackendError::DbErr(error.to_string()))
}

pub(super) fn create_store(
    connection: &Connection,
    name: &str,
    key_path: Option<&KeyPath>,
    has_key_generator: bool,
) -> BackendResult<()> {
    let key_path = key_path.map(stored_key_path).transpose()?;
    // The number that a key generator starts with is 1.
    connection
        .execute(
            "INSERT INTO object_store (name, key_path, auto_increment) VALUES (?, ?, ?)",
            params![name, key_path, i64::from(has_key_generator)],
        )
        .map_err(backend_error)?;
    Ok(())
}

pub(super) fn rename_store(
    connection: &Connection,
    store_id: i64,
    new_name: &str,
) -> Result<(), Error> {
    connection.execute(
        "UPDATE object_store SET name = ? WHERE id = ?",
        params![new_name, store_id],
    )?;
    Ok(())
}

pub(super) fn delete_store(connection: &Connection, store_id: i64) -> Result<(), Error> {
    for table in [
        "index_data",
        "unique_index_data",
        "object_store_index",
        "object_data",
    ] {
        connection.execute(
            &format!("DELETE FROM {table} WHERE object_store_id = ?"),
            [store_id],
        )?;
    }
    connection.execute("DELETE FROM object_store WHERE id = ?", [store_id])?;
    Ok(())
}

pub(super) fn create_index(
    connection: &Connection,
    store_id: i64,
    index: &IndexedDBIndex,
) -> BackendResult<()> {
    connection
        .execute(
            "INSERT INTO object_store_index (object_store_id, name, key_path, unique_index, multi_entry_index) \
             VALUES (?, ?, ?, ?, ?)",
            params![
                store_id,
                index.name,
                stored_key_path(&index.key_path)?,
                index.unique,
                index.multi_entry,
            ],
        )
        .map_err(backend_error)?;
    Ok(())
}

pub(super) fn rename_index(
    connection: &Connection,
    store_id: i64,
    name: &str,
    new_name: &str,
) -> Result<(), Error> {
    connection.execute(
        "UPDATE object_store_index SET name = ? WHERE name = ? AND object_store_id = ?",
        params![new_name, name, store_id],
    )?;
    Ok(())
}

pub(super) fn delete_index(
    connection: &Connection,
    store_id: i64,
    name: &str,
) -> Result<(), Error> {
    let Some(index) = index(connection, store_id, name)? else {
        return Ok(());
    };
    for table in ["index_data", "unique_index_data"] {
        connection.execute(
            &format!("DELETE FROM {table} WHERE index_id = ?"),
            [index.id],
        )?;
    }
    connection.execute("DELETE FROM object_store_index WHERE id = ?", [index.id])?;
    Ok(())
}
