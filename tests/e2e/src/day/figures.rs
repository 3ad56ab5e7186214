//! What a kiosk holds at the end of an hour.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::Kiosk;
use crate::operator::operate;

/// How often it is looked meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// What a kiosk holds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Memory of the process that is in no file, in bytes: the least while nobody came after the hour.
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
    /// Of a kiosk with this profile and this log, to which nobody comes for so long.
    pub fn read(kiosk: &Kiosk, profile: &Path, log: &Path, rest: Duration) -> Self {
        let entries = |name: &str| {
            let entries = fs::read_dir(format!("/proc/{}/{name}", kiosk.id()));
            entries.expect("it runs").count()
        };
        let journal = operate(profile, &["syncs", "journal", "--json"]);
        Self {
            memory_bytes: memory_at_rest(kiosk, rest),
            threads: entries("task"),
            descriptors: entries("fd"),
            profile_bytes: folder_bytes(profile),
            log_bytes: fs::metadata(log).map_or(0, |file| file.len()),
            journal_entries: journal.succeeded().lines().count(),
        }
    }
}

fn memory_at_rest(kiosk: &Kiosk, rest: Duration) -> u64 {
    let end = Instant::now() + rest;
    let mut least = kiosk.memory_bytes();
    while Instant::now() < end {
        thread::sleep(LOOK_AGAIN);
        least = least.min(kiosk.memory_bytes());
    }
    least
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
