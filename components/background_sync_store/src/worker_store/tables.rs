//! The tables of the file. They are changed together, and created if the file is older than they are.

use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, TableError};

use super::codec::{decode_worker, encode_head};

/// So many workers are kept, in all. One more takes the place of the one that was stored first.
pub const MAX_STORED_WORKERS: u64 = 512;

/// The same of one origin.
pub(super) const MAX_STORED_WORKERS_PER_ORIGIN: usize = 64;

/// By scope, an origin and a scope URL in one key; number of the store operation, then the record.
pub(super) const WORKERS: TableDefinition<(&str, &str), (u64, &[u8])> =
    TableDefinition::new("workers");

/// The same numbers in their order, with the keys: nobody must read all scripts to find the oldest. Files from before it
/// get it with their next change.
pub(super) const ORDER: TableDefinition<u64, (&str, &str)> = TableDefinition::new("order");

/// What is read of all workers when the browser starts: their scripts are long. Files from before it get it when they are
/// read first.
pub(super) const HEADS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("heads");

/// What a change works on.
pub(super) struct Tables<'t> {
    pub heads: redb::Table<'t, (&'static str, &'static str), &'static [u8]>,
    pub workers: redb::Table<'t, (&'static str, &'static str), (u64, &'static [u8])>,
    pub order: redb::Table<'t, u64, (&'static str, &'static str)>,
}

impl<'t> Tables<'t> {
    pub fn open(transaction: &'t redb::WriteTransaction) -> Result<Self, redb::Error> {
        let workers = transaction.open_table(WORKERS)?;
        let mut order = transaction.open_table(ORDER)?;
        let mut heads = transaction.open_table(HEADS)?;
        if heads.len()? != workers.len()? {
            heads.retain(|_, _| false)?;
            for entry in workers.iter()? {
                let (key, value) = entry?;
                let head = decode_worker(value.value().1).map(|worker| encode_head(&worker));
                // One that can't be read has an empty one, so that this is not done again for it.
                let head = head.unwrap_or_default();
                heads.insert(key.value(), head.as_slice())?;
            }
        }
        if order.len()? != workers.len()? {
            order.retain(|_, _| false)?;
            for entry in workers.iter()? {
                let (key, value) = entry?;
                order.insert(value.value().0, key.value())?;
            }
        }
        Ok(Self {
            heads,
            workers,
            order,
        })
    }

    /// For one more of an origin.
    pub fn make_room(&mut self, origin: &str) -> Result<(), redb::Error> {
        let mut of_origin = Vec::new();
        for entry in self.order.iter()? {
            let (number, key) = entry?;
            if key.value().0 == origin {
                of_origin.push(number.value());
            }
        }
        let oldest = match of_origin.first() {
            Some(first) if of_origin.len() >= MAX_STORED_WORKERS_PER_ORIGIN => Some(*first),
            _ if self.workers.len()? >= MAX_STORED_WORKERS => {
                self.order.first()?.map(|(number, _)| number.value())
            }
            _ => None,
        };
        if let Some(number) = oldest
            && let Some(key) = self.order.remove(number)?
        {
            self.workers.remove(key.value())?;
            self.heads.remove(key.value())?;
        }
        Ok(())
    }

    pub fn remove(&mut self, key: (&str, &str)) -> Result<(), redb::Error> {
        let number = self.workers.remove(key)?.map(|value| value.value().0);
        if let Some(number) = number {
            self.order.remove(number)?;
        }
        self.heads.remove(key)?;
        Ok(())
    }
}

/// A table that is to be read. A file without it, new or from before it, is no fault.
pub(super) fn if_there<T>(opened: Result<T, TableError>) -> Result<Option<T>, redb::Error> {
    match opened {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
