//! Wake-ups: when they come, what shares them, and who gets none.

use super::periodic::periodic_policy;
use super::*;
use Connectivity::{Offline, Online};

const HOUR: u64 = 3_600_000;

#[test]
fn tags_of_one_origin_share_a_wake_up() {
    let policy = Policy {
        periodic_grouping_ms: 10_000,
        ..periodic_policy()
    };
    let mut driver = Driver::new(policy, Online);
    driver.register_periodic("a", 0);
    driver.advance(3_000);
    driver.register_periodic("b", 0);
    driver.advance(3_000);
    driver.register_periodic_in(&scope_of("https://a.example", "/x/"), "c", 0);
    driver.advance(5_000);
    driver.register_periodic("late", 0);
    driver.advance_succeeding(400_000);
    let first: Vec<_> = driver.fired().into_iter().take(3).collect();
    assert_eq!(first, [(106_000, "a"), (106_000, "b"), (106_000, "c")]);
    let times: std::collections::BTreeSet<_> = driver.events.iter().map(|e| e.at).collect();
    assert_eq!(
        times.len(),
        4,
        "and from then on all do: {:?}",
        driver.fired()
    );
    assert_eq!(driver.events.iter().filter(|e| e.at == 206_000).count(), 4);
}

#[test]
fn origins_share_wake_ups_that_are_apart() {
    let mut driver = Driver::new(
        Policy {
            periodic_interval_across_origins_ms: 300_000,
            ..periodic_policy()
        },
        Online,
    );
    driver.register_periodic("a", 0);
    driver.advance(1_000);
    driver.register_periodic_in(&scope_of("https://b.example", "/"), "b", 0);
    driver.advance_succeeding(800_000);
    let mut fired = driver.fired();
    fired.sort_unstable();
    assert_eq!(
        fired,
        [
            (100_000, "a"),
            (400_000, "a"),
            (400_000, "b"),
            (700_000, "a"),
            (700_000, "b")
        ]
    );
}

#[test]
fn an_extra_interval_suspends_and_revives() {
    let mut driver = Driver::periodic();
    driver.set_extra(ExtraInterval::Ms(20_000));
    driver.register_periodic("a", 0);
    driver.advance_succeeding(125_000);
    assert_eq!(driver.fired(), [(120_000, "a")]);
    driver.set_extra(ExtraInterval::Never);
    assert_eq!(driver.periodic_state("a"), Some(PeriodicState::Suspended));
    assert_eq!(driver.scheduler.poll_timeout(), None, "no wake-up either");
    driver.advance(HOUR);
    driver.register_periodic("b", 0);
    driver.advance(HOUR);
    let why: Vec<_> = driver
        .scheduler
        .list(driver.now)
        .map(|info| info.why)
        .collect();
    assert_eq!(why, [WhyNotFired::Suspended, WhyNotFired::Suspended]);
    assert_eq!(driver.events.len(), 1);
    driver.set_extra(ExtraInterval::Ms(0));
    driver.advance(0);
    assert_eq!(driver.events.len(), 3, "long due");
    assert!(driver.notes.iter().any(|note| matches!(
        note,
        SyncNotification::ExtraIntervalSet {
            extra: ExtraInterval::Never,
            registrations: 1,
            ..
        }
    )));
}

#[test]
fn suspending_ends_back_off_and_what_is_prepared() {
    let mut driver = Driver::periodic();
    driver.register_periodic("a", 0);
    driver.advance(100_000);
    driver.finish_last(EventOutcome::Rejected);
    driver.set_extra(ExtraInterval::Never);
    driver.advance(HOUR);
    assert_eq!(driver.events.len(), 1);
    driver.set_extra(ExtraInterval::Ms(0));
    driver.store_answers = false;
    driver.advance(0);
    assert_eq!(driver.scheduler.usage().events, 1, "being prepared");
    driver.set_extra(ExtraInterval::Never);
    driver.release_store();
    driver.advance(HOUR);
    assert_eq!(
        (driver.events.len(), driver.scheduler.usage().events),
        (1, 0)
    );
    driver.set_extra(ExtraInterval::Ms(0));
    driver.advance(0);
    assert_eq!(driver.events.len(), 2);
    driver.set_extra(ExtraInterval::Never);
    driver.finish_last(EventOutcome::NotStarted);
    driver
        .scheduler
        .handle_worker_activated(driver.now, &scope());
    driver.pump();
    assert_eq!(driver.events.len(), 2);
}

