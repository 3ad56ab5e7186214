//! What the machine's disk sets as a floor for whoever stores durably.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use redb::{Database, TableDefinition};

const TABLE: TableDefinition<u64, &[u8]> = TableDefinition::new("registrations");

/// About what a registration takes, in bytes.
const RECORD: [u8; 80] = [7; 80];

/// As long as there is between two `register()` of the page: a disk and a processor that had nothing to do take longer.
const PAUSE: Duration = Duration::from_millis(2);

/// Milliseconds for each of so many commits to a file in this folder: one record each, durable when it returns, by the
/// library that the kiosk stores with.
pub fn commits_ms(folder: &Path, count: usize) -> Result<Vec<f64>> {
    let path = folder.join("floor.redb");
    commit_repeatedly(&path, count).with_context(|| format!("cannot write {}", path.display()))
}

fn commit_repeatedly(path: &Path, count: usize) -> Result<Vec<f64>, redb::Error> {
    let database = Database::create(path)?;
    let mut times = Vec::with_capacity(count);
    for number in 0..count as u64 {
        thread::sleep(PAUSE);
        let start = Instant::now();
        let transaction = database.begin_write()?;
        transaction
            .open_table(TABLE)?
            .insert(number, RECORD.as_slice())?;
        transaction.commit()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use redb::{ReadableDatabase, ReadableTableMetadata};

    use super::*;

    #[test]
    fn each_commit_takes_time_and_is_there() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let times = commits_ms(folder.path(), 3)?;
        assert_eq!(times.len(), 3);
        assert!(times.iter().all(|ms| *ms > 0.0));
        let database = Database::open(folder.path().join("floor.redb"))?;
        assert_eq!(database.begin_read()?.open_table(TABLE)?.len()?, 3);
        Ok(())
    }
}
