//! Nothing to do costs nothing.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use background_sync::{Connectivity, Durability};
use background_sync_core::RegistrationState;

use crate::browser::Browser;
use crate::fill::{Filling, fill};
use crate::report::{Goal, Line};

const REGISTRATIONS: usize = 100_000;
const ORIGINS: usize = 100;

/// What follows the start is over when the threads have slept so long.
const QUIET: Duration = Duration::from_secs(2);
const QUIET_LIMIT: Duration = Duration::from_secs(30);

/// Wake-ups of the component's threads while registrations wait for their retries.
pub fn line(folder: &Path, time: Duration) -> Result<Line> {
    let folder = folder.join("idle");
    let filling = Filling {
        registrations: REGISTRATIONS,
        origins: ORIGINS,
        state: RegistrationState::Waiting,
    };
    fill(&folder, filling)?;
    let browser = Browser::start_with(Some(&folder), Durability::Strict, Connectivity::Online)?;
    let tags = browser.page(0)?.tags()?;
    anyhow::ensure!(tags == REGISTRATIONS / ORIGINS, "{tags} tags");
    let start = Instant::now();
    let mut before = wake_ups()?;
    loop {
        thread::sleep(QUIET);
        let now = wake_ups()?;
        if now == before || start.elapsed() > QUIET_LIMIT {
            break;
        }
        before = now;
    }
    thread::sleep(time);
    let value = wake_ups()? - before;
    browser.shutdown();
    let goal = Goal::ValueAtMost(0.0);
    let line = Line::new(
        "100,000 waiting, wake-ups",
        value as f64,
        "wake-ups",
        None,
        goal,
    );
    Ok(line.note(format!(
        "of the manager's, its alarm's and the store's threads in {} idle seconds, counted by the kernel",
        time.as_secs()
    )))
}

/// How often the component's threads have been scheduled.
fn wake_ups() -> Result<u64> {
    let mut threads = 0;
    let mut sum = 0;
    for task in fs::read_dir("/proc/self/task").context("this needs Linux")? {
        let task = task?.path();
        let name = fs::read_to_string(task.join("comm"))?;
        if !matches!(name.trim(), "SyncManager" | "SyncStore" | "SyncAlarm") {
            continue;
        }
        threads += 1;
        let status = fs::read_to_string(task.join("status"))?;
        for line in status.lines() {
            if let Some((key, value)) = line.split_once(':')
                && key.ends_with("voluntary_ctxt_switches")
            {
                sum += value.trim().parse::<u64>()?;
            }
        }
    }
    anyhow::ensure!(threads == 3, "{threads} threads of the component");
    Ok(sum)
}