#[test]
fn without_a_network_there_is_no_pass_and_no_wake_up() {
    let mut driver = Driver::new(periodic_policy(), Offline);
    driver.register_periodic("a", 0);
    assert_eq!(driver.scheduler.poll_timeout(), None);
    assert_eq!(
        driver.scheduler.next_due(driver.now),
        Some(MonoTime(100_000))
    );
    driver.advance(500_000);
    assert_eq!(driver.scheduler.next_due(driver.now), None);
    driver.connect(Online);
    assert_eq!(driver.fired(), [(500_000, "a")]);
}

/// The caps hold, also for what a lost network has kept from firing.
#[test]
fn a_pass_that_the_network_cuts_short_is_made_up_for_by_the_next() {
    let mut driver = Driver::periodic();
    driver.register_periodic("a", 0);
    driver.register_periodic("b", 0);
    driver.store_answers = false;
    driver.advance(100_000);
    let (ticket, op) = driver.held_tickets.remove(0);
    driver.store_answers = true;
    driver.commit(ticket, op);
    driver.pump();
    assert_eq!(driver.fired(), [(100_000, "a")]);
    driver.finish_last(EventOutcome::Fulfilled);
    driver.connect(Offline);
    driver.release_store();
    driver.advance(50_000);
    driver.connect(Online);
    assert_eq!(driver.events.len(), 1);
    driver.advance(50_000);
    assert!(driver.fired().contains(&(200_000, "b")));

    let mut driver = Driver::periodic();
    driver.register_periodic("a", 0);
    driver.store_answers = false;
    driver.advance(100_000);
    driver.connect(Offline);
    driver.release_store();
    driver.connect(Online);
    assert_eq!(
        driver.events.len(),
        1,
        "nothing had fired: this wake-up still may"
    );
}

#[test]
fn a_fleet_does_not_wake_up_all_at_once() {
    let mut times = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let mut driver = Driver::new(Policy::fleet(), Offline);
        driver.scheduler = SyncScheduler::new(SchedulerConfig::new(Policy::fleet(), Offline, seed));
        driver.register_periodic("a", 0);
        driver.advance(24 * HOUR);
        driver.connect(Online);
        driver.advance(75_000);
        times.insert(driver.events[0].at);
    }
    assert!(times.len() > 15, "{times:?}");
}

/// A wake-up that fires nothing uses nobody's gap.
#[test]
fn a_pass_whose_selection_is_denied_or_removed_is_no_wake_up() {
    for removes in [true, false] {
        let mut driver = Driver::periodic();
        driver.register_periodic("a", 0);
        driver.advance(10_000);
        driver.register_periodic_in(&scope_of("https://b.example", "/"), "b", 0);
        driver.store_answers = !removes;
        driver.permission = PermissionCheck::Answered(Permission::Denied);
        driver.advance(90_000);
        driver.permission = PermissionCheck::Answered(Permission::Granted);
        if removes {
            driver.unregister_periodic("a");
            driver.release_store();
        }
        assert_eq!(driver.events.len(), 0);
        driver.advance(10_000);
        assert_eq!(driver.fired(), [(110_000, "b")]);
    }
}

#[test]
fn what_is_suspended_between_attempts_has_used_up_its_interval() {
    let mut driver = Driver::periodic();
    driver.register_periodic("a", 500_000);
    driver.advance(500_000);
    driver.finish_last(EventOutcome::Rejected);
    driver.set_extra(ExtraInterval::Never);
    driver.advance(110_000);
    driver.set_extra(ExtraInterval::Ms(0));
    driver.advance(389_999);
    assert_eq!(driver.events.len(), 1);
    driver.advance(1);
    assert_eq!((driver.events.len(), driver.events[1].attempt), (2, 1));
}
