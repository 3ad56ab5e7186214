/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the registry of databases is asked beside what Servo asks it.

use rusqlite::Connection;
use storage_traits::client_storage::StorageIdentifier;

/// The origins, serialized, that have a database of that name which is not of one session alone.
pub(crate) fn origins_with_database(
    registry: &Connection,
    identifier: &StorageIdentifier,
    name: &str,
) -> rusqlite::Result<Vec<String>> {
    let mut statement = registry.prepare(
        "SELECT DISTINCT shelves.origin
         FROM databases
         JOIN bottles ON databases.bottle_id = bottles.id
         JOIN buckets ON bottles.bucket_id = buckets.id
         JOIN shelves ON buckets.shelf_id = shelves.id
         JOIN sheds ON shelves.shed_id = sheds.id
         WHERE sheds.storage_type = 'local' AND bottles.identifier = ?1 AND databases.name = ?2;",
    )?;
    let origins = statement.query_map((identifier.as_str(), name), |row| row.get(0))?;
    origins.collect()
}
