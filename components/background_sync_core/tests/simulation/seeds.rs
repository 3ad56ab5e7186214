//! Runs many seeds on all processors, and says which one fails.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// `life` is one seed's: seed, steps, and whether to print them.
pub fn run_all(test: &str, seeds: u64, steps: u64, life: impl Fn(u64, u64, bool) + Sync) {
    let steps = number("SIM_STEPS").unwrap_or(steps);
    if let Some(seed) = number("SIM_SEED") {
        return life(seed, steps, true);
    }
    let seeds = number("SIM_SEEDS").unwrap_or(seeds);
    let next = AtomicU64::new(0);
    let failed = AtomicU64::new(u64::MAX);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds || failed.load(Ordering::Relaxed) != u64::MAX {
                return;
            }
            if catch_unwind(AssertUnwindSafe(|| life(seed, steps, false))).is_err() {
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
         background_sync_core --test {test} -- --nocapture"
    );
}
