//! What the machine's disk sets as a floor for whoever stores durably.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

/// What the smallest commit writes, in bytes.
const BLOCK: [u8; 4096] = [7; 4096];
/// Blocks of the file. They are there before the first commit: no commit changes the file's size or finds it a place.
const BLOCKS: usize = 256;

/// Milliseconds for each of so many commits to a file in this folder: a block written over, and synchronized.
pub fn commits_ms(folder: &Path, count: usize) -> Result<Vec<f64>> {
    let path = folder.join("floor");
    commit_repeatedly(&path, count).with_context(|| format!("cannot write {}", path.display()))
}

fn commit_repeatedly(path: &Path, count: usize) -> std::io::Result<Vec<f64>> {
    let file = File::create(path)?;
    file.write_all_at(&BLOCK.repeat(BLOCKS), 0)?;
    file.sync_all()?;
    let mut times = Vec::with_capacity(count);
    for block in (0..BLOCKS).cycle().take(count) {
        let start = Instant::now();
        file.write_all_at(&BLOCK, (block * BLOCK.len()) as u64)?;
        file.sync_data()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_take_time_and_do_not_change_the_size() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let times = commits_ms(folder.path(), BLOCKS + 3)?;
        assert_eq!(times.len(), BLOCKS + 3);
        assert!(times.iter().all(|ms| *ms > 0.0));
        let size = folder.path().join("floor").metadata()?.len();
        assert_eq!(size, (BLOCKS * BLOCK.len()) as u64);
        Ok(())
    }
}
