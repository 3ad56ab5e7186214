//! One round in one browser.

use anyhow::{Result, ensure};
use background_sync_bench_browsers::browser::{Browser, Network, call};
use background_sync_bench_report::median;
use serde::{Deserialize, Serialize};

use crate::calls::{self, Calls, Clock, go_online};
use crate::memory::{self, Memory};
use crate::scale::{STEP, STEPS};

/// How often the network returns to all tags.
const RETURNS_TO_ALL: usize = 3;

/// What one round has measured.
#[derive(Clone, Debug, Serialize)]
pub struct Round {
    /// Single calls and small bursts.
    pub calls: Calls,
    /// From the call of `getTags()`, while there are none, until its promise is resolved, in milliseconds, for one call in a
    /// browser that has rested, as it has when the network returns to all tags.
    pub rested_ask_ms: f64,
    /// Promises resolved per second, for each further thousand of registered tags.
    pub growth_per_s: Vec<f64>,
    /// The browser's memory before the growth.
    pub memory_before: Memory,
    /// The same with all tags registered.
    pub memory_with: Memory,
    /// By how much more memory the browser's first process, which keeps the registrations, rests with all tags than with none,
    /// in bytes.
    pub tags_bytes: f64,
    /// From the network's return until the first of all those events is at the worker, in milliseconds.
    pub return_first_ms: f64,
    /// The same for the last.
    pub return_last_ms: f64,
}

#[derive(Deserialize)]
struct Times {
    times: Vec<f64>,
}

#[derive(Deserialize)]
struct Step {
    resolved: f64,
}

#[derive(Deserialize)]
struct Tags {
    count: usize,
}

/// Measures everything once, in a browser that has just been started.
pub fn measure(browser: &mut dyn Browser) -> Result<Round> {
    let calls = calls::measure(browser)?;
    let clock = Clock::read(browser)?;
    browser.set_network(Network::Offline)?;
    let memory_before = memory::settled(browser)?;
    let mut rested_asks: Times = call(browser, "ask(0, 1)")?;
    let growth_per_s = register_all(browser)?;
    let memory_with = memory::settled(browser)?;
    let (mut firsts, mut lasts) = (Vec::new(), Vec::new());
    for number in 0..RETURNS_TO_ALL {
        if number > 0 {
            browser.set_network(Network::Offline)?;
            register_all(browser)?;
            // It rests as long as it did before the first.
            memory::settled(browser)?;
        }
        let (back, _) = go_online(browser, &clock, STEP * STEPS)?;
        firsts.push(back.first);
        lasts.push(back.last);
    }
    Ok(Round {
        calls,
        rested_ask_ms: median(&mut rested_asks.times),
        growth_per_s,
        memory_before,
        memory_with,
        // Not in this browser.
        tags_bytes: 0.0,
        return_first_ms: median(&mut firsts),
        return_last_ms: median(&mut lasts),
    })
}

/// Registers all tags in a browser that is offline; returns how many a second, of each step.
pub fn register_all(browser: &mut dyn Browser) -> Result<Vec<f64>> {
    let mut growth_per_s = Vec::new();
    for _ in 0..STEPS {
        let step: Step = call(browser, &format!("grow({STEP})"))?;
        growth_per_s.push(STEP as f64 / step.resolved * 1e3);
    }
    let tags: Tags = call(browser, "tags()")?;
    let all = STEP * STEPS;
    ensure!(tags.count == all, "{} tags instead of {all}", tags.count);
    Ok(growth_per_s)
}
