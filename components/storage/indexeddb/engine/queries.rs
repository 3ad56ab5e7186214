/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Records of object stores and indexes, in the order of their keys.

use rusqlite::types::Value;
use rusqlite::{Connection, Error, ParamsFromIter, Row, params_from_iter};
use storage_traits::indexeddb::{
    BackendError, BackendResult, IndexedDBKeyRange, IndexedDBKeyType, IndexedDBRecord,
};
use storage_traits::record_query::{RecordDirection, RecordParts, RecordQuery, RecordStart};

use super::schema::{self, ObjectStore};
use super::{backend_error, encoding};

/// What a row must be like, and the values that this needs.
pub(super) struct Conditions {
    sql: String,
    params: Vec<Value>,
}

impl Conditions {
    pub(super) fn new(column: &str, value: i64) -> Self {
        Self {
            sql: format!("{column} = ?"),
            params: vec![value.into()],
        }
    }

    /// <https://w3c.github.io/IndexedDB/#in>
    pub(super) fn in_range(&mut self, column: &str, range: &IndexedDBKeyRange) {
        let bounds = [
            (&range.lower, if range.lower_open { ">" } else { ">=" }),
            (&range.upper, if range.upper_open { "<" } else { "<=" }),
        ];
        for (bound, operator) in bounds {
            if let Some(key) = bound {
                self.compare(column, operator, key);
            }
        }
    }

    fn compare(&mut self, column: &str, operator: &str, key: &IndexedDBKeyType) {
        self.sql.push_str(&format!(" AND {column} {operator} ?"));
        self.params.push(encoding::serialize(key).into());
    }

    /// From `start` on, or behind it. `primary_key` is the column of an index.
    fn starting(&mut self, columns: &Columns, direction: RecordDirection, start: &RecordStart) {
        let strictly = if direction.is_backwards() { "<" } else { ">" };
        let operator = match start.inclusive {
            true => format!("{strictly}="),
            false => strictly.to_owned(),
        };
        match (&start.primary_key, columns.is_index) {
            (Some(primary_key), true) => {
                // The first condition is for SQLite's planner.
                self.compare(columns.key, &format!("{strictly}="), &start.key);
                let (key, primary) = (columns.key, columns.primary_key);
                self.sql
                    .push_str(&format!(" AND ({key}, {primary}) {operator} (?, ?)"));
                self.params.push(encoding::serialize(&start.key).into());
                self.params.push(encoding::serialize(primary_key).into());
            }
            _ => self.compare(columns.key, &operator, &start.key),
        }
    }

    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    pub(super) fn params(self) -> ParamsFromIter<Vec<Value>> {
        params_from_iter(self.params)
    }
}

struct Columns {
    is_index: bool,
    table: &'static str,
    key: &'static str,
    primary_key: &'static str,
}

const OF_STORE: Columns = Columns {
    is_index: false,
    table: "object_data",
    key: "key",
    primary_key: "key",
};

const OF_INDEX: Columns = Columns {
    is_index: true,
    table: "index_data",
    key: "value",
    primary_key: "object_data_key",
};

fn source(
    connection: &Connection,
    store: &ObjectStore,
    index: Option<&str>,
) -> BackendResult<(Columns, Conditions)> {
    let Some(name) = index else {
        return Ok((OF_STORE, Conditions::new("object_store_id", store.id)));
    };
    let index = schema::index(connection, store.id, name)
        .map_err(backend_error)?
        .ok_or_else(|| BackendError::DbErr("there is no such index".to_owned()))?;
    Ok((OF_INDEX, Conditions::new("index_id", index.id)))
}

/// <https://w3c.github.io/IndexedDB/#retrieve-multiple-values-from-an-object-store>,
/// and the algorithms that are like it.
pub(super) fn select(
    connection: &Connection,
    store: &ObjectStore,
    query: &RecordQuery,
) -> BackendResult<Vec<IndexedDBRecord>> {
    let (columns, mut conditions) = source(connection, store, query.index.as_deref())?;
    conditions.in_range(columns.key, &query.range);
    if let Some(start) = &query.start {
        conditions.starting(&columns, query.direction, start);
    }
    let sql = statement(store, &columns, &mut conditions, query);
    let rows = || -> Result<Vec<_>, Error> {
        connection
            .prepare_cached(&sql)?
            .query_map(conditions.params(), record_of)?
            .collect()
    };
    rows().map_err(backend_error)
}

fn statement(
    store: &ObjectStore,
    columns: &Columns,
    conditions: &mut Conditions,
    query: &RecordQuery,
) -> String {
    let Columns {
        table,
        key,
        primary_key,
        ..
    } = columns;
    let order = if query.direction.is_backwards() {
        "DESC"
    } else {
        "ASC"
    };
    // Keys of object stores are unique anyway.
    let (first, grouped) = match columns.is_index && query.direction.is_unique() {
        true => (format!("MIN({primary_key})"), format!("GROUP BY {key}")),
        false => ((*primary_key).to_owned(), String::new()),
    };
    // -1 is no limit.
    let limit = query.limit.map_or(-1, i64::from);
    conditions.params.push(limit.into());
    conditions.params.push(i64::from(query.skipped).into());
    let found = format!(
        "SELECT {key} AS k, {first} AS p FROM {table} WHERE {} {grouped} \
         ORDER BY k {order}, p {order} LIMIT ? OFFSET ?",
        conditions.sql
    );
    match query.parts {
        RecordParts::Keys => {
            format!("SELECT k, p, x'' FROM ({found}) ORDER BY k {order}, p {order}")
        }
        RecordParts::KeysAndValue => {
            conditions.params.push(store.id.into());
            format!(
                "SELECT k, p, data FROM ({found}) JOIN object_data ON object_data.key = p \
                 AND object_data.object_store_id = ? ORDER BY k {order}, p {order}"
            )
        }
    }
}

fn record_of(row: &Row<'_>) -> Result<IndexedDBRecord, Error> {
    Ok(IndexedDBRecord {
        key: key_of(row, 0)?,
        primary_key: key_of(row, 1)?,
        value: row.get(2)?,
    })
}

fn key_of(row: &Row<'_>, column: usize) -> Result<IndexedDBKeyType, Error> {
    let stored: Vec<u8> = row.get(column)?;
    encoding::deserialize(&stored).ok_or(Error::InvalidColumnType(
        column,
        "key".to_owned(),
        rusqlite::types::Type::Blob,
    ))
}

/// <https://w3c.github.io/IndexedDB/#count-the-records-in-a-range>
pub(super) fn count(
    connection: &Connection,
    store: &ObjectStore,
    index: Option<&str>,
    range: &IndexedDBKeyRange,
) -> BackendResult<u64> {
    let (columns, mut conditions) = source(connection, store, index)?;
    conditions.in_range(columns.key, range);
    let sql = format!(
        "SELECT COUNT(*) FROM {} WHERE {}",
        columns.table,
        conditions.sql()
    );
    let count = || -> Result<i64, Error> {
        connection
            .prepare_cached(&sql)?
            .query_row(conditions.params(), |row| row.get(0))
    };
    Ok(count().map_err(backend_error)?.unsigned_abs())
}
