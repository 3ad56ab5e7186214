//! Single calls and small bursts, in a browser that has just been started.

use std::time::{Duration, Instant};

use anyhow::Result;
use background_sync_bench_browsers::browser::{Browser, Network, call, report};
use background_sync_bench_report::median;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::scale::{AT_ONCE, STEP, STEPS};

/// Single calls, after as many as it takes to have the scripts compiled.
const CALLS: (usize, usize) = (100, 300);
/// How often many calls are made at once, of each kind; the first time does not count.
const BURSTS: usize = 4;
/// How often the network returns to one registration.
const RETURNS: usize = 25;
/// How often the browser is asked what time it is.
const CLOCK_QUESTIONS: usize = 20;

/// What was measured in one start.
#[derive(Clone, Debug, Serialize)]
pub struct Calls {
    /// The page's message to its worker and back, in milliseconds.
    pub echo_ms: f64,
    /// The same after a command to the browser, as when the network returns, instead of after another message.
    pub echo_after_command_ms: f64,
    /// Messages to the worker and back per second, of as many at once as there will be tags.
    pub flood_per_s: f64,
    /// From the call of `getTags()`, while there are none, until its promise is resolved, in milliseconds.
    pub ask_ms: f64,
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
struct Resolved {
    resolved: f64,
}

/// When events were at the worker.
#[derive(Deserialize)]
pub struct Delivered {
    /// The first, in milliseconds.
    pub first: f64,
    /// The last, in milliseconds.
    pub last: f64,
}

/// Measures them once.
pub fn measure(browser: &mut dyn Browser) -> Result<Calls> {
    let (warm_up, calls) = CALLS;
    let mut echoes: Times = call(browser, &format!("echo({warm_up}, {calls})"))?;
    let all = STEP * STEPS;
    let flood: Resolved = call(browser, &format!("flood({all})"))?;
    // Before anything is registered.
    let mut asks: Times = call(browser, &format!("ask({warm_up}, {calls})"))?;
    let mut ask_rates = ask_bursts(browser)?;
    let mut latencies: Latencies = call(browser, &format!("latency({warm_up}, {calls})"))?;
    let (mut rates, mut delivered) = bursts(browser)?;
    let clock = Clock::read(browser)?;
    let (mut returns, mut pauses, mut single_echoes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RETURNS {
        browser.set_network(Network::Offline)?;
        call::<Resolved>(browser, "grow(1)")?;
        let registered = Instant::now();
        let (delivered, online) = go_online(browser, &clock, 1)?;
        returns.push(delivered.first);
        pauses.push(online.duration_since(registered).as_secs_f64() * 1e3);
        single_echoes.extend(call::<Times>(browser, "echo(0, 1)")?.times);
    }
    Ok(Calls {
        echo_ms: median(&mut echoes.times),
        echo_after_command_ms: median(&mut single_echoes),
        flood_per_s: all as f64 / flood.resolved * 1e3,
        ask_ms: median(&mut asks.times),
        asks_per_s: median(&mut ask_rates),
        register_ms: median(&mut latencies.register),
        event_ms: median(&mut latencies.event),
        before_register_ms: median(&mut latencies.before),
        burst_per_s: median(&mut rates),
        burst_delivered_ms: median(&mut delivered),
        return_one_ms: median(&mut returns),
        before_return_ms: median(&mut pauses),
    })
}

/// The middle of several starts, of each figure. There must be one at least.
pub fn middle(starts: &[Calls]) -> Calls {
    let of =
        |figure: fn(&Calls) -> f64| median(&mut starts.iter().map(figure).collect::<Vec<f64>>());
    Calls {
        echo_ms: of(|calls| calls.echo_ms),
        echo_after_command_ms: of(|calls| calls.echo_after_command_ms),
        flood_per_s: of(|calls| calls.flood_per_s),
        ask_ms: of(|calls| calls.ask_ms),
        asks_per_s: of(|calls| calls.asks_per_s),
        register_ms: of(|calls| calls.register_ms),
        event_ms: of(|calls| calls.event_ms),
        before_register_ms: of(|calls| calls.before_register_ms),
        burst_per_s: of(|calls| calls.burst_per_s),
        burst_delivered_ms: of(|calls| calls.burst_delivered_ms),
        return_one_ms: of(|calls| calls.return_one_ms),
        before_return_ms: of(|calls| calls.before_return_ms),
    }
}

/// The rates of many questions at once.
fn ask_bursts(browser: &mut dyn Browser) -> Result<Vec<f64>> {
    let mut rates = Vec::new();
    for burst in 0..BURSTS {
        let asked: Resolved = call(browser, &format!("askAtOnce({STEP})"))?;
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
pub fn go_online(
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
pub struct Clock {
    here: Instant,
    there_ms: f64,
}

impl Clock {
    /// Asks it repeatedly; the quickest answer counts.
    pub fn read(browser: &mut dyn Browser) -> Result<Self> {
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
