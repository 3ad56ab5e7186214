//! Deterministic simulation of what repeats, and of the explainer's registrations: a whole browser life per
//! seed, with a network that comes and goes, scripted workers, a store that fails and crashes at any
//! operation, restarts, and in every other seed a wall clock that jumps. Invariants are checked after
//! every step.
//!
//! A failing seed is printed. To see it again, step by step:
//! `SIM_SEED=<seed> cargo test -p background_sync_core --test periodic_simulation -- --nocapture`.
//! `SIM_SEEDS` and `SIM_STEPS` change the size of the run.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod checks;
#[path = "../simulation/parts.rs"]
#[allow(dead_code, reason = "the other simulation has its own policies")]
mod parts;
#[path = "../simulation/seeds.rs"]
mod seeds;
mod world;

use world::World;

const SEEDS: u64 = 5_000;
const STEPS: u64 = 500;

#[test]
fn one_seed_is_one_history() {
    let history = |seed| {
        let mut world = World::new(seed, false);
        for _ in 0..STEPS {
            world.step();
        }
        world.history
    };
    for seed in 1..20 {
        assert_eq!(history(seed), history(seed));
    }
}

#[test]
fn caps_and_intervals_hold_and_nothing_is_lost() {
    seeds::run_all("periodic_simulation", SEEDS, STEPS, |seed, steps, trace| {
        let mut world = World::new(seed, trace);
        for _ in 0..steps {
            world.step();
        }
        world.end();
    });
}
