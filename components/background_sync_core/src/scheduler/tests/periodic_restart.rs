use super::periodic::periodic_policy;
use super::*;
use Connectivity::{Offline, Online};

impl Driver {
    /// The browser ends, and starts again after this time.
    fn restart_after(&self, ms: u64) -> Self {
        let mut later = self.restart_with(periodic_policy(), Offline);
        later.now.wall = self.now.wall.after_ms(ms);
        later.restart_with(periodic_policy(), Online)
    }
}

/// A year that a clock may show.
const YEAR_2030: WallTime = WallTime(1_893_456_000_000);

#[test]
fn the_interval_goes_on_while_the_browser_is_closed() {
    let mut driver = Driver::periodic();
    driver.register_periodic("a", 200_000);
    driver.advance(50_000);
    let mut driver = driver.restart_after(100_000);
    driver.advance(49_999);
    assert_eq!(driver.events.len(), 0);
    driver.advance(1);
    assert_eq!(driver.events.len(), 1);
    driver.finish_last(EventOutcome::Fulfilled);
    let mut driver = driver.restart_after(1_000_000);
    driver.advance(0);
    assert_eq!(driver.events.len(), 1, "overdue, and once");
}

#[test]
fn the_intervals_of_origins_survive() {
    let mut driver = Driver::periodic();
    driver.register_periodic("a", 0);
    driver.advance(50_000);
    driver.register_periodic("b", 0);
    driver.register_periodic_in(&scope_of("https://b.example", "/"), "other", 0);
    driver.advance(50_000);
    assert_eq!(driver.fired().len(), 1);
    // It runs, and its origin's record may be lost with the last commits.
    for keep in [true, false] {
        let mut crashed = driver.restart_with(periodic_policy(), Offline);
        if !keep {
            crashed.origins.clear();
        }
        let mut driver = crashed.restart_after(60_000);
        driver.advance(39_000);
        let other: Vec<_> = driver
            .events
            .iter()
            .filter(|fired| fired.tag != "a")
            .collect();
        assert!(other.is_empty(), "{other:?}");
        driver.advance(2_000);
        let other = driver
            .events
            .iter()
            .filter(|fired| fired.tag != "a")
            .count();
        assert_eq!(other, 2);
    }
}

#[test]
fn suspension_survives() {
    let mut driver = Driver::periodic();
    driver.register_periodic("a", 0);
    driver.set_extra(ExtraInterval::Never);
    let mut driver = driver.restart_after(1_000_000);
    driver.advance(1_000_000);
    assert_eq!(driver.events.len(), 0);
    assert_eq!(driver.periodic_state("a"), Some(PeriodicState::Suspended));
    driver.set_extra(ExtraInterval::Ms(0));
    driver.advance(0);
    assert_eq!(driver.events.len(), 1);
}

#[test]
fn an_interrupted_attempt_counts_and_backs_off() {
    let mut driver = Driver::periodic();
    driver.register_periodic("a", 0);
    driver.advance(100_000);
    let mut driver = driver.restart_after(0);
    driver.advance(999);
    assert_eq!(driver.events.len(), 0);
    driver.advance(1);
    assert_eq!(driver.events[0].attempt, 2);
    driver.finish_last(EventOutcome::Rejected);
    driver.advance(500);
    let mut driver = driver.restart_after(500);
    driver.advance(1_000);
    assert_eq!(driver.events[0].attempt, 3);
}

#[test]
fn a_crash_loop_waits_for_the_next_interval() {
    let mut driver = Driver::periodic();
    driver.register_periodic("a", 0);
    driver.advance(100_000);
    let mut attempts = Vec::new();
    for _ in 0..10 {
        driver = driver.restart_after(0);
        driver.advance(5_000);
        attempts.extend(driver.events.iter().map(|fired| fired.attempt));
    }
    assert_eq!(attempts, [2, 3]);
    assert_eq!(driver.tags_of(SyncApi::Periodic), ["a"]);
    driver.advance(100_000);
    assert_eq!(driver.events[0].attempt, 1);
}

