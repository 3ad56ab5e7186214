//! What the machine's disk sets as a floor for whoever stores durably.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

/// What one small commit writes, in bytes.
const COMMIT: [u8; 4096] = [7; 4096];

/// Milliseconds for each of so many commits to a file in this folder, written and synchronized.
pub fn commits_ms(folder: &Path, count: usize) -> Result<Vec<f64>> {
    let path = folder.join("floor");
    let mut file =
        File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        file.write_all(&COMMIT)?;
        file.sync_data()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}
