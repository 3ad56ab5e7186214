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
mod seeds;
mod world;

use world::World;

const SEEDS: u64 = 10_000;
const STEPS: u64 = 500;

fn run(seed: u64, steps: u64, trace: bool) {
    let mut world = World::new(seed, trace);
    for _ in 0..steps {
        world.step();
    }
    world.end();
}

#[test]
fn every_invariant_holds_for_every_seed() {
    seeds::run_all("simulation", SEEDS, STEPS, run);
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
