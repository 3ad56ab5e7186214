//! What a browser's processes hold in memory.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use background_sync_bench_browsers::browser::Browser;
use background_sync_bench_browsers::processes;
use procfs::process::Process;
use serde::Serialize;

/// What a process holds that is in no file: memory of its own, and shared memory, in the system's words.
const PARTS: [&str; 2] = ["Pss_Anon", "Pss_Shmem"];

/// How often garbage is collected at most: each time frees a little more, in the kiosk a MiB ...
const COLLECTIONS: usize = 8;

/// ... and the rest in the background: the memory is read again after this time ...
const PAUSE: Duration = Duration::from_millis(250);
/// ... until it has not fallen any further for so long ...
const QUIET: Duration = Duration::from_secs(2);
/// ... where less than this, in bytes, is no fall but noise.
const NOISE_BYTES: f64 = 262_144.0;
/// A browser that still frees memory after this time is taken as it is.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a browser holds, in bytes, where a page that several processes share counts as one (the sum of their
/// proportional set sizes).
///
/// Pages that only repeat what is in a file, the browser's code above all, are left out: the system may drop them at any
/// time, and whoever else has them mapped shares them, so another browser on the machine would make this one smaller.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Memory {
    /// All its processes.
    pub all_bytes: f64,
    /// The first one alone, which keeps the registrations.
    pub first_bytes: f64,
}

/// What a browser holds once it has freed what it can be made to.
///
/// Chromium can be made to free more than the kiosk can, its caches and its worker's garbage, so this favours it.
pub fn settled(browser: &mut dyn Browser) -> Result<Memory> {
    let mut least: Option<Memory> = None;
    for _ in 0..COLLECTIONS {
        browser.collect_garbage()?;
        let now = settled_by_itself(browser.process_id())?;
        let Some(before) = least.replace(now) else {
            continue;
        };
        if now.all_bytes > before.all_bytes - NOISE_BYTES {
            least = Some(now.least(before));
            break;
        }
    }
    least.context("memory was not read")
}

/// The memory of a process and all that descend from it once that has stopped falling.
fn settled_by_itself(root: u32) -> Result<Memory> {
    let mut settling = Settling::new(Instant::now(), of_tree(root)?);
    while !settling.is_over(Instant::now()) {
        thread::sleep(PAUSE);
        settling.handle_reading(Instant::now(), of_tree(root)?);
    }
    Ok(settling.least)
}

impl Memory {
    fn least(self, other: Self) -> Self {
        match self.all_bytes < other.all_bytes {
            true => self,
            false => other,
        }
    }
}

/// Readings that fall until they fall no more.
struct Settling {
    began: Instant,
    /// The least reading.
    least: Memory,
    /// What the last fall led to, in bytes.
    level: f64,
    fell: Instant,
}

impl Settling {
    fn new(now: Instant, reading: Memory) -> Self {
        Self {
            began: now,
            least: reading,
            level: reading.all_bytes,
            fell: now,
        }
    }

    fn handle_reading(&mut self, now: Instant, reading: Memory) {
        self.least = reading.least(self.least);
        // Many small falls are one.
        if reading.all_bytes < self.level - NOISE_BYTES {
            self.level = reading.all_bytes;
            self.fell = now;
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.fell) >= QUIET || now.duration_since(self.began) >= PATIENCE
    }
}

/// The memory of a process and all that descend from it.
pub fn of_tree(root: u32) -> Result<Memory> {
    let tree = processes::tree(root)?;
    let (first, descendants) = tree.split_first().context("a tree has a root")?;
    let first_bytes = proportional_bytes(*first).context("cannot read what the browser holds")?;
    // One that has ended since holds nothing.
    let others: f64 = descendants
        .iter()
        .map(|id| proportional_bytes(*id).unwrap_or(0.0))
        .sum();
    Ok(Memory {
        all_bytes: first_bytes + others,
        first_bytes,
    })
}

fn proportional_bytes(id: i32) -> Result<f64> {
    let rollup = Process::new(id)?.smaps_rollup()?;
    let maps = rollup.memory_map_rollup.0;
    let sizes = &maps.first().context("no sizes")?.extension.map;
    let mut sum = 0.0;
    for part in PARTS {
        sum += *sizes
            .get(part)
            .with_context(|| format!("no {part}: Linux 5.4 or newer tells it"))?
            as f64;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: f64 = 1_048_576.0;

    fn reading(all_mib: f64) -> Memory {
        Memory {
            all_bytes: all_mib * MIB,
            first_bytes: MIB,
        }
    }

    #[test]
    fn it_is_over_when_nothing_falls_any_more() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut settling = Settling::new(start, reading(100.0));
        settling.handle_reading(after(1_500), reading(90.0));
        assert!(!settling.is_over(after(3_400)), "it fell 1.9 s before");
        // More again, and less by no more than noise.
        settling.handle_reading(after(2_500), reading(95.0));
        settling.handle_reading(after(3_000), reading(89.9));
        assert!(settling.is_over(after(3_500)));
        assert_eq!(settling.least, reading(89.9));
    }

    #[test]
    fn a_slow_fall_is_a_fall_but_not_for_ever() {
        let start = Instant::now();
        let mut settling = Settling::new(start, reading(100.0));
        let mut seconds = 0;
        while !settling.is_over(start + Duration::from_secs(seconds)) {
            seconds += 1;
            let now = start + Duration::from_secs(seconds);
            settling.handle_reading(now, reading(100.0 - seconds as f64 * 0.2));
        }
        assert_eq!(seconds, PATIENCE.as_secs());
    }

    #[test]
    fn this_process_holds_something_and_one_that_is_gone_is_an_error() {
        let memory = of_tree(std::process::id()).expect("this process runs");
        assert!(memory.first_bytes > 0.1 * MIB, "{memory:?}");
        assert!(memory.all_bytes >= memory.first_bytes, "{memory:?}");
        assert!(of_tree(u32::MAX / 2).is_err());
    }
}
