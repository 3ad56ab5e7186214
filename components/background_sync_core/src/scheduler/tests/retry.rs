use super::*;
use Connectivity::{Offline, Online};
use RegistrationState::{Firing, Waiting};

#[test]
fn a_failing_registration_backs_off_until_its_last_chance() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.finish_last(EventOutcome::Rejected);
    assert_eq!(driver.state("x"), Some(Waiting));
    driver.advance(999);
    assert_eq!(driver.events.len(), 1);
    driver.advance(1);
    driver.finish_last(EventOutcome::WorkerGone);
    driver.advance(1_999);
    assert_eq!(driver.events.len(), 2);
    driver.advance(1);
    let attempts: Vec<_> = driver
        .events
        .iter()
        .map(|e| (e.attempt, e.last_chance))
        .collect();
    assert_eq!(attempts, [(1, false), (2, false), (3, true)]);
    driver.finish_last(EventOutcome::Rejected);
    driver.assert_empty();
}

#[test]
fn the_timeline_tells_what_comes_next() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.finish_last(EventOutcome::Rejected);
    let Some(SyncNotification::Finished {
        attempt: 1, next, ..
    }) = driver.notes.last()
    else {
        panic!("{:?}", driver.notes)
    };
    assert_eq!(*next, NextStep::RetryIn { ms: 1_000 });
}

/// Chromium keeps the delay.
#[test]
fn registering_again_during_back_off_fires_now_with_new_attempts() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.finish_last(EventOutcome::Rejected);
    driver.register("x");
    assert_eq!(driver.state("x"), Some(Firing));
    assert_eq!(driver.events[1].attempt, 1);
}

#[test]
fn registering_again_during_back_off_while_offline_fires_when_online() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.finish_last(EventOutcome::Rejected);
    driver.connect(Offline);
    driver.register("x");
    assert_eq!(driver.state("x"), Some(RegistrationState::Pending));
    driver.connect(Online);
    assert_eq!((driver.events.len(), driver.events[1].attempt), (2, 1));
}

#[test]
fn reconnecting_brings_retries_forward_but_not_to_nothing() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.finish_last(EventOutcome::Rejected);
    driver.connect(Offline);
    driver.connect(Online);
    assert_eq!(driver.events.len(), 1, "a tenth of the delay is kept");
    driver.advance(100);
    assert_eq!(driver.events.len(), 2);
    driver.finish_last(EventOutcome::Rejected);
    driver.connect(Offline);
    driver.advance(500);
    driver.connect(Online);
    assert_eq!(driver.events.len(), 3);
}

#[test]
fn retries_keep_their_time_if_the_policy_says_so() {
    let policy = Policy {
        reconnect_brings_retries_forward: false,
        ..policy()
    };
    let mut driver = Driver::new(policy, Online);
    driver.register("x");
    driver.finish_last(EventOutcome::Rejected);
    driver.connect(Offline);
    driver.advance(900);
    driver.connect(Online);
    assert_eq!(driver.events.len(), 1);
    driver.advance(100);
    assert_eq!(driver.events.len(), 2);
}

#[test]
fn a_retry_that_is_due_while_offline_fires_when_online() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.finish_last(EventOutcome::Rejected);
    driver.connect(Offline);
    driver.advance(5_000);
    assert_eq!(driver.state("x"), Some(RegistrationState::Pending));
    driver.connect(Online);
    assert_eq!((driver.events.len(), driver.events[1].attempt), (2, 2));
}

#[test]
fn a_fleet_does_not_come_back_all_at_once() {
    let mut driver = Driver::new(Policy::fleet(), Offline);
    let mut registered = 0;
    for origin in 0..50 {
        registered += 1;
        driver.register_in(&scope_of(&format!("https://{origin}.example"), "/"), "x");
    }
    driver.connect(Online);
    driver.advance(5_000);
    assert!(
        driver.events.len() < registered / 2,
        "{}",
        driver.events.len()
    );
    driver.advance(70_000);
    assert_eq!(driver.events.len(), registered);
}

