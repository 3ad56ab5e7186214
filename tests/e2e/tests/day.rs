//! The short form of `./mach day`.

#![cfg(feature = "offline")]

use std::time::Duration;

use background_sync_e2e::day::{self, Day};
use background_sync_e2e::{in_namespace, power_cut};

/// Three hours are too short to tell a small leak from garbage that comes and goes: `growth.rs` finds those. This finds a visit
/// that leaves megabytes.
const MOST_GROWTH_PERCENT: f64 = 50.0;

/// With every channel serialized, each that waits for the garbage collector has descriptors: 30 more or less are seen.
const SPARE_DESCRIPTORS: usize = 100;

#[test]
fn some_hours_of_use_lose_nothing_and_leave_nothing() {
    in_namespace("some_hours_of_use_lose_nothing_and_leave_nothing", || {
        let folder = tempfile::tempdir().expect("a writable folder");
        let report = day::run(
            &Day {
                hours: 3,
                early_visitors: 16,
                visitors_an_hour: 8,
                seed: power_cut::any_seed(),
                rest: Duration::from_secs(15),
                most_growth_percent: MOST_GROWTH_PERCENT,
                spare_descriptors: SPARE_DESCRIPTORS,
            },
            folder.path(),
        );
        println!("{report}");
        assert_eq!(report.complaints(), [""; 0]);
    });
}
