//! How far a build is, and how long it will take: from the crates that are done and what each one
//! costs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

/// Seconds of a build on two cores, measured with Servo 0.7.0 in the dev profile. A share of the time
/// in which several crates were compiling counts for each, so that the sum is the whole build.
const SECONDS: [(&str, f64); 12] = [
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
/// Seconds of any other crate.
const OTHER_SECONDS: f64 = 0.6;
/// The crate whose build script compiles SpiderMonkey.
const SPIDERMONKEY: &str = "mozjs_sys";
/// How many cores the table was measured with.
const MEASURED_CORES: f64 = 2.0;
/// A crate that is not done yet is never counted as more than this part of its cost.
const MOST_OF_A_RUNNING_CRATE: f64 = 0.9;

/// The state of one build. Times are counted from its start.
#[derive(Debug)]
pub struct Progress {
    waiting: BTreeSet<String>,
    running: BTreeMap<String, Duration>,
    /// Their build scripts have run; cargo does not say when the crates themselves are begun.
    paused: BTreeSet<String>,
    /// Its build script is what it costs.
    has_spidermonkey: bool,
    total: usize,
    /// What was really compiled so far, in seconds of the table.
    compiled: f64,
    first_compiled_at: Option<Duration>,
    cores: f64,
}

impl Progress {
    /// A build of these crates (`name version`) on so many cores.
    pub fn new(crates: BTreeSet<String>, cores: usize) -> Self {
        Self {
            total: crates.len(),
            waiting: crates,
            running: BTreeMap::new(),
            paused: BTreeSet::new(),
            has_spidermonkey: false,
            compiled: 0.0,
            first_compiled_at: None,
            // Beyond some cores, crates wait for each other rather than for a core.
            cores: cores.clamp(1, 8) as f64,
        }
    }

    /// Cargo has begun to compile a crate, or its build script.
    pub fn handle_started(&mut self, name: &str, now: Duration) {
        self.first_compiled_at.get_or_insert(now);
        if self.waiting.remove(name) {
            self.running.insert(name.to_owned(), now);
        }
    }

    /// A crate's build script has run; the crate itself may have to wait for others.
    pub fn handle_script_run(&mut self, name: &str, now: Duration) {
        let Some(started) = self.running.remove(name) else {
            return;
        };
        if short_name(name) == SPIDERMONKEY {
            let spent = now.saturating_sub(started).as_secs_f64();
            self.compiled += self.seconds(name).min(4.0 * spent);
            self.has_spidermonkey = true;
        }
        self.paused.insert(name.to_owned());
        self.resume_if_idle(now);
    }

    /// If nothing else is being compiled, what had to wait is.
    fn resume_if_idle(&mut self, now: Duration) {
        if self.running.is_empty() {
            let paused = std::mem::take(&mut self.paused);
            self.running
                .extend(paused.into_iter().map(|name| (name, now)));
        }
    }

    /// A crate is done, or was done before.
    pub fn handle_finished(&mut self, name: &str, now: Duration) {
        self.waiting.remove(name);
        if self.paused.remove(name) {
            self.compiled += self.seconds(name);
        }
        if let Some(started) = self.running.remove(name) {
            // SpiderMonkey comes prebuilt where it can be downloaded: that says nothing of the pace.
            let spent = now.saturating_sub(started).as_secs_f64();
            self.compiled += self.seconds(name).min(4.0 * spent + OTHER_SECONDS);
        }
        self.resume_if_idle(now);
    }

    /// How many crates are done.
    pub fn done(&self) -> usize {
        self.total - self.waiting.len() - self.running.len() - self.paused.len()
    }

    /// The estimate of what is left.
    pub fn left(&self, now: Duration) -> Duration {
        let waiting = self.waiting.iter().chain(&self.paused);
        let waiting: f64 = waiting.map(|name| self.seconds(name)).sum();
        let pace = self.pace(now);
        let mut left = waiting * pace;
        for (name, started) in &self.running {
            let cost = self.seconds(name) * pace;
            let spent = now.saturating_sub(*started).as_secs_f64();
            left += cost - spent.min(MOST_OF_A_RUNNING_CRATE * cost);
        }
        Duration::from_secs_f64(left.max(0.0))
    }

    fn seconds(&self, name: &str) -> f64 {
        let name = short_name(name);
        if self.has_spidermonkey && name == SPIDERMONKEY {
            return OTHER_SECONDS;
        }
        let known = SECONDS.iter().find(|(known, _)| *known == name);
        known.map_or(OTHER_SECONDS, |(_, seconds)| *seconds)
    }

    /// Real seconds for each second of the table.
    fn pace(&self, now: Duration) -> f64 {
        let assumed = MEASURED_CORES / self.cores;
        let Some(first) = self.first_compiled_at else {
            return assumed;
        };
        let elapsed = now.saturating_sub(first).as_secs_f64();
        let running: f64 = self
            .running
            .iter()
            .map(|(name, started)| {
                let spent = now.saturating_sub(*started).as_secs_f64();
                (spent / assumed).min(MOST_OF_A_RUNNING_CRATE * self.seconds(name))
            })
            .sum();
        let counted = self.compiled + running;
        // The assumption weighs as much as a minute of evidence.
        let weight = 60.0 / assumed;
        let pace = (elapsed + 60.0) / (counted + weight);
        pace.clamp(0.25 * assumed, 8.0 * assumed)
    }

    /// One line for people.
    pub fn line(&self, now: Duration) -> String {
        let mut line = format!("{}  {}/{} crates", clock(now), self.done(), self.total);
        let mut names: Vec<&str> = self.running.keys().map(|name| short_name(name)).collect();
        names.sort_by(|one, other| self.seconds(other).total_cmp(&self.seconds(one)));
        if let Some(first) = names.first() {
            let name = if *first == SPIDERMONKEY {
                "SpiderMonkey"
            } else {
                first
            };
            let _ = write!(line, ", compiling {name}");
            if names.len() > 1 {
                let _ = write!(line, " and {} more", names.len() - 1);
            }
        }
        if self.first_compiled_at.is_some() {
            let _ = write!(line, ", {} left", about(self.left(now)));
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

fn about(time: Duration) -> String {
    match time.as_secs() {
        0..45 => "less than a minute".to_owned(),
        45..90 => "about a minute".to_owned(),
        seconds => format!("about {} minutes", (seconds + 30) / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crates(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn fresh_crates_cost_nothing() {
        let mut progress = Progress::new(crates(&["mozjs_sys 1.0.0", "log 0.4.0"]), 2);
        assert!(progress.left(at(0)) > at(800));
        progress.handle_finished("mozjs_sys 1.0.0", at(1));
        progress.handle_started("log 0.4.0", at(1));
        assert!(progress.left(at(1)) < at(2));
        assert_eq!(progress.done(), 1);
        progress.handle_finished("log 0.4.0", at(2));
        assert_eq!((progress.done(), progress.left(at(2))), (2, at(0)));
    }

    #[test]
    fn the_estimate_falls_while_one_crate_compiles_but_not_to_nothing() {
        let mut progress = Progress::new(crates(&["mozjs_sys 1.0.0"]), 2);
        progress.handle_started("mozjs_sys 1.0.0", at(0));
        let (early, late) = (progress.left(at(60)), progress.left(at(600)));
        assert!(early > late && late > at(60), "{early:?} {late:?}");
        assert!(progress.left(at(5000)) > at(60));
    }

    #[test]
    fn a_crate_that_waits_after_its_build_script_is_not_half_done() {
        let names = ["mozjs_sys 1.0.0", "servo-script 1.0.0"];
        let mut progress = Progress::new(crates(&names), 2);
        progress.handle_started("servo-script 1.0.0", at(0));
        progress.handle_started("mozjs_sys 1.0.0", at(0));
        progress.handle_script_run("servo-script 1.0.0", at(2));
        assert!(
            progress.left(at(300)) > at(600),
            "{:?}",
            progress.left(at(300))
        );
        progress.handle_script_run("mozjs_sys 1.0.0", at(900));
        let left = progress.left(at(900));
        assert!(left > at(60) && left < at(150), "{left:?}");
        assert!(
            progress.line(at(900)).contains("compiling"),
            "{}",
            progress.line(at(900))
        );
        progress.handle_finished("mozjs_sys 1.0.0", at(901));
        progress.handle_finished("servo-script 1.0.0", at(990));
        assert_eq!((progress.done(), progress.left(at(990))), (2, at(0)));
    }

    #[test]
    fn both_ways_in_which_cargo_names_a_crate_agree() {
        let expected = Some("servo 0.7.0".to_owned());
        assert_eq!(
            crate_of_status("servo v0.7.0 (/cache/tree/crates/servo)"),
            expected
        );
        assert_eq!(
            crate_of_id("path+file:///cache/tree/crates/servo#0.7.0"),
            expected
        );
        let id = "registry+https://github.com/rust-lang/crates.io-index#servo@0.7.0";
        assert_eq!(crate_of_id(id), expected);
        assert_eq!(crate_of_status("nonsense"), None);
    }

    #[test]
    fn a_slow_machine_is_noticed() {
        let names = [
            "servo-script 1.0.0",
            "servo-script-bindings 1.0.0",
            "stylo 1.0.0",
        ];
        let mut progress = Progress::new(crates(&names), 2);
        progress.handle_started("stylo 1.0.0", at(0));
        progress.handle_finished("stylo 1.0.0", at(25));
        let usual = progress.left(at(25));
        let mut slow = Progress::new(crates(&names), 2);
        slow.handle_started("stylo 1.0.0", at(0));
        slow.handle_finished("stylo 1.0.0", at(250));
        assert!(
            slow.left(at(250)) > usual * 2,
            "{:?} {usual:?}",
            slow.left(at(250))
        );
    }

    #[test]
    fn the_line_says_what_is_going_on() {
        let mut progress = Progress::new(crates(&["mozjs_sys 1.0.0", "log 0.4.0", "url 2.0.0"]), 2);
        assert_eq!(progress.line(at(0)), "0:00  0/3 crates");
        progress.handle_started("mozjs_sys 1.0.0", at(0));
        progress.handle_started("log 0.4.0", at(0));
        progress.handle_finished("url 2.0.0", at(0));
        let line = progress.line(at(125));
        assert!(line.starts_with("2:05  1/3 crates, compiling SpiderMonkey and 1 more, about 1"));
    }

    #[test]
    fn a_crate_that_nobody_announced_changes_nothing() {
        let mut progress = Progress::new(crates(&["log 0.4.0"]), 2);
        progress.handle_started("surprise 1.0.0", at(0));
        progress.handle_finished("surprise 1.0.0", at(1));
        assert_eq!(progress.done(), 0);
    }
}
