//! The tables of the file, as `DESIGN.md` describes them.

use background_sync_core::{JournalEntry, RegistrationId};
use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};

use crate::changes::Changes;
use crate::codec::{Decoder, id_after};
use crate::redb_origins::{read_origins, write_origins};
use crate::{Loaded, SCHEMA_VERSION, SetAside, decode_entry};

const REGISTRATIONS: TableDefinition<u64, &[u8]> = TableDefinition::new("registrations");
const SET_ASIDE: TableDefinition<u64, &[u8]> = TableDefinition::new("set_aside");
const JOURNAL: TableDefinition<u64, &[u8]> = TableDefinition::new("journal");
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
const META_SCHEMA: &str = "schema_version";
const META_NEXT_ID: &str = "next_id";
const META_NEXT_ENTRY: &str = "next_entry";
const META_LOG_EPOCH: &str = "log_epoch";

/// Makes the tables of an empty file.
pub(crate) fn create_tables(database: &Database, log_epoch: u64) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(REGISTRATIONS)?;
    transaction.open_table(SET_ASIDE)?;
    start_epoch(&mut transaction.open_table(META)?, log_epoch)?;
    transaction.commit()?;
    Ok(())
}

/// Moves unreadable records to a table of their own.
pub(crate) fn set_records_aside(
    database: &Database,
    keys: &[SetAside],
    next_id: u64,
) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    // The newest registration may be among them.
    transaction
        .open_table(META)?
        .insert(META_NEXT_ID, next_id)?;
    {
        let mut registrations = transaction.open_table(REGISTRATIONS)?;
        let mut set_aside = transaction.open_table(SET_ASIDE)?;
        for SetAside { id, .. } in keys {
            if let Some(value) = registrations.remove(id.0)? {
                set_aside.insert(id.0, value.value())?;
            }
        }
    }
    transaction.commit()?;
    Ok(())
}

/// Marks the frames of the log that are not in the tables. Files of version 1 have none.
pub(crate) fn read_log_epoch(database: &Database) -> Result<Option<u64>, redb::Error> {
    let meta = database.begin_read()?.open_table(META)?;
    Ok(meta.get(META_LOG_EPOCH)?.map(|epoch| epoch.value()))
}

pub(crate) fn read_schema(database: &Database) -> Result<Option<u64>, redb::Error> {
    let transaction = database.begin_read()?;
    match transaction.open_table(META) {
        Ok(meta) => Ok(meta.get(META_SCHEMA)?.map(|version| version.value())),
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn read_all(database: &Database) -> Result<Loaded, redb::Error> {
    let transaction = database.begin_read()?;
    let mut loaded = Loaded::default();
    let mut decoder = Decoder::default();
    let stored_next = transaction.open_table(META)?.get(META_NEXT_ID)?;
    let mut next_id = stored_next.map_or(0, |next| next.value());
    for entry in transaction.open_table(REGISTRATIONS)?.iter()? {
        let (key, value) = entry?;
        let id = RegistrationId(key.value());
        next_id = next_id.max(id_after(id.0));
        match decoder.decode_at(id, value.value()) {
            Ok(record) => loaded.records.push(record),
            Err(reason) => loaded.set_aside.push(SetAside { id, reason }),
        }
    }
    loaded.next_id = RegistrationId(next_id);
    loaded.origins = read_origins(&transaction)?;
    Ok(loaded)
}

/// From now on only frames of this epoch count: what is in others is in the tables.
fn start_epoch(meta: &mut Table<'_, &str, u64>, log_epoch: u64) -> Result<(), redb::Error> {
    meta.insert(META_SCHEMA, u64::from(SCHEMA_VERSION))?;
    meta.insert(META_LOG_EPOCH, log_epoch)?;
    Ok(())
}

/// Writes changes, one after the other, in one durable commit. `next_id` is the first id that was never used.
pub(crate) fn write_changes(
    database: &Database,
    changes: &[&Changes],
    next_id: u64,
    log_epoch: Option<u64>,
) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    for changes in changes {
        write_records(&transaction, changes)?;
        write_origins(&transaction, &changes.origins)?;
        write_entries(&transaction, changes)?;
    }
    // As long as the newest registration is there, it tells which ids are used up.
    let newest = next_id.checked_sub(1);
    let removes_newest =
        |changes: &&Changes| newest.is_some_and(|id| changes.records.get(&id) == Some(&None));
    if log_epoch.is_some() || changes.iter().any(removes_newest) {
        let mut meta = transaction.open_table(META)?;
        meta.insert(META_NEXT_ID, next_id)?;
        if let Some(log_epoch) = log_epoch {
            start_epoch(&mut meta, log_epoch)?;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn write_records(transaction: &WriteTransaction, changes: &Changes) -> Result<(), redb::Error> {
    if changes.records.is_empty() {
        return Ok(());
    }
    let mut registrations = transaction.open_table(REGISTRATIONS)?;
    for (id, bytes) in &changes.records {
        match bytes {
            Some(bytes) => drop(registrations.insert(id, bytes.as_slice())?),
            None => drop(registrations.remove(id)?),
        }
    }
    Ok(())
}

pub(crate) fn read_journal(database: &Database) -> Result<Vec<JournalEntry>, redb::Error> {
    let transaction = database.begin_read()?;
    let table = match transaction.open_table(JOURNAL) {
        Ok(table) => table,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut entries = Vec::new();
    for entry in table.iter()? {
        let (key, value) = entry?;
        match decode_entry(value.value()) {
            Ok(entry) if entry.sequence == key.value() => entries.push(entry),
            _ => log::warn!("entry {} of the journal can't be read", key.value()),
        }
    }
    Ok(entries)
}

fn write_entries(transaction: &WriteTransaction, changes: &Changes) -> Result<(), redb::Error> {
    if changes.has_journal() {
        let mut table = transaction.open_table(JOURNAL)?;
        for range in &changes.removed_entries {
            table.retain_in(range.clone(), |_, _| false)?;
        }
        table.retain_in(..changes.keep_from, |_, _| false)?;
        for (sequence, bytes) in &changes.entries {
            table.insert(sequence, bytes.as_slice())?;
        }
    }
    if changes.next_entry > 0 {
        let mut meta = transaction.open_table(META)?;
        meta.insert(META_NEXT_ENTRY, changes.next_entry)?;
    }
    Ok(())
}

/// The first sequence that the journal never used, if its last entries have been removed.
pub(crate) fn read_next_entry(database: &Database) -> Result<u64, redb::Error> {
    let meta = database.begin_read()?.open_table(META)?;
    Ok(meta.get(META_NEXT_ENTRY)?.map_or(0, |next| next.value()))
}
