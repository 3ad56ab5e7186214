//! The table of what is stored about origins. It was added later, so a file without it is complete.

use std::collections::BTreeMap;

use background_sync_core::StoredOrigin;
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use crate::decode_origin;

const ORIGINS: TableDefinition<&str, &[u8]> = TableDefinition::new("origins");

/// What can't be read is left out: it is replaced as soon as there is something new about its origin.
pub(crate) fn read_origins(
    transaction: &ReadTransaction,
) -> Result<Vec<StoredOrigin>, redb::Error> {
    let table = match transaction.open_table(ORIGINS) {
        Ok(table) => table,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut origins = Vec::new();
    for entry in table.iter()? {
        let (key, value) = entry?;
        match decode_origin(value.value()) {
            Ok(stored) if stored.origin.as_str() == key.value() => origins.push(stored),
            _ => log::error!("what was kept about {} can't be read", key.value()),
        }
    }
    Ok(origins)
}

/// Applies changes; `None` removes.
pub(crate) fn write_origins(
    transaction: &WriteTransaction,
    changes: &BTreeMap<String, Option<Vec<u8>>>,
) -> Result<(), redb::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut origins = transaction.open_table(ORIGINS)?;
    for (origin, bytes) in changes {
        match bytes {
            Some(bytes) => drop(origins.insert(origin.as_str(), bytes.as_slice())?),
            None => drop(origins.remove(origin.as_str())?),
        }
    }
    Ok(())
}
