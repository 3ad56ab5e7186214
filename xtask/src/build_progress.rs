//! How far a build is, and how long it will still take on this machine.
//!
//! Cargo tells neither before the build has ended (`--timings`), and a progress bar's own estimate takes all steps to be
//! alike, where one of 800 crates is half of the work. So a table says what crates cost in proportion to each other, and the
//! crates that are done say how long that takes here: until there are enough of them, nothing is said.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// What crates cost in proportion to each other: seconds of a build on two cores, measured with Servo 0.7.0 in the dev
/// profile. Time in which several crates were compiling was divided among them, so that the sum is the whole build.
const COSTS: [(&str, f64); 12] = [
    (SPIDERMONKEY, 900.0),
    ("servo-script", 90.0),
    ("servo-script-bindings", 90.0),
    ("stylo", 25.0),
    ("servo-layout", 15.0),
    ("servo-constellation", 10.0),
    ("servo-net", 10.0),
    ("servo-media-audio", 10.0),
    ("webrender", 10.0),
    ("servo", 8.0),
    ("servo-constellation-traits", 7.0),
    ("servo-embedder-traits", 7.0),
];
/// What any other crate costs.
const OTHER_COST: f64 = 0.6;
/// The crate whose build script compiles SpiderMonkey.
const SPIDERMONKEY: &str = "mozjs_sys";
/// How much must have been compiled here before anything is estimated.
const LEAST_EVIDENCE: f64 = 10.0;
/// A crate that is not done yet is never counted as more than this part of its cost.
const MOST_OF_A_RUNNING_CRATE: f64 = 0.9;
/// A SpiderMonkey that takes less than this part of its cost was unpacked, not compiled.
const LEAST_OF_SPIDERMONKEY: f64 = 0.2;
/// What is added for a whole build, in which crates may turn out to be slower than those so far. For the rest of one it is
/// in proportion.
const MARGIN: f64 = 0.3;
/// An estimate that turns out to be too low by more than this part and a minute is called the least that is left.
const TOLERANCE: f64 = 0.2;

/// The state of one build. Times are counted from its start.
#[derive(Debug)]
pub struct Progress {
    waiting: BTreeSet<String>,
    /// What is being compiled, and its share of the time so far, in seconds.
    running: BTreeMap<String, f64>,
    /// Their build scripts have run; cargo does not say when the crates themselves are begun.
    paused: BTreeMap<String, f64>,
    /// Until when the time has been divided among what was running.
    divided_until: Duration,
    /// Its build script is what it costs.
    has_spidermonkey: bool,
    total: usize,
    /// What was compiled here so far.
    compiled: Work,
    /// The lowest estimate so far, in seconds.
    shown: f64,
}

/// What some crates cost by the table, and the time that they took here, in seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Work {
    cost: f64,
    time: f64,
}

impl Progress {
    /// A build of these crates (`name version`).
    pub fn new(crates: BTreeSet<String>) -> Self {
        Self {
            total: crates.len(),
            waiting: crates,
            running: BTreeMap::new(),
            paused: BTreeMap::new(),
            divided_until: Duration::ZERO,
            has_spidermonkey: false,
            compiled: Work::default(),
            shown: f64::INFINITY,
        }
    }

    /// Cargo has begun to compile a crate, or its build script.
    pub fn handle_started(&mut self, name: &str, now: Duration) {
        self.divide_time(now);
        if self.waiting.remove(name) {
            self.running.insert(name.to_owned(), 0.0);
        }
    }

    /// A crate's build script has run; the crate itself may have to wait for others.
    pub fn handle_script_run(&mut self, name: &str, now: Duration) {
        self.divide_time(now);
        let Some(mut time) = self.running.remove(name) else {
            return;
        };
        if short_name(name) == SPIDERMONKEY {
            let expected = self.cost(name) * self.pace().unwrap_or(1.0);
            if time >= LEAST_OF_SPIDERMONKEY * expected {
                self.learn(name, time);
            }
            time = 0.0;
            self.has_spidermonkey = true;
        }
        self.paused.insert(name.to_owned(), time);
        self.resume_if_idle();
    }

    /// A crate is done, or was done before.
    pub fn handle_finished(&mut self, name: &str, now: Duration) {
        self.divide_time(now);
        self.waiting.remove(name);
        let time = self.running.remove(name);
        if let Some(time) = time.or_else(|| self.paused.remove(name)) {
            self.learn(name, time);
        }
        self.resume_if_idle();
    }

