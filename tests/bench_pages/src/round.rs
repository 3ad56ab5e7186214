//! What is measured of one browser.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use background_sync_bench_browsers::browser::{Browser, call};
use background_sync_bench_report::median;
use serde::Deserialize;
use serde_json::Value;

use crate::memory::{self, Peak};
use crate::site::Site;

/// How often a page is loaded in a round.
const LOADS: usize = 7;
/// The length of the long body, in bytes.
const LONG_BODY_BYTES: u64 = 200_000_000;
/// How often `match()` is called.
const MATCHES: u32 = 500;
/// How long nothing is done before memory is read: the kiosk collects garbage after 10 s.
const REST: Duration = Duration::from_secs(13);

/// One browser's figures.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// The page and its 200 files from the network, without a worker.
    pub plain_ms: f64,
    /// The same, answered by a worker from what it has stored.
    pub cached_ms: f64,
    /// One `match()` in a cache of 100 entries.
    pub match_few_ms: f64,
    /// The same in one of 10,000.
    pub match_many_ms: f64,
    /// Until the first byte of a long body that came through `respondWith(fetch())`.
    pub first_byte_ms: f64,
    /// Until its last.
    pub last_byte_ms: f64,
    /// How much more memory it took at most than idleness before it.
    pub stream_bytes: f64,
    /// The same for `cache.put()`.
    pub put_bytes: f64,
}

#[derive(Deserialize)]
struct Loading {
    ms: f64,
    controlled: bool,
}

#[derive(Deserialize)]
struct Stream {
    first_ms: f64,
    total_ms: f64,
}

/// Only how fast this page loads that no worker controls.
pub fn plain_ms(browser: &mut dyn Browser, site: &Site) -> Result<f64> {
    browser.reopen(&site.plain_url())?;
    loads_ms(browser, false)
}

/// All of it, of a browser that has the app open.
pub fn measure(browser: &mut dyn Browser, site: &Site) -> Result<Round> {
    let cached_ms = loads_ms(browser, true)?;
    let match_few_ms = call(browser, &format!("match(100, {MATCHES})"))?;
    let match_many_ms = call(browser, &format!("match(10_000, {MATCHES})"))?;
    let (stream, stream_bytes) = with_memory(browser, "stream")?;
    let stream: Stream = serde_json::from_value(stream)?;
    // Chromium's cache refuses so long a body here and there; a figure that is no number meets no goal.
    let put_bytes = match with_memory(browser, "put") {
        Ok((_, bytes)) => bytes,
        Err(error) => {
            eprintln!("cache.put(): {error:#}");
            f64::NAN
        }
    };
    Ok(Round {
        plain_ms: plain_ms(browser, site)?,
        cached_ms,
        match_few_ms,
        match_many_ms,
        first_byte_ms: stream.first_ms,
        last_byte_ms: stream.total_ms,
        stream_bytes,
        put_bytes,
    })
}

/// The median time of some loads.
fn loads_ms(browser: &mut dyn Browser, controlled: bool) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..LOADS {
        browser.reload()?;
        let loading: Loading = call(browser, "loading()")?;
        ensure!(
            loading.controlled == controlled,
            "the page has {} worker",
            if controlled { "no" } else { "a" }
        );
        times.push(loading.ms);
    }
    Ok(median(&mut times))
}

/// What a function says of a long body, and the memory that it took above idleness.
fn with_memory(browser: &mut dyn Browser, function: &str) -> Result<(Value, f64)> {
    thread::sleep(REST);
    let root = browser.process_id();
    let before = memory::read(root)?;
    let peak = Peak::watch(root);
    let value = call(browser, &format!("{function}({LONG_BODY_BYTES})"));
    let most = peak.end()?;
    Ok((value?, most - before))
}
