//! What the browsers are made to do, one thing at a time.

use std::time::Duration;

use anyhow::Result;
use background_sync_bench_browsers::browser::{Browser, call};
use serde_json::Value;

/// `--quick` does so much less of everything.
const QUICK_DIVISOR: u32 = 20;
/// Chromium does so much less of everything.
const BESIDE_DIVISOR: u32 = 10;

/// One thing that is done again and again.
#[derive(Clone, Copy, Debug)]
pub struct Phase {
    /// What it is, for the report.
    pub name: &'static str,
    /// How often it is done in an hour's run.
    operations: u32,
    action: Action,
}

#[derive(Clone, Copy, Debug)]
enum Action {
    /// A function of the page that takes the number of operations, and these arguments after it.
    Page(&'static str, &'static str),
    /// The page is loaded again.
    Reload,
    /// The window is closed, and one is opened.
    Reopen,
}

/// All of them. An app that asks its server once a second makes 100,000 requests in a day.
pub const PHASES: [Phase; 10] = [
    Phase::of_page("GET, empty answer", 100_000, "get", ""),
    Phase::of_page("POST, empty answer", 100_000, "post", ""),
    Phase::of_page("GET, five bytes of text", 100_000, "text", ""),
    Phase::of_page("syncs that fetch", 100_000, "fetchingSyncs", ""),
    Phase::of_page("syncs that do not fetch", 100_000, "syncs", ""),
    Phase {
        name: "reloads",
        operations: 2_000,
        action: Action::Reload,
    },
    Phase {
        name: "windows closed and opened",
        operations: 2_000,
        action: Action::Reopen,
    },
    // Each starts twice.
    Phase::of_page("workers that come and go", 2_000, "visitors", ""),
    Phase::of_page("30 kB there and back", 20_000, "bodies", ", 30_000"),
    Phase::of_page("3 MB there and back", 2_000, "bodies", ", 3_000_000"),
];

/// How much is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// What the bounds are meant for.
    Full,
    /// What shows how another browser fares, which has no bounds to keep.
    Beside,
    /// What a developer can wait for: it finds what grows fast.
    Quick,
}

impl Scale {
    /// How long nothing is done after a phase, before the last reading.
    pub fn idleness(self) -> Duration {
        Duration::from_secs(match self {
            Scale::Full | Scale::Beside => 60,
            // As long as it takes until an idle worker is stopped, and a bit.
            Scale::Quick => 35,
        })
    }
}

impl Phase {
    const fn of_page(
        name: &'static str,
        operations: u32,
        function: &'static str,
        arguments: &'static str,
    ) -> Self {
        Self {
            name,
            operations,
            action: Action::Page(function, arguments),
        }
    }

    /// How often it is done.
    pub fn operations(&self, scale: Scale) -> u32 {
        match scale {
            Scale::Full => self.operations,
            Scale::Beside => self.operations / BESIDE_DIVISOR,
            Scale::Quick => self.operations / QUICK_DIVISOR,
        }
    }

    /// Does it so many times, and waits for the end.
    pub fn perform(&self, browser: &mut dyn Browser, url: &str, count: u32) -> Result<()> {
        match self.action {
            Action::Page(function, arguments) => {
                call::<Value>(browser, &format!("{function}({count}{arguments})")).map(drop)
            }
            Action::Reload => (0..count).try_for_each(|_| browser.reload()),
            Action::Reopen => (0..count).try_for_each(|_| browser.reopen(url)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(part: &str) -> u32 {
        let phases = PHASES.iter().filter(|phase| phase.name.contains(part));
        phases.map(|phase| phase.operations(Scale::Full)).sum()
    }

    #[test]
    fn an_hour_is_as_much_as_was_promised() {
        assert!(sum("GET") >= 100_000 && sum("POST") >= 100_000);
        assert!(sum("syncs that fetch") >= 100_000 && sum("not fetch") >= 100_000);
        assert!(sum("reloads") >= 2_000 && sum("windows") >= 2_000);
        assert!(sum("come and go") * 2 >= 2_000);
    }
}
