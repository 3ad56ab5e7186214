//! Deterministic simulation: a whole browser life per seed, with a virtual clock, a network that
//! comes and goes, scripted workers, pages that vanish, a store that fails and crashes at any
//! operation, and clocks that jump. Invariants are checked after every step.
//!
//! A failing seed is printed. To see it again, step by step:
//! `SIM_SEED=<seed> cargo test -p background_sync_core --test simulation -- --nocapture`.
//! `SIM_SEEDS` and `SIM_STEPS` change the size of the run.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod checks;
mod parts;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use world::World;

const SEEDS: u64 = 10_000;
const STEPS: u64 = 500;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn run(seed: u64, steps: u64, trace: bool) {
    let mut world = World::new(seed, trace);
    for _ in 0..steps {
        world.step();
    }
    world.end();
}

#[test]
fn every_invariant_holds_for_every_seed() {
    let steps = number("SIM_STEPS").unwrap_or(STEPS);
    if let Some(seed) = number("SIM_SEED") {
        return run(seed, steps, true);
    }
    let seeds = number("SIM_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let failed = AtomicU64::new(u64::MAX);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds || failed.load(Ordering::Relaxed) != u64::MAX {
                return;
            }
            if catch_unwind(AssertUnwindSafe(|| run(seed, steps, false))).is_err() {
                failed.fetch_min(seed, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner();
    assert!(
        failed == u64::MAX,
        "seed {failed} fails; replay it with SIM_SEED={failed} cargo test -p \
         background_sync_core --test simulation -- --nocapture"
    );
}

#[test]
fn one_seed_is_one_history() {
    let history = |seed| {
        let mut world = World::new(seed, false);
        for _ in 0..STEPS {
            world.step();
        }
        world.history
    };
    assert_eq!(history(11), history(11));
    assert_ne!(history(11), history(12));
}