#[test]
fn a_spread_first_attempt_fires_at_once_when_registered_again() {
    let mut driver = Driver::new(Policy::fleet(), Offline);
    driver.register("x");
    driver.connect(Online);
    assert_eq!(driver.events.len(), 0);
    driver.register("x");
    assert_eq!(driver.events.len(), 1);
}

#[test]
fn presets_have_the_delays_that_they_promise() {
    let delays = |policy: &Policy| {
        (1..=8)
            .map(|n| policy.retry_delay_ms(n))
            .collect::<Vec<_>>()
    };
    let minutes = |list: &[u64]| list.iter().map(|m| m * 60_000).collect::<Vec<_>>();
    assert_eq!(
        delays(&Policy::standard()),
        minutes(&[1, 2, 4, 8, 16, 32, 60, 60])
    );
    assert_eq!(delays(&Policy::chromium())[..2], minutes(&[5, 15]));
    let every = Policy::every(std::time::Duration::from_secs(60));
    assert_eq!(delays(&every), minutes(&[1; 8]));
    assert!(!every.is_last_chance(u32::MAX));
    assert!(Policy::chromium().is_last_chance(3) && !Policy::chromium().is_last_chance(2));
}

#[test]
fn jitter_stays_within_its_percentage() {
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let policy = Policy {
            max_attempts: None,
            retry_jitter_percent: 10,
            ..policy()
        };
        let mut driver = Driver::new(policy, Online);
        driver.register("x");
        for _ in 0..100 {
            driver.finish_last(EventOutcome::Rejected);
            let Some(SyncNotification::Finished {
                next: NextStep::RetryIn { ms },
                ..
            }) = driver.notes.last()
            else {
                panic!()
            };
            seen.insert(*ms);
            driver.advance(4_400);
        }
    }
    assert!(
        seen.len() > 20 && seen.len() <= 100,
        "varies, and the same from the same seed"
    );
    assert!(
        seen.iter().skip(2).all(|ms| (3_600..=4_400).contains(ms)),
        "{seen:?}"
    );
}

/// All that became due meanwhile is noticed at one moment, however much later.
#[test]
fn what_became_due_in_suspend_fires_once_on_waking() {
    let mut driver = Driver::online();
    for name in ["a", "b", "c"] {
        driver.register(name);
        driver.finish_last(EventOutcome::Rejected);
        driver.advance(100);
    }
    let before = driver.events.len();
    driver.suspend(365 * 24 * 60 * 60 * 1_000);
    let mut fired: Vec<_> = driver.events[before..]
        .iter()
        .map(|event| event.tag.to_string())
        .collect();
    fired.sort();
    assert_eq!(fired, ["a", "b", "c"]);
    assert_eq!(driver.terminated, []);
    driver.suspend(1);
    assert_eq!(driver.events.len(), before + 3);
}

/// It has passed its cap: nobody knows whether its worker has seen any of that time.
#[test]
fn an_event_that_runs_in_suspend_has_passed_its_cap() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.suspend(60 * 60 * 1_000);
    assert_eq!(driver.terminated.len(), 1);
    assert_eq!(driver.state("x"), Some(Waiting));
    driver.suspend(60 * 60 * 1_000);
    assert_eq!(driver.events.len(), 2);
    driver.finish_last(EventOutcome::Fulfilled);
    driver.assert_empty();
}

/// Its worker was ended for what it has not done.
#[test]
fn a_last_chance_that_another_event_has_taken_is_given_again() {
    let once = Policy {
        max_attempts: NonZeroU32::new(1),
        ..policy()
    };
    let mut driver = Driver::new(once, Online);
    driver.register("loop");
    driver.advance(300);
    driver.register("innocent");
    let innocent = driver.events[1].clone();
    assert!(innocent.last_chance);
    driver.advance(200);
    assert_eq!(driver.terminated.len(), 1);
    assert_eq!(driver.state("loop"), None);
    driver.finish(&innocent, EventOutcome::WorkerGone);
    assert_eq!(driver.state("innocent"), Some(Waiting));
    driver.advance(1_000);
    assert_eq!(driver.events.len(), 3);
    assert!(driver.events[2].last_chance);
    // This time, nobody else is to blame.
    driver.finish_last(EventOutcome::WorkerGone);
    driver.assert_empty();
}
