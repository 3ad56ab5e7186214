//! What a browser holds at a moment: all its processes together.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use background_sync_bench_browsers::processes;
use procfs::process::Process;
use serde::Serialize;

/// What a browser holds. Memory that two of its processes share counts twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Memory that is in no file, in bytes: `RssAnon` and `RssShmem` in the system's words.
    pub memory_bytes: f64,
    /// All memory, in bytes, with the pages of files that the system may drop at any time: `VmRSS`.
    pub resident_bytes: f64,
    /// Threads.
    pub threads: f64,
    /// Open descriptors: files, sockets, pipes.
    pub descriptors: f64,
    /// The files of the profile, in bytes.
    pub profile_bytes: f64,
}

impl Sample {
    /// Of the browser whose first process this is, with its profile in this folder.
    pub fn read(root: u32, profile: &Path) -> Result<Self> {
        let tree = processes::tree(root)?;
        let (first, descendants) = tree.split_first().context("a tree has a root")?;
        let mut sample = Self::default();
        sample
            .add_process(*first)
            .context("cannot read what the browser holds")?;
        for id in descendants {
            // One that has ended since holds nothing.
            let mut with = sample;
            if with.add_process(*id).is_ok() {
                sample = with;
            }
        }
        sample.profile_bytes = folder_bytes(profile) as f64;
        Ok(sample)
    }

    fn add_process(&mut self, id: i32) -> Result<()> {
        let process = Process::new(id)?;
        let status = process.status()?;
        let bytes = |kib: Option<u64>| kib.unwrap_or(0) as f64 * 1_024.0;
        self.memory_bytes += bytes(status.rssanon) + bytes(status.rssshmem);
        self.resident_bytes += bytes(status.vmrss);
        self.threads += status.threads as f64;
        self.descriptors += process.fd_count()? as f64;
        Ok(())
    }
}

/// The sum of the files in a folder, in bytes. What vanishes meanwhile, as temporary files do, counts as nothing.
fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
        Ok(metadata) if metadata.is_file() => metadata.len(),
        _ => 0,
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_holds_something_and_its_profile_is_what_is_in_the_folder() -> Result<()> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("inner"))?;
        fs::write(folder.path().join("one"), [0; 100])?;
        fs::write(folder.path().join("inner/two"), [0; 20])?;
        let sample = Sample::read(std::process::id(), folder.path())?;
        assert_eq!(sample.profile_bytes, 120.0);
        assert!(sample.memory_bytes > 100_000.0, "{sample:?}");
        assert!(sample.resident_bytes >= sample.memory_bytes, "{sample:?}");
        assert!(
            sample.threads >= 1.0 && sample.descriptors >= 3.0,
            "{sample:?}"
        );
        Ok(())
    }

    #[test]
    fn a_browser_that_is_gone_is_an_error() {
        assert!(Sample::read(u32::MAX / 2, Path::new("/")).is_err());
    }
}
