//! The examples do what they say. `cargo test` builds them beside this test.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::process::Command;

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
