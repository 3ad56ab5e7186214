//! What the machine's disk sets as a floor for whoever stores durably.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// What is written at least: a page, in bytes.
const PAGE: [u8; 4_096] = [7; 4_096];

/// As long as there is between two `register()` of the page: a disk and a processor that had nothing to do take longer.
const PAUSE: Duration = Duration::from_millis(2);

/// Milliseconds for each of so many flushes of a file in this folder that has room already: one page each, on the medium when
/// it returns.
pub fn flushes_ms(folder: &Path, count: usize) -> Result<Vec<f64>> {
    let path = folder.join("floor");
    flush_repeatedly(&path, count).with_context(|| format!("cannot write {}", path.display()))
}

fn flush_repeatedly(path: &Path, count: usize) -> io::Result<Vec<f64>> {
    let file = File::create(path)?;
    let place = |number: usize| number as u64 * PAGE.len() as u64;
    for number in 0..count {
        file.write_all_at(&[0; PAGE.len()], place(number))?;
    }
    file.sync_all()?;
    let mut times = Vec::with_capacity(count);
    for number in 0..count {
        thread::sleep(PAUSE);
        let start = Instant::now();
        file.write_all_at(&PAGE, place(number))?;
        file.sync_data()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn each_flush_takes_time_and_is_there() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let times = flushes_ms(folder.path(), 3)?;
        assert_eq!(times.len(), 3);
        assert!(times.iter().all(|ms| *ms > 0.0));
        assert_eq!(fs::read(folder.path().join("floor"))?, PAGE.repeat(3));
        Ok(())
    }
}
