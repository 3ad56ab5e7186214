//! The examples do what they say. `cargo test` builds them beside this test.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use background_sync::{EventOutcome, EventToken};

/// Only what this test uses.
#[allow(dead_code, reason = "the example uses the rest")]
#[path = "../examples/integrate/processes.rs"]
mod processes;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What "under 100 lines" means, comments included.
const MAX_LINES: usize = 99;

fn run(name: &str) -> String {
    let deps = std::env::current_exe().unwrap();
    let example = deps.ancestors().nth(2).unwrap().join("examples").join(name);
    let output = Command::new(example).output().unwrap();
    let (told, errors) = (output.stdout, String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}: {errors}");
    String::from_utf8(told).unwrap()
}

#[test]
fn an_engine_integrates_the_component_in_under_100_lines() {
    assert!(
        include_str!("../examples/integrate/main.rs")
            .lines()
            .count()
            <= MAX_LINES
    );
    let told = run("integrate");
    // Two attempts, by two processes that say so.
    let handled = |line: &&str| line.contains("handles");
    let mut processes: Vec<_> = told
        .lines()
        .filter(handled)
        .filter_map(|line| line.split(' ').nth(1))
        .collect();
    processes.dedup();
    assert_eq!(processes.len(), 2, "{told}");
    assert!(
        told.contains("Rejected") && told.contains("Fulfilled"),
        "{told}"
    );
}

#[test]
fn the_outbox_arrives() {
    let told = run("outbox");
    assert!(told.contains("exactly as written"), "{told}");
}

/// A process that would go on for long.
fn sleep() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "echo $$; exec sleep 1000"]);
    command
}

#[test]
fn a_worker_is_killed_whenever_that_is_asked_and_leaves_nothing_behind() {
    let processes = Arc::new(processes::Processes::default());
    let (says, said) = channel();
    let (ends, ended) = channel();
    let start = || {
        let (event, says, ends) = (EventToken::new(), says.clone(), ends.clone());
        let says = move |line: String| says.send(line).map_err(Into::into);
        processes.start(event, sleep(), says, move |outcome| {
            ends.send(outcome).unwrap();
        });
        event
    };
    let soon = Duration::from_secs(30);
    // Before it has begun, most likely.
    for _ in 0..20 {
        processes.kill(start());
        let outcome = ended.recv_timeout(soon).unwrap();
        assert_eq!(outcome, EventOutcome::WorkerGone);
    }
    processes.wait();
    let mut all: Vec<String> = said.try_iter().collect();
    // While it runs.
    let event = start();
    all.push(said.recv_timeout(soon).unwrap());
    processes.kill(event);
    ended.recv_timeout(soon).unwrap();
    // One that does something else than it should.
    let ends = ends.clone();
    let refuse = |_| Err("not this".into());
    processes.start(EventToken::new(), sleep(), refuse, move |outcome| {
        ends.send(outcome).unwrap();
    });
    let outcome = ended.recv_timeout(soon).unwrap();
    assert_eq!(outcome, EventOutcome::NotStarted);
    processes.wait();
    for pid in all {
        assert!(!fs::exists(format!("/proc/{pid}")).unwrap(), "{pid}");
    }
}
