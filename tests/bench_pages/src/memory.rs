//! What a browser holds while it does something.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use background_sync_bench_browsers::processes;
use procfs::process::Process;

/// How often memory is read.
const INTERVAL: Duration = Duration::from_millis(20);

/// Memory of a process and all that descend from it that is in no file, in bytes.
pub fn read(root: u32) -> Result<f64> {
    let tree = processes::tree(root)?;
    let (first, descendants) = tree.split_first().context("a tree has a root")?;
    let mut bytes = bytes_of(*first).context("cannot read what the browser holds")?;
    for id in descendants {
        // One that has ended since holds nothing.
        bytes += bytes_of(*id).unwrap_or(0.0);
    }
    Ok(bytes)
}

fn bytes_of(id: i32) -> Result<f64> {
    let status = Process::new(id)?.status()?;
    let kib = status.rssanon.unwrap_or(0) + status.rssshmem.unwrap_or(0);
    Ok(kib as f64 * 1_024.0)
}

/// Watches a browser's memory on a thread of its own.
pub struct Peak {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Result<f64>>,
}

impl Peak {
    /// Begins to watch.
    pub fn watch(root: u32) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let thread_is_over = is_over.clone();
        let thread = thread::spawn(move || {
            let mut most = read(root)?;
            while !thread_is_over.load(Ordering::Relaxed) {
                thread::sleep(INTERVAL);
                most = most.max(read(root)?);
            }
            Ok(most)
        });
        Self { is_over, thread }
    }

    /// The most that was seen, in bytes.
    pub fn end(self) -> Result<f64> {
        self.is_over.store(true, Ordering::Relaxed);
        let most = self.thread.join();
        most.map_err(|_| anyhow!("the thread that reads memory has ended by itself"))?
    }
}
