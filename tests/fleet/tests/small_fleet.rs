//! A small fleet has the shape of the large one.

#![allow(clippy::unwrap_used, reason = "a test may")]

use background_sync_fleet::{Comparison, Return, Scenario, presets};

const SCENARIO: Scenario = Scenario {
    devices: 1_000,
    seed: 7,
    network: Return::InTwoSteps,
};

#[test]
fn the_fleet_preset_spares_the_server_and_still_delivers_within_a_minute() {
    let comparison = Comparison::of_presets(SCENARIO).unwrap();
    // A second has a tenth of a percent of the requests here, so that chance weighs more.
    let ratio = comparison.peak_ratio("fleet", "chromium");
    assert!(ratio <= 0.13, "{comparison}");
    let fleet = comparison.run("fleet").unwrap();
    assert!(fleet.delivered_within_s(0.5) < 60.0, "{comparison}");
    assert!(fleet.delivered_within_s(0.99) < 300.0, "{comparison}");
}

#[test]
fn everything_is_delivered_under_each_preset() {
    let comparison = Comparison::of_presets(SCENARIO).unwrap();
    for (name, run) in &comparison.runs {
        assert!(run.tags > 1_000);
        assert_eq!(run.deliveries_ms.len() as u64, run.tags, "{name}");
        // Each tag takes one request, and another if the first fails.
        let requests: u64 = run.requests.iter().sum();
        let failed = requests - run.tags;
        let share = failed as f64 / run.tags as f64;
        assert!((0.28..0.39).contains(&share), "{name}: {share}");
    }
}

#[test]
fn standard_and_chromium_fire_as_soon_as_they_are_back() {
    let comparison = Comparison::of_presets(SCENARIO).unwrap();
    for name in ["standard", "chromium"] {
        let run = comparison.run(name).unwrap();
        assert!(run.delivered_within_s(0.5) < 1.0, "{name}\n{comparison}");
    }
}

#[test]
fn a_seed_reproduces_a_run_and_another_one_does_not() {
    let again = |seed| Comparison::of_presets(Scenario { seed, ..SCENARIO }).unwrap();
    assert_eq!(again(3), again(3));
    assert_ne!(again(3).runs, again(4).runs);
}

#[test]
fn the_plot_names_each_policy_and_its_peak() {
    let comparison = Comparison::of_presets(SCENARIO).unwrap();
    let svg = background_sync_fleet::svg(&comparison);
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    for (name, _) in presets() {
        let peak = comparison.run(name).unwrap().peak();
        assert!(svg.contains(&format!(">{name}</text>")), "{name}");
        assert!(svg.contains(&format!(">peak {peak}/s</text>")), "{name}");
    }
}
