//! The table of what is stored about origins. It was added later, so a file without it is complete.

use background_sync_core::{StoreOp, StoredOrigin};
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use crate::fault::too_long;
use crate::{decode_origin, encode_origin};

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

/// Applies what a batch has about origins.
pub(crate) fn write_origins(
    transaction: &WriteTransaction,
    batch: &[StoreOp],
) -> Result<(), redb::Error> {
    let about_origins =
        |op: &&StoreOp| matches!(op, StoreOp::PutOrigin(_) | StoreOp::RemoveOrigin(_));
    let mut operations = batch.iter().filter(about_origins).peekable();
    if operations.peek().is_none() {
        return Ok(());
    }
    let mut origins = transaction.open_table(ORIGINS)?;
    for op in operations {
        match op {
            StoreOp::PutOrigin(stored) => {
                let bytes = encode_origin(stored).map_err(too_long)?;
                origins.insert(stored.origin.as_str(), bytes.as_slice())?;
            }
            StoreOp::RemoveOrigin(origin) => drop(origins.remove(origin.as_str())?),
            StoreOp::Put(_) | StoreOp::Remove(_) => {}
        }
    }
    Ok(())
}