#[test]
fn registered_again_while_firing_survives() {
    let mut driver = Driver::periodic();
    driver.register_periodic("a", 0);
    driver.advance(100_000);
    driver.register_periodic("a", 0);
    let mut driver = driver.restart_after(0);
    driver.advance(99_999);
    assert_eq!(driver.events.len(), 0);
    driver.advance(1);
    assert_eq!(driver.events[0].attempt, 1);
}

#[test]
fn a_clock_that_jumps_back_delays_by_no_more_than_one_interval() {
    for wall in [WallTime(0), YEAR_2030] {
        let mut driver = Driver::periodic();
        driver.now.wall = WallTime(4_000_000_000_000);
        driver.register_periodic("a", 0);
        driver.advance_succeeding(110_000);
        driver.now.wall = wall;
        let mut driver = driver.restart_with(periodic_policy(), Online);
        driver.advance(99_999);
        assert_eq!(driver.events.len(), 0);
        driver.advance(1);
        assert_eq!(driver.events.len(), 1);
    }
}

#[test]
fn an_anchor_in_the_future_does_not_begin_anew_at_each_start() {
    let mut driver = Driver::periodic();
    driver.now.wall = WallTime(4_000_000_000_000);
    driver.register_periodic("a", 0);
    driver.now.wall = YEAR_2030;
    let mut starts = 0;
    while driver.events.is_empty() {
        driver = driver.restart_after(30_000);
        driver.advance(30_000);
        starts += 1;
        assert!(starts < 4, "frozen");
    }
}

#[test]
fn a_clock_that_jumps_ahead_fires_once() {
    let mut driver = Driver::periodic();
    driver.register_periodic("a", 0);
    driver.now.wall = WallTime(u64::MAX);
    let mut driver = driver.restart_with(periodic_policy(), Online);
    driver.advance_succeeding(50_000);
    assert_eq!(driver.events.len(), 1);
}

#[test]
fn intervals_past_the_end_of_time_are_harmless() {
    let mut driver = Driver::periodic();
    driver.register_periodic("a", u64::MAX);
    driver.set_extra(ExtraInterval::Ms(u64::MAX));
    driver.advance(1_000_000);
    let mut driver = driver.restart_after(1_000_000);
    driver.advance(1_000_000);
    assert_eq!(driver.events.len(), 0);
}

#[test]
fn what_limits_nothing_any_more_is_forgotten() {
    let mut driver = Driver::periodic();
    driver.register_periodic("a", 0);
    driver.advance_succeeding(100_000);
    assert_eq!(driver.origins.len(), 1);
    let call = driver.call();
    let (api, name) = (SyncApi::Periodic, tag("a"));
    driver
        .scheduler
        .handle_unregister_tag(driver.now, call, api, &scope(), &name);
    driver.pump();
    assert_eq!(driver.origins.len(), 1);
    driver.advance(100_000);
    driver.register_periodic_in(&scope_of("https://b.example", "/"), "b", 0);
    driver.advance_succeeding(100_000);
    let left: Vec<_> = driver.origins.keys().map(Origin::as_str).collect();
    assert_eq!(left, ["https://b.example"]);
}

#[test]
fn a_store_that_cannot_remember_an_origin_is_asked_again() {
    let mut driver = Driver::periodic();
    driver.store_fails = true;
    driver.set_extra(ExtraInterval::Never);
    assert!(driver.origins.is_empty());
    driver.store_fails = false;
    driver.advance(30_000);
    assert_eq!(driver.origins.len(), 1);
}

/// The gap across origins may be longer than the interval of each.
#[test]
fn the_gap_after_a_wake_up_outlives_its_registration() {
    let wide = Policy {
        periodic_interval_across_origins_ms: 300_000,
        ..periodic_policy()
    };
    let mut driver = Driver::new(wide.clone(), Online);
    driver.register_periodic("a", 0);
    driver.advance(10_000);
    driver.register_periodic_in(&scope_of("https://b.example", "/"), "b", 0);
    driver.advance_succeeding(90_000);
    driver.unregister_periodic("a");
    driver.advance(150_000);
    driver.set_extra(ExtraInterval::Ms(1));
    driver.set_extra(ExtraInterval::Ms(0));
    let mut driver = driver.restart_with(wide, Online);
    driver.advance(149_000);
    assert_eq!(driver.events.len(), 0);
    driver.advance(2_000);
    assert_eq!(driver.events.len(), 1);
}
