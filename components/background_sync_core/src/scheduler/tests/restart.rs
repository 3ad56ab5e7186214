use super::*;
use Connectivity::{Offline, Online};

#[test]
fn pending_registrations_survive() {
    let mut driver = Driver::offline();
    driver.register("x");
    let mut driver = driver.restart(Online);
    assert_eq!((driver.events.len(), driver.events[0].attempt), (1, 1));
    driver.finish_last(EventOutcome::Fulfilled);
    driver.assert_empty();
}

#[test]
fn waiting_registrations_keep_their_deadline() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.finish_last(EventOutcome::Rejected);
    driver.now.wall = driver.now.wall.after_ms(400);
    let mut driver = driver.restart(Online);
    driver.advance(599);
    assert_eq!(driver.events.len(), 0);
    driver.advance(1);
    assert_eq!(driver.events[0].attempt, 2);
}

#[test]
fn a_clock_that_jumps_back_to_1970_delays_by_no_more_than_one_back_off() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.finish_last(EventOutcome::Rejected);
    driver.now.wall = WallTime(0);
    let mut driver = driver.restart(Online);
    driver.advance(1_000);
    assert_eq!(driver.events.len(), 1);
}

#[test]
fn a_clock_that_jumps_ahead_fires_once() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.finish_last(EventOutcome::Rejected);
    driver.now.wall = WallTime(u64::MAX);
    let mut driver = driver.restart(Online);
    driver.advance(0);
    assert_eq!(driver.events.len(), 1);
    driver.finish_last(EventOutcome::Rejected);
    driver.advance(10_000);
    assert_eq!(driver.events.len(), 2);
}

#[test]
fn an_interrupted_attempt_counts() {
    let mut driver = Driver::online();
    driver.register("x");
    let driver = driver.restart(Online);
    assert_eq!((driver.events.len(), driver.events[0].attempt), (1, 2));
}

/// Chromium repeats it for ever.
#[test]
fn a_crash_loop_ends() {
    let mut driver = Driver::online();
    driver.register("x");
    let mut attempts = vec![driver.events[0].attempt];
    for _ in 0..20 {
        driver = driver.restart(Online);
        driver.advance_to_event();
        attempts.extend(driver.events.first().map(|fired| fired.attempt));
    }
    assert!(
        attempts.len() <= 3 + MAX_INTERRUPTIONS as usize,
        "{attempts:?}"
    );
    assert_eq!(attempts.last(), Some(&3), "the last chance was given");
    driver.assert_empty();
}

#[test]
fn an_interrupted_last_chance_is_given_again() {
    let mut driver = Driver::online();
    driver.register("x");
    for delay_ms in [1_000, 2_000] {
        driver.finish_last(EventOutcome::Rejected);
        driver.advance(delay_ms);
    }
    assert!(driver.events[2].last_chance);
    let mut driver = driver.restart(Online);
    assert!(driver.events[0].last_chance);
    driver.finish_last(EventOutcome::Fulfilled);
    driver.assert_empty();
}

#[test]
fn a_row_of_interruptions_backs_off() {
    let mut driver = Driver::online();
    driver.register("x");
    let driver = driver.restart(Online).restart(Online);
    assert_eq!(driver.events.len(), 0);
    assert_eq!(driver.state("x"), Some(RegistrationState::Waiting));
}

#[test]
fn registered_again_while_firing_survives() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.register("x");
    let driver = driver.restart(Offline);
    assert_eq!(driver.state("x"), Some(RegistrationState::Pending));
    let driver = driver.restart(Online);
    assert_eq!(driver.events[0].attempt, 1);
}

#[test]
fn ids_are_not_used_twice() {
    let mut driver = Driver::offline();
    driver.register("x");
    let mut driver = driver.restart(Offline);
    driver.register("y");
    assert_eq!(driver.store.len(), 2);
    assert_eq!(driver.tags(), ["x", "y"]);
}

#[test]
fn of_two_records_with_one_tag_the_newer_stays() {
    let mut driver = Driver::offline();
    driver.register("x");
    let mut copy = driver.store.values().next().unwrap().clone();
    copy.id = RegistrationId(99);
    driver.store.insert(copy.id, copy);
    let mut driver = driver.restart(Offline);
    assert_eq!(driver.tags(), ["x"]);
    assert_eq!(
        driver.store.keys().collect::<Vec<_>>(),
        [&RegistrationId(99)]
    );
}

#[test]
fn a_policy_with_fewer_attempts_gives_a_last_chance() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.finish_last(EventOutcome::Rejected);
    driver.advance(1_000);
    driver.finish_last(EventOutcome::Rejected);
    let fewer = Policy {
        max_attempts: NonZeroU32::new(1),
        ..policy()
    };
    let mut driver = driver.restart_with(fewer, Online);
    driver.advance(10_000);
    assert_eq!(
        (driver.events.len(), driver.events[0].last_chance),
        (1, true)
    );
}

#[test]
fn a_store_without_numbers_left_refuses_new_registrations() {
    let config = SchedulerConfig::new(Policy::standard(), Offline, 0);
    let mut scheduler = SyncScheduler::new(config);
    scheduler.load(Now::default(), [], RegistrationId(u64::MAX));
    let scope = ScopeKey {
        origin: "https://a.example".try_into().unwrap(),
        scope: "https://a.example/".try_into().unwrap(),
    };
    let facts = ClientFacts {
        active_worker: true,
        permission: Permission::Granted,
        open_window: true,
        caller: Caller::Page,
    };
    scheduler.handle_register(Now::default(), Call(1), &scope, Tag::try_from("x"), facts);
    let answer = std::iter::from_fn(|| scheduler.poll_output())
        .find(|output| matches!(output, Output::Answer { .. }));
    let Some(Output::Answer {
        answer: Answer::Registered(Err(RegisterError::Storage { .. })),
        ..
    }) = answer
    else {
        panic!("{answer:?}")
    };
}

#[test]
fn a_damaged_count_of_attempts_does_not_overflow() {
    let policy = Policy::every(std::time::Duration::ZERO);
    let mut scheduler = SyncScheduler::new(SchedulerConfig::new(policy, Online, 0));
    let record = StoredRegistration {
        id: RegistrationId(1),
        scope: ScopeKey {
            origin: "https://a.example".try_into().unwrap(),
            scope: "https://a.example/".try_into().unwrap(),
        },
        kind: RegistrationKind::OneShot,
        tag: "x".try_into().unwrap(),
        state: RegistrationState::Pending,
        attempts: u32::MAX,
        interruptions: u32::MAX,
        registered_at: WallTime(0),
        retry_at: None,
    };
    scheduler.load(Now::default(), [record], RegistrationId(2));
    let mut attempts = Vec::new();
    while let Some(output) = scheduler.poll_output() {
        match output {
            Output::CheckPermission { event, .. } => {
                let check = PermissionCheck::Answered(Permission::Granted);
                scheduler.handle_permission(Now::default(), event, check);
            }
            Output::Store { ticket, .. } => {
                scheduler.handle_stored(Now::default(), ticket, Ok(()));
            }
            Output::Dispatch { attempt, .. } => attempts.push(attempt),
            _ => {}
        }
    }
    assert_eq!(attempts, [u32::MAX]);
}

#[test]
fn a_delay_of_nothing_is_found_at_once() {
    let policy = Policy {
        first_retry_delay_ms: 0,
        ..Policy::standard()
    };
    assert_eq!(policy.retry_delay_ms(u32::MAX), 0);
}
