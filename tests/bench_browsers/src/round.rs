//! One round in one browser.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use background_sync_bench_browsers::browser::{Browser, Network, call, report};
use background_sync_bench_report::median;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::memory::{self, Memory};

/// Tags of one step of the growth.
pub const STEP: usize = 1_000;
/// Steps of the growth.
pub const STEPS: usize = 8;
/// Calls that are made at once.
pub const AT_ONCE: usize = 500;

/// Single calls, after as many as it takes to have the scripts compiled.
const CALLS: (usize, usize) = (100, 300);
/// How often many calls are made at once, of each kind; the first time does not count.
const BURSTS: usize = 4;
/// How often the network returns to one registration.
const RETURNS: usize = 25;
/// How often the browser is asked what time it is.
const CLOCK_QUESTIONS: usize = 20;

/// What one round has measured.
#[derive(Clone, Debug, Serialize)]
pub struct Round {
    /// The page's message to its worker and back, in milliseconds.
    pub echo_ms: f64,
    /// Messages to the worker and back per second, of as many at once as there will be tags.
    pub flood_per_s: f64,
    /// From the call of `getTags()`, while there are none, until its promise is resolved, in milliseconds.
    pub ask_ms: f64,
    /// The same for one call in a browser that has rested, as it has when the network returns to all tags.
    pub rested_ask_ms: f64,
    /// The same per second, of as many calls at once as one step of the growth has.
    pub asks_per_s: f64,
    /// From the call of `register()` until its promise is resolved, in milliseconds.
    pub register_ms: f64,
    /// From the call of `register()` until its event is at the worker, in milliseconds.
    pub event_ms: f64,
    /// From the answer of one `register()` until the call of the next, in milliseconds.
    pub before_register_ms: f64,
    /// Promises resolved per second, of many calls at once.
    pub burst_per_s: f64,
    /// From many calls at once until the last event is at the worker, in milliseconds.
    pub burst_delivered_ms: f64,
    /// From the network's return until the event of one registration is at the worker, in milliseconds.
    pub return_one_ms: f64,
    /// From the answer of that one's `register()` until the network returns, in milliseconds.
    pub before_return_ms: f64,
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
struct Latencies {
    register: Vec<f64>,
    event: Vec<f64>,
    before: Vec<f64>,
}

#[derive(Deserialize)]
struct Burst {
    resolved: f64,
    delivered: f64,
}

#[derive(Deserialize)]
struct Step {
    resolved: f64,
}

#[derive(Deserialize)]
struct Delivered {
    first: f64,
    last: f64,
}

#[derive(Deserialize)]
struct Tags {
    count: usize,
}

/// Measures everything once, in a browser that has just been started.
pub fn measure(browser: &mut dyn Browser) -> Result<Round> {
    let (warm_up, calls) = CALLS;
    let mut echoes: Times = call(browser, &format!("echo({warm_up}, {calls})"))?;
    let all = STEP * STEPS;
    let flood: Step = call(browser, &format!("flood({all})"))?;
    // Before anything is registered.
    let mut asks: Times = call(browser, &format!("ask({warm_up}, {calls})"))?;
    let mut ask_rates = ask_bursts(browser)?;
    let mut latencies: Latencies = call(browser, &format!("latency({warm_up}, {calls})"))?;
    let (mut rates, mut delivered) = bursts(browser)?;
    let clock = Clock::read(browser)?;
    let (mut returns, mut pauses) = (Vec::new(), Vec::new());
    for _ in 0..RETURNS {
        browser.set_network(Network::Offline)?;
        call::<Step>(browser, "grow(1)")?;
        let registered = Instant::now();
        let (delivered, online) = go_online(browser, &clock, 1)?;
        returns.push(delivered.first);
        pauses.push(online.duration_since(registered).as_secs_f64() * 1e3);
    }

    browser.set_network(Network::Offline)?;
    let memory_before = memory::settled(browser)?;
    let mut rested_asks: Times = call(browser, "ask(0, 1)")?;
    let growth_per_s = register_all(browser)?;
    let memory_with = memory::settled(browser)?;
    let (back, _) = go_online(browser, &clock, all)?;
    Ok(Round {
        echo_ms: median(&mut echoes.times),
        flood_per_s: all as f64 / flood.resolved * 1e3,
        ask_ms: median(&mut asks.times),
        rested_ask_ms: median(&mut rested_asks.times),
        asks_per_s: median(&mut ask_rates),
        register_ms: median(&mut latencies.register),
        event_ms: median(&mut latencies.event),
        before_register_ms: median(&mut latencies.before),
        burst_per_s: median(&mut rates),
        burst_delivered_ms: median(&mut delivered),
        return_one_ms: median(&mut returns),
        before_return_ms: median(&mut pauses),
        growth_per_s,
        memory_before,
        memory_with,
        // Not in this browser.
        tags_bytes: 0.0,
        return_first_ms: back.first,
        return_last_ms: back.last,
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

/// The rates of many questions at once.
fn ask_bursts(browser: &mut dyn Browser) -> Result<Vec<f64>> {
    let mut rates = Vec::new();
    for burst in 0..BURSTS {
        let asked: Step = call(browser, &format!("askAtOnce({STEP})"))?;
        if burst > 0 {
            rates.push(STEP as f64 / asked.resolved * 1e3);
        }
    }
    Ok(rates)
}

/// The rates of many calls at once, and how long their events took.
fn bursts(browser: &mut dyn Browser) -> Result<(Vec<f64>, Vec<f64>)> {
    let mut rates = Vec::new();
    let mut delivered = Vec::new();
    for burst in 0..BURSTS {
        let figures: Burst = call(browser, &format!("atOnce({AT_ONCE})"))?;
        if burst > 0 {
            rates.push(AT_ONCE as f64 / figures.resolved * 1e3);
            delivered.push(figures.delivered);
        }
    }
    Ok((rates, delivered))
}

/// Restores the network, and waits for so many events; returns when the first and the last were at the worker, in
/// milliseconds from the command on, and when that was given.
fn go_online(
    browser: &mut dyn Browser,
    clock: &Clock,
    events: usize,
) -> Result<(Delivered, Instant)> {
    call::<Value>(browser, &format!("expect({events})"))?;
    let online = browser.set_network(Network::Online)?;
    let given = clock.at(online);
    let delivered: Delivered = report(browser, "delivered")?;
    let since = Delivered {
        first: delivered.first - given,
        last: delivered.last - given,
    };
    Ok((since, online))
}

/// The browser's clock.
struct Clock {
    here: Instant,
    there_ms: f64,
}

impl Clock {
    /// Asks it repeatedly; the quickest answer counts.
    fn read(browser: &mut dyn Browser) -> Result<Self> {
        #[derive(Deserialize)]
        struct Time {
            at: f64,
        }
        let mut best: Option<(Duration, Self)> = None;
        for _ in 0..CLOCK_QUESTIONS {
            let asked = Instant::now();
            let time: Time = call(browser, "clock()")?;
            let took = asked.elapsed();
            if best.as_ref().is_none_or(|(quickest, _)| took < *quickest) {
                let clock = Self {
                    here: asked + took / 2,
                    there_ms: time.at,
                };
                best = Some((took, clock));
            }
        }
        let (_, clock) = best.expect("it was asked at least once");
        Ok(clock)
    }

    /// What it says when ours says this.
    fn at(&self, instant: Instant) -> f64 {
        self.there_ms + instant.duration_since(self.here).as_secs_f64() * 1e3
    }
}