    fn divide_time(&mut self, now: Duration) {
        let time = now.saturating_sub(self.divided_until).as_secs_f64();
        let share = time / self.running.len().max(1) as f64;
        for of_crate in self.running.values_mut() {
            *of_crate += share;
        }
        self.divided_until = now;
    }

    fn learn(&mut self, name: &str, time: f64) {
        self.compiled.cost += self.cost(name);
        self.compiled.time += time;
    }

    /// If nothing else is being compiled, what had to wait is.
    fn resume_if_idle(&mut self) {
        if self.running.is_empty() {
            self.running = std::mem::take(&mut self.paused);
        }
    }

    /// How many crates are done.
    pub fn done(&self) -> usize {
        self.total - self.waiting.len() - self.running.len() - self.paused.len()
    }

    fn cost(&self, name: &str) -> f64 {
        let name = short_name(name);
        if self.has_spidermonkey && name == SPIDERMONKEY {
            return OTHER_COST;
        }
        let known = COSTS.iter().find(|(known, _)| *known == name);
        known.map_or(OTHER_COST, |(_, cost)| *cost)
    }

    /// How long this machine takes for each second of the table, once enough was compiled.
    fn pace(&self) -> Option<f64> {
        if self.compiled.cost < LEAST_EVIDENCE {
            return None;
        }
        // What is running has had this much time, and is not done: the pace is no better than that.
        let mut at_best = self.compiled;
        for (name, time) in &self.running {
            at_best.cost += self.cost(name);
            at_best.time += time;
        }
        let pace = |work: Work| work.time / work.cost;
        Some(pace(self.compiled).max(pace(at_best)))
    }

    /// The estimate of what is left, in seconds.
    fn left(&self) -> Option<f64> {
        let pace = self.pace()?;
        let not_begun = self.waiting.iter().chain(self.paused.keys());
        let mut left: f64 = not_begun.map(|name| self.cost(name) * pace).sum();
        for (name, time) in &self.running {
            let expected = self.cost(name) * pace;
            left += expected - time.min(MOST_OF_A_RUNNING_CRATE * expected);
        }
        let part_left = left / (left + self.compiled.time).max(1.0);
        Some(left * (1.0 + MARGIN * part_left))
    }

    /// How long it will take, for people. No number is greater than the one before.
    fn time_left(&mut self) -> Option<String> {
        let left = self.left()?;
        self.shown = self.shown.min(left);
        let is_exceeded = left > (1.0 + TOLERANCE) * self.shown + 60.0;
        Some(match (self.shown as u64, is_exceeded) {
            (0..45, false) => "less than a minute".to_owned(),
            (0..90, false) => "about a minute".to_owned(),
            (0..90, true) => "at least a minute".to_owned(),
            (seconds, false) => format!("about {} minutes", (seconds + 30) / 60),
            (seconds, true) => format!("at least {} minutes", (seconds + 30) / 60),
        })
    }

    /// One line for people.
    pub fn line(&mut self, now: Duration) -> String {
        self.divide_time(now);
        let mut line = format!("{}  {}/{} crates", clock(now), self.done(), self.total);
        let mut names: Vec<&str> = self.running.keys().map(|name| short_name(name)).collect();
        names.sort_by(|one, other| self.cost(other).total_cmp(&self.cost(one)));
        if let Some(first) = names.first() {
            let name = match *first {
                SPIDERMONKEY => "SpiderMonkey",
                name => name,
            };
            let _ = write!(line, ", compiling {name}");
            if names.len() > 1 {
                let _ = write!(line, " and {} more", names.len() - 1);
            }
        }
        if let Some(left) = self.time_left() {
            let _ = write!(line, ", {left} left");
        }
        line
    }
}

fn short_name(name: &str) -> &str {
    name.split(' ').next().unwrap_or(name)
}

/// `name vversion ...` as `name version`.
pub fn crate_of_status(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let name = words.next()?;
    Some(format!("{name} {}", words.next()?.strip_prefix('v')?))
}

/// A package id as `name version`.
pub fn crate_of_id(id: &str) -> Option<String> {
    let (source, fragment) = id.rsplit_once('#')?;
    Some(match fragment.split_once('@') {
        Some((name, version)) => format!("{name} {version}"),
        None => format!("{} {fragment}", source.rsplit('/').next()?),
    })
}

/// `m:ss`.
pub fn clock(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}
