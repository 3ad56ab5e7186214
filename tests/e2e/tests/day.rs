//! The short form of `./mach day`.

#![cfg(feature = "offline")]

use background_sync_e2e::day::{self, Day};
use background_sync_e2e::{in_namespace, power_cut};

/// Too few visitors for the engine to have compiled and cached what it will: what each of them leaves shows all the same.
const MOST_GROWTH_PERCENT: f64 = 20.0;

#[test]
fn some_hours_of_use_lose_nothing_and_leave_nothing() {
    in_namespace("some_hours_of_use_lose_nothing_and_leave_nothing", || {
        let folder = tempfile::tempdir().expect("a writable folder");
        let report = day::run(
            &Day {
                hours: 3,
                early_visitors: 8,
                visitors_an_hour: 8,
                seed: power_cut::any_seed(),
                most_growth_percent: MOST_GROWTH_PERCENT,
            },
            folder.path(),
        );
        println!("{report}");
        assert_eq!(report.complaints(), [""; 0]);
    });
}
