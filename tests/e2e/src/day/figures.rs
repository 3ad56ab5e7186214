//! What a kiosk holds at the end of an hour.

use std::fs;
use std::path::Path;

use crate::Kiosk;
use crate::operator::operate;

/// What a kiosk holds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Memory of the process that is in no file, in bytes: the median of the readings after each visit of the hour, as single
    /// ones have garbage in them.
    pub memory_bytes: u64,
    /// Threads.
    pub threads: usize,
    /// Open descriptors.
    pub descriptors: usize,
    /// The files of the profile, in bytes.
    pub profile_bytes: u64,
    /// What it has written to standard error since its start, in bytes.
    pub log_bytes: u64,
    /// Entries of the journal.
    pub journal_entries: usize,
}

impl Figures {
    /// Of a kiosk with this profile, this log, and these readings of its memory.
    pub fn read(kiosk: &Kiosk, profile: &Path, log: &Path, memory_bytes: &[u64]) -> Self {
        let mut memory_bytes = memory_bytes.to_vec();
        memory_bytes.sort_unstable();
        let entries = |name: &str| {
            let entries = fs::read_dir(format!("/proc/{}/{name}", kiosk.id()));
            entries.expect("it runs").count()
        };
        let journal = operate(profile, &["syncs", "journal", "--json"]);
        Self {
            memory_bytes: memory_bytes[memory_bytes.len() / 2],
            threads: entries("task"),
            descriptors: entries("fd"),
            profile_bytes: folder_bytes(profile),
            log_bytes: fs::metadata(log).map_or(0, |file| file.len()),
            journal_entries: journal.succeeded().lines().count(),
        }
    }
}

/// The sum of the files in a folder. What vanishes meanwhile, as temporary files do, counts as nothing.
fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
