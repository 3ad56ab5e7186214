//! What both browsers can do for the benchmark.

use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How long one step may take before the benchmark gives up. Chromium needs half a minute for 8,000 registrations on an
/// idle machine.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// What a line of the page's console starts with that is meant for us.
const REPORT: &str = "bench ";

/// Whether the browser has a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// It is cut.
    Offline,
    /// It is there.
    Online,
}

/// A running browser with the page open. Killed when dropped.
pub trait Browser {
    /// The process whose descendants are the browser.
    fn process_id(&self) -> u32;

    /// Runs a script in the page; its value is not waited for.
    fn evaluate(&mut self, script: &str) -> Result<()>;

    /// The next line of the page's console.
    fn next_console_line(&mut self, deadline: Instant) -> Result<String>;

    /// Loads the page again, and waits until its worker is there.
    fn reload(&mut self) -> Result<()>;

    /// Closes the page's window, opens another one with this page, and waits until its worker is there.
    fn reopen(&mut self, url: &str) -> Result<()>;

    /// Cuts or restores the network. Returns when the command was given; by the end it has taken effect.
    fn set_network(&mut self, network: Network) -> Result<Instant>;

    /// Has what scripts no longer use freed, as far as the browser can be told so; it may happen in the background.
    fn collect_garbage(&mut self) -> Result<()>;

    /// Ends it by force, before it notices that anything has changed. What it has given to the system to store is stored.
    fn kill(self: Box<Self>);
}

/// A browser's first process. Killed when dropped.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the page reports at the end of each call.
#[derive(Deserialize)]
struct Report {
    name: String,
    #[serde(default)]
    value: Value,
    error: Option<String>,
}

/// Calls one of the page's functions, `latency(5, 10)` say, and waits for what it reports.
pub fn call<T: DeserializeOwned>(browser: &mut dyn Browser, call: &str) -> Result<T> {
    browser.evaluate(&format!("bench.{call}"))?;
    let name = call.split('(').next().unwrap_or_default();
    report(browser, name).with_context(|| format!("the page was told to do `{call}`"))
}

/// Waits for what the page reports under this name.
pub fn report<T: DeserializeOwned>(browser: &mut dyn Browser, name: &str) -> Result<T> {
    let value = next_report(browser, name)?;
    serde_json::from_value(value).with_context(|| format!("the report of `{name}`"))
}

/// Waits until the page's script is there, and its worker active.
pub fn start_page(browser: &mut dyn Browser) -> Result<()> {
    next_report(browser, "loaded").context("the page was opened")?;
    call::<Value>(browser, "start()").map(drop)
}

fn next_report(browser: &mut dyn Browser, name: &str) -> Result<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let line = browser.next_console_line(deadline)?;
        let Some(json) = line.strip_prefix(REPORT) else {
            continue;
        };
        let report: Report = serde_json::from_str(json).context("a report that is no JSON")?;
        if let Some(error) = report.error {
            bail!("it failed: {error}");
        }
        if report.name == name {
            return Ok(report.value);
        }
        bail!("it reported the end of `{}` instead", report.name);
    }
}
