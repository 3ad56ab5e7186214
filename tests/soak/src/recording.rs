//! One phase in one browser, from its start to a minute after its end.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use background_sync_bench_browsers::browser::Browser;
use serde::Serialize;

use crate::phase::{Phase, Scale};
use crate::sample::Sample;

/// How often a phase is interrupted for a reading.
const STEPS: u32 = 100;
/// After the page's worker is there, before the first reading.
const SETTLING: Duration = Duration::from_secs(5);
/// How often an idle wait looks whether it was interrupted.
const GLANCE: Duration = Duration::from_millis(100);
/// A browser that holds more than this, in bytes, is stopped before it takes the machine with it.
const MOST_MEMORY_BYTES: f64 = 4.0 * 1024.0 * 1024.0 * 1024.0;

/// Set when somebody wants the run to end.
pub static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// What a browser held in the course of a phase.
#[derive(Debug, Default, Serialize)]
pub struct Recording {
    /// Before the phase.
    pub start: Sample,
    /// In its course: after so many operations.
    pub readings: Vec<(u32, Sample)>,
    /// After a minute in which nothing was done.
    pub idle: Option<Sample>,
    /// How it ended.
    pub end: End,
}

/// Why there are no more readings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub enum End {
    /// All was done.
    #[default]
    Complete,
    /// The time was up before all was done.
    OutOfTime,
    /// The browser held more than any bound may allow.
    TooMuchMemory,
    /// Somebody wanted the run to end.
    Interrupted,
    /// The browser did not do as it was told.
    Failed(String),
}

/// How long and how much.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// How much is done ...
    pub scale: Scale,
    /// ... unless this is over before.
    pub most: Option<Duration>,
}

impl Recording {
    /// Does the phase in a browser that was just started, with its profile in this folder. What goes wrong ends the
    /// recording, and is in it.
    pub fn make(
        browser: &mut dyn Browser,
        phase: &Phase,
        url: &str,
        folder: &Path,
        extent: Extent,
    ) -> Self {
        let mut recording = Self::default();
        let end = recording.record(browser, phase, url, folder, extent);
        recording.end = match end {
            // A terminal interrupts the browser as well.
            _ if is_interrupted() => End::Interrupted,
            Ok(end) => end,
            Err(error) => End::Failed(format!("{error:#}")),
        };
        recording
    }

    /// Whether the phase was done as far as it was meant to be.
    pub fn is_whole(&self) -> bool {
        matches!(self.end, End::Complete | End::OutOfTime)
    }

    fn record(
        &mut self,
        browser: &mut dyn Browser,
        phase: &Phase,
        url: &str,
        folder: &Path,
        extent: Extent,
    ) -> Result<End> {
        wait(SETTLING);
        self.start = Sample::read(browser.process_id(), folder)?;
        let all = phase.operations(extent.scale);
        let began = Instant::now();
        let mut done = 0;
        let mut end = End::Complete;
        for step in 1..=STEPS {
            if is_interrupted() {
                return Ok(End::Interrupted);
            }
            let count = part(all, step) - done;
            phase.perform(browser, url, count)?;
            done += count;
            let sample = Sample::read(browser.process_id(), folder)?;
            self.readings.push((done, sample));
            if sample.memory_bytes > MOST_MEMORY_BYTES {
                return Ok(End::TooMuchMemory);
            }
            if step < STEPS && extent.most.is_some_and(|most| began.elapsed() >= most) {
                end = End::OutOfTime;
                break;
            }
        }
        wait(extent.scale.idleness());
        self.idle = Some(Sample::read(browser.process_id(), folder)?);
        Ok(end)
    }
}

/// How much is done after so many steps.
fn part(all: u32, step: u32) -> u32 {
    let part = u64::from(all) * u64::from(step) / u64::from(STEPS);
    u32::try_from(part).unwrap_or(all)
}

fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Does nothing for so long, unless it is interrupted.
fn wait(time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until && !is_interrupted() {
        thread::sleep(GLANCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_make_up_the_whole() {
        assert_eq!((part(1_999, 1), part(1_999, STEPS)), (19, 1_999));
        assert_eq!(part(100_000, 10), 10_000);
        assert_eq!(part(u32::MAX, STEPS), u32::MAX);
    }
}
