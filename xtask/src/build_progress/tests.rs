//! Builds that are replayed: one that was recorded, and whole builds of Servo on machines of all kinds.

use super::*;

/// What cargo said, and when, in seconds.
type Recording = Vec<(f64, Said, String)>;

#[derive(Clone, Copy, PartialEq)]
enum Said {
    Started,
    ScriptRun,
    Finished,
}

/// This build tool's own build, on one core. SpiderMonkey is not in it.
fn recorded() -> Recording {
    let lines = include_str!("recorded.txt").lines();
    let event = |line: &str| {
        let (time, rest) = line.split_once(' ').expect("a time");
        let (said, name) = rest
            .split_once(' ')
            .expect("what was said, and of which crate");
        let said = match said {
            "started" => Said::Started,
            "script" => Said::ScriptRun,
            _ => Said::Finished,
        };
        (time.parse().expect("seconds"), said, name.to_owned())
    };
    lines.map(event).collect()
}

/// The same on a machine that is so much slower.
fn stretched(recording: &Recording, times: f64) -> Recording {
    let stretch = |(time, said, name): &(f64, Said, String)| (time * times, *said, name.clone());
    recording.iter().map(stretch).collect()
}

/// How slow a machine is, in proportion to the one that the table is from.
struct Machine {
    slowness: f64,
    /// The same again for SpiderMonkey alone.
    slowness_of_spidermonkey: f64,
}

impl Machine {
    /// A build of Servo: small crates, of which some cost ten times as much as others, beside SpiderMonkey; then what
    /// needs it. Two crates are compiled at a time, and have half of the machine each.
    fn build(&self, small: usize, others: &[&str]) -> Recording {
        let named = |number: usize| format!("crate{number} 1.0.0");
        let mut first: Vec<String> = (0..small).map(named).collect();
        first.insert(small / 5, format!("{SPIDERMONKEY} 1.0.0"));
        let second = (small..2 * small).map(named);
        let second = second.chain(others.iter().map(|name| format!("{name} 1.0.0")));
        let (mut recording, mut now) = (Recording::new(), 0.0);
        for waiting in [first, second.collect()] {
            let mut waiting = waiting.into_iter();
            let mut running: Vec<(f64, String)> = Vec::new();
            loop {
                while running.len() < 2
                    && let Some(name) = waiting.next()
                {
                    recording.push((now, Said::Started, name.clone()));
                    running.push((self.time_of(&name), name));
                }
                let Some(next) = (0..running.len())
                    .min_by(|one, other| running[*one].0.total_cmp(&running[*other].0))
                else {
                    break;
                };
                let time = running[next].0;
                now += time * running.len() as f64;
                running.iter_mut().for_each(|(left, _)| *left -= time);
                let (_, name) = running.remove(next);
                if name.starts_with(SPIDERMONKEY) {
                    recording.push((now, Said::ScriptRun, name.clone()));
                }
                recording.push((now, Said::Finished, name));
            }
        }
        recording
    }

    fn time_of(&self, name: &str) -> f64 {
        let cost = Progress::new(BTreeSet::new()).cost(name);
        let digits = name.bytes().filter(u8::is_ascii_digit).map(f64::from);
        let unlike = match cost == OTHER_COST {
            true => 0.2 + 1.6 * (digits.sum::<f64>() % 10.0) / 9.0,
            false => 1.0,
        };
        match name.starts_with(SPIDERMONKEY) {
            true => cost * self.slowness * self.slowness_of_spidermonkey,
            false => cost * self.slowness * unlike,
        }
    }
}

/// What was shown of a build at one time.
#[derive(Clone, Debug)]
struct Shown {
    at: f64,
    /// Really.
    left: f64,
    line: String,
}

impl Shown {
    /// What the line says; `None` if nothing.
    fn seconds(&self) -> Option<f64> {
        let (_, text) = self.line.rsplit_once(", ")?;
        let number = |text: &str| text.split(' ').nth(1)?.parse::<f64>().ok();
        match text {
            "less than a minute left" => Some(30.0),
            "about a minute left" | "at least a minute left" => Some(60.0),
            text => number(text).map(|minutes| 60.0 * minutes),
        }
    }

    fn is_least(&self) -> bool {
        self.line.contains("at least")
    }
}

/// Shows a build every ten seconds, and makes sure that no number rises.
fn replay(recording: &Recording) -> Vec<Shown> {
    let crates = recording.iter().map(|(_, _, name)| name.clone());
    let mut progress = Progress::new(crates.collect());
    let end = recording.last().map_or(0.0, |(time, ..)| *time);
    let mut events = recording.iter().peekable();
    let mut shown: Vec<Shown> = Vec::new();
    for step in 0..=(end / 10.0) as u64 {
        let at = step as f64 * 10.0;
        while let Some((time, said, name)) = events.next_if(|(time, ..)| *time <= at) {
            let time = Duration::from_secs_f64(*time);
            match said {
                Said::Started => progress.handle_started(name, time),
                Said::ScriptRun => progress.handle_script_run(name, time),
                Said::Finished => progress.handle_finished(name, time),
            }
        }
        let line = progress.line(Duration::from_secs_f64(at));
        let left = end - at;
        shown.push(Shown { at, left, line });
    }
    let numbers: Vec<f64> = shown.iter().filter_map(Shown::seconds).collect();
    assert!(numbers.is_sorted_by(|one, next| one >= next), "{shown:#?}");
    shown
}

const LARGE: [&str; 6] = [
    "stylo",
    "servo-script-bindings",
    "servo-script",
    "servo-layout",
    "servo-constellation",
    "servo",
];

