//! The tables of the file, as `DESIGN.md` describes them.

use background_sync_core::{JournalEntry, RegistrationId, StoreOp};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use crate::codec::Decoder;
use crate::fault::too_long;
use crate::redb_origins::{read_origins, write_origins};
use crate::{
    Durability, JournalUpdate, Loaded, SCHEMA_VERSION, SetAside, decode_entry, encode, encode_entry,
};

const REGISTRATIONS: TableDefinition<u64, &[u8]> = TableDefinition::new("registrations");
const SET_ASIDE: TableDefinition<u64, &[u8]> = TableDefinition::new("set_aside");
const JOURNAL: TableDefinition<u64, &[u8]> = TableDefinition::new("journal");
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
const META_SCHEMA: &str = "schema_version";
const META_NEXT_ID: &str = "next_id";
const META_NEXT_ENTRY: &str = "next_entry";

/// Ids above are damage: nothing could be stored behind them.
const MAX_ID: u64 = u64::MAX / 2;

/// Makes the tables of an empty file.
pub(crate) fn create_tables(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(REGISTRATIONS)?;
    transaction.open_table(SET_ASIDE)?;
    transaction
        .open_table(META)?
        .insert(META_SCHEMA, u64::from(SCHEMA_VERSION))?;
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
        if id.0 <= MAX_ID {
            next_id = next_id.max(id.0 + 1);
        }
        match decoder.decode(value.value()) {
            Ok(record) if record.id == id && id.0 > MAX_ID => {
                let reason = format!("no store gets as far as its id, {}", id.0);
                loaded.set_aside.push(SetAside { id, reason });
            }
            Ok(record) if record.id == id => loaded.records.push(record),
            Ok(record) => {
                let reason = format!("the record says that its id is {}", record.id.0);
                loaded.set_aside.push(SetAside { id, reason });
            }
            Err(error) => loaded.set_aside.push(SetAside {
                id,
                reason: error.to_string(),
            }),
        }
    }
    loaded.next_id = RegistrationId(next_id);
    loaded.origins = read_origins(&transaction)?;
    Ok(loaded)
}

/// Applies a batch; returns the first id that was never used.
pub(crate) fn write_batch(
    database: &Database,
    batch: &[StoreOp],
    durability: Durability,
    next_id: u64,
) -> Result<u64, redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(to_redb(durability))?;
    let new_next_id = next_id.max(insert(&transaction, batch)?);
    // As long as the newest registration is there, it tells which ids are used up.
    let removes_newest = |op: &StoreOp| matches!(op, StoreOp::Remove(id) if id.0.checked_add(1) == Some(new_next_id));
    if batch.iter().any(removes_newest) {
        transaction
            .open_table(META)?
            .insert(META_NEXT_ID, new_next_id)?;
    }
    transaction.commit()?;
    Ok(new_next_id)
}

/// Fills a file that has empty tables, in one commit.
pub(crate) fn write_everything(
    database: &Database,
    loaded: Loaded,
    journal: Vec<JournalEntry>,
    next_entry: u64,
) -> Result<(), redb::Error> {
    let records = loaded.records.into_iter().map(StoreOp::Put);
    let origins = loaded.origins.into_iter().map(StoreOp::PutOrigin);
    let everything: Vec<_> = records.chain(origins).collect();
    let update = JournalUpdate {
        put: journal,
        next_sequence: next_entry,
        ..JournalUpdate::default()
    };
    let transaction = database.begin_write()?;
    insert(&transaction, &everything)?;
    update_entries(&transaction, &update)?;
    {
        // What is used up stays used up.
        let mut meta = transaction.open_table(META)?;
        meta.insert(META_NEXT_ID, loaded.next_id.0)?;
        meta.insert(META_NEXT_ENTRY, next_entry)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Applies operations; returns the id after the highest one among them.
fn insert(transaction: &WriteTransaction, batch: &[StoreOp]) -> Result<u64, redb::Error> {
    let mut next_id = 0;
    {
        let mut registrations = transaction.open_table(REGISTRATIONS)?;
        for op in batch {
            match op {
                StoreOp::Put(record) => {
                    let bytes = encode(record).map_err(too_long)?;
                    registrations.insert(record.id.0, bytes.as_slice())?;
                    next_id = next_id.max(record.id.0.saturating_add(1));
                }
                StoreOp::Remove(id) => drop(registrations.remove(id.0)?),
                StoreOp::PutOrigin(_) | StoreOp::RemoveOrigin(_) => {}
            }
        }
    }
    write_origins(transaction, batch)?;
    Ok(next_id)
}

fn to_redb(durability: Durability) -> redb::Durability {
    match durability {
        Durability::Strict => redb::Durability::Immediate,
        Durability::Relaxed => redb::Durability::None,
    }
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

pub(crate) fn write_journal(
    database: &Database,
    update: &JournalUpdate,
    durability: Durability,
) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(to_redb(durability))?;
    update_entries(&transaction, update)?;
    transaction.commit()?;
    Ok(())
}

fn update_entries(
    transaction: &WriteTransaction,
    update: &JournalUpdate,
) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(JOURNAL)?;
    for range in &update.remove {
        table.retain_in(range.clone(), |_, _| false)?;
    }
    for entry in &update.put {
        // One that is too long is not worth a fault.
        if let Ok(bytes) = encode_entry(entry) {
            table.insert(entry.sequence, bytes.as_slice())?;
        }
    }
    table.retain_in(..update.keep_from, |_, _| false)?;
    // Otherwise the last entry tells.
    if !update.remove.is_empty() {
        let mut meta = transaction.open_table(META)?;
        meta.insert(META_NEXT_ENTRY, update.next_sequence)?;
    }
    Ok(())
}

/// The first sequence that the journal never used, if its last entries have been removed.
pub(crate) fn read_next_entry(database: &Database) -> Result<u64, redb::Error> {
    let meta = database.begin_read()?.open_table(META)?;
    Ok(meta.get(META_NEXT_ENTRY)?.map_or(0, |next| next.value()))
}