/// From the third minute on, where more than three minutes are left.
fn assert_good(shown: &[Shown]) {
    for one in shown
        .iter()
        .filter(|one| one.at > 180.0 && one.left > 180.0)
    {
        let seconds = one.seconds().expect("an estimate");
        let is_near = (0.7 * one.left..1.5 * one.left).contains(&seconds);
        assert!(is_near, "{one:?}");
    }
}

#[test]
fn estimates_are_good_on_fast_and_slow_machines() {
    for slowness in [0.4, 1.0, 2.0, 4.0] {
        let machine = Machine {
            slowness,
            slowness_of_spidermonkey: 1.0,
        };
        let shown = replay(&machine.build(350, &LARGE));
        assert_good(&shown);
        // It does not stand: a tenth of the build later, less is left.
        let numbers: Vec<f64> = shown.iter().filter_map(Shown::seconds).collect();
        for pair in numbers.windows(numbers.len() / 10) {
            assert!(pair[0] > pair[pair.len() - 1] || pair[0] < 120.0);
        }
    }
}

#[test]
fn what_is_slower_than_expected_is_said() {
    let machine = Machine {
        slowness: 1.0,
        slowness_of_spidermonkey: 3.0,
    };
    let shown = replay(&machine.build(350, &LARGE));
    for one in shown.iter().filter(|one| one.at > 180.0) {
        let is_too_low = one
            .seconds()
            .is_some_and(|seconds| seconds < 0.5 * one.left);
        assert!(
            !is_too_low || one.is_least() || one.left < 180.0 || one.at < 1500.0,
            "{one:?}"
        );
    }
    assert!(shown.iter().any(Shown::is_least));
}

#[test]
fn an_unpacked_spidermonkey_says_nothing_of_the_pace() {
    for slowness in [0.4, 4.0] {
        let machine = Machine {
            slowness,
            slowness_of_spidermonkey: 0.02,
        };
        let shown = replay(&machine.build(350, &LARGE));
        for one in shown.iter().filter(|one| one.at > 60.0 && one.left > 180.0) {
            let seconds = one.seconds().expect("an estimate");
            assert!(seconds > 0.7 * one.left, "{one:?}");
        }
    }
}

#[test]
fn a_start_from_the_cache_counts_nothing_that_is_there() {
    let machine = Machine {
        slowness: 2.0,
        slowness_of_spidermonkey: 1.0,
    };
    let mut recording = machine.build(350, &LARGE);
    let until = recording
        .iter()
        .position(|(_, _, name)| name.starts_with("stylo"));
    let cached = until.expect("it is in the build");
    let begin = recording[cached].0;
    // Cargo says of all these at once that they are done.
    let is_new = |(time, said, _): &(f64, Said, String)| *time >= begin || *said == Said::Finished;
    recording.retain(is_new);
    for (time, ..) in &mut recording {
        *time = (*time - begin).max(0.0);
    }
    let shown = replay(&recording);
    assert!(shown[0].seconds().is_none(), "{:?}", shown[0]);
    assert!(shown.iter().all(|one| !one.line.contains("SpiderMonkey")));
    assert!(shown.iter().any(|one| one.seconds().is_some()));
    assert_good(&shown);
}

#[test]
fn a_recorded_build_is_followed_at_any_speed() {
    for times in [1.0, 10.0, 100.0] {
        let recording = stretched(&recorded(), times);
        let shown = replay(&recording);
        let last = shown.last().expect("it takes more than ten seconds");
        assert!(
            last.seconds()
                .is_some_and(|seconds| seconds <= 60.0 * times),
            "{last:?}"
        );
        let late = &shown[3 * shown.len() / 4];
        let seconds = late
            .seconds()
            .expect("three quarters of it are enough to know");
        assert!(seconds < 3.0 * late.left.max(60.0), "{late:?}");
    }
}

fn crates(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn crates_that_wait_after_their_build_script_are_not_done() {
    let names = ["mozjs_sys 1.0.0", "servo-script 1.0.0"];
    let mut progress = Progress::new(crates(&names));
    progress.handle_started("servo-script 1.0.0", at(0));
    progress.handle_started("mozjs_sys 1.0.0", at(0));
    progress.handle_script_run("servo-script 1.0.0", at(2));
    progress.handle_script_run("mozjs_sys 1.0.0", at(900));
    // Nothing else is running, so both are.
    let line = progress.line(at(900));
    assert_eq!(
        line,
        "15:00  0/2 crates, compiling servo-script and 1 more, about 2 minutes left"
    );
    progress.handle_finished("mozjs_sys 1.0.0", at(901));
    progress.handle_finished("servo-script 1.0.0", at(990));
    assert_eq!(
        progress.line(at(990)),
        "16:30  2/2 crates, less than a minute left"
    );
}

#[test]
fn the_line_says_what_is_going_on() {
    let mut progress = Progress::new(crates(&["mozjs_sys 1.0.0", "log 0.4.0", "url 2.0.0"]));
    assert_eq!(progress.line(at(0)), "0:00  0/3 crates");
    progress.handle_started("mozjs_sys 1.0.0", at(0));
    progress.handle_started("log 0.4.0", at(0));
    progress.handle_finished("url 2.0.0", at(0));
    let line = progress.line(at(125));
    assert_eq!(line, "2:05  1/3 crates, compiling SpiderMonkey and 1 more");
}

#[test]
fn a_crate_that_nobody_announced_changes_nothing() {
    let mut progress = Progress::new(crates(&["log 0.4.0"]));
    progress.handle_started("surprise 1.0.0", at(0));
    progress.handle_finished("surprise 1.0.0", at(1));
    assert_eq!(progress.done(), 0);
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
