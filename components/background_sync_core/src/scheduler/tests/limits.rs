use super::*;
use Connectivity::Online;

#[test]
fn registrations_per_origin_and_in_all_are_limited() {
    let policy = Policy {
        max_registrations_per_origin: 2,
        max_registrations_in_all: 3,
        ..policy()
    };
    let mut driver = Driver::new(policy, Connectivity::Offline);
    driver.register("a");
    driver.register_in(&scope_of("https://a.example", "/other/"), "b");
    let call = driver.register("c");
    assert_eq!(
        driver.error_of(call),
        RegisterError::TooManyForOrigin { limit: 2 }
    );
    let call = driver.register("a");
    assert_eq!(
        driver.answer_to(call),
        Some(&Answer::Registered(Ok(()))),
        "a duplicate is none"
    );
    driver.register_in(&scope_of("https://b.example", "/"), "d");
    let call = driver.register_in(&scope_of("https://c.example", "/"), "e");
    assert_eq!(
        driver.error_of(call),
        RegisterError::TooManyInAll { limit: 3 }
    );
}

#[test]
fn events_are_limited_and_origins_take_turns() {
    let policy = Policy {
        max_events_in_all: NonZeroU32::new(3).unwrap(),
        max_events_per_origin: NonZeroU32::new(2).unwrap(),
        ..policy()
    };
    let mut driver = Driver::new(policy, Connectivity::Offline);
    for text in ["1", "2", "3", "4"] {
        driver.register_in(&scope_of("https://a.example", "/"), text);
    }
    for text in ["5", "6"] {
        driver.register_in(&scope_of("https://b.example", "/"), text);
    }
    driver.connect(Online);
    let tags = |driver: &Driver| {
        driver
            .events
            .iter()
            .map(|fired| fired.tag.clone())
            .collect::<Vec<_>>()
            .concat()
    };
    assert_eq!(tags(&driver), "152");
    let second = driver.events[1].clone();
    driver.finish(&second, EventOutcome::Fulfilled);
    assert_eq!(
        tags(&driver),
        "1526",
        "the first origin has its two already"
    );
    for turn in 0..6 {
        if let Some(fired) = driver.events.get(turn).cloned() {
            driver.finish(&fired, EventOutcome::Fulfilled);
        }
    }
    assert_eq!(driver.events.len(), 6);
    driver.advance(2);
    driver.assert_empty();
}

#[test]
fn one_origin_can_not_keep_another_waiting() {
    let policy = Policy {
        max_events_in_all: NonZeroU32::new(1).unwrap(),
        ..policy()
    };
    let mut driver = Driver::new(policy, Connectivity::Offline);
    for text in ["1", "2", "3"] {
        driver.register_in(&scope_of("https://a.example", "/"), text);
    }
    driver.register_in(&scope_of("https://b.example", "/"), "b");
    driver.connect(Online);
    driver.finish_last(EventOutcome::Fulfilled);
    assert_eq!(driver.events[1].tag, "b");
}

/// Offline, with so many registrations.
fn offline_with(count: u32) -> Driver {
    let mut driver = Driver::offline();
    for tag in 0..count {
        driver.register(&tag.to_string());
    }
    driver
}

#[test]
fn the_first_event_of_many_does_not_wait_until_the_others_are_prepared() {
    let mut driver = offline_with(20);
    driver.connect(Online);
    assert_eq!(driver.events.len(), 1);
    driver.finish_last(EventOutcome::Fulfilled);
    assert_eq!(driver.events.len(), 1, "nor until another is");
    driver.advance(1);
    assert_eq!(driver.events.len(), 20);
}

#[test]
fn few_events_are_prepared_together() {
    let mut driver = offline_with(8);
    driver.connect(Online);
    assert_eq!(driver.events.len(), 8);
}

#[test]
fn what_got_no_first_slot_waits_for_the_network_if_that_goes_again() {
    let mut driver = offline_with(20);
    driver.connect(Online);
    driver.connect(Connectivity::Offline);
    driver.advance(1);
    assert_eq!(driver.events.len(), 1);
    driver.connect(Online);
    assert_eq!(driver.events.len(), 2);
    driver.advance(1);
    assert_eq!(driver.events.len(), 20);
}

#[test]
fn a_parked_service_worker_holds_no_slot() {
    let policy = Policy {
        max_events_in_all: NonZeroU32::new(2).unwrap(),
        ..policy()
    };
    let mut driver = Driver::new(policy, Connectivity::Online);
    driver.register("x");
    driver.register_without_acknowledging(&scope(), "y");
    driver.finish_last(EventOutcome::NotStarted);
    assert_eq!(driver.scheduler.usage().events, 0);
    driver.register_in(&scope_of("https://b.example", "/"), "z");
    assert_eq!(driver.events.last().unwrap().tag, "z");
}

#[test]
fn a_registration_that_vanishes_during_its_event_leaks_no_slot() {
    let policy = Policy {
        max_events_in_all: NonZeroU32::MIN,
        max_events_per_origin: NonZeroU32::MIN,
        ..policy()
    };
    let mut driver = Driver::new(policy, Connectivity::Online);
    for round in 1..=5 {
        driver.register("x");
        assert_eq!(driver.events.len(), round);
        driver
            .scheduler
            .handle_worker_unregistered(driver.now, &scope());
        driver.pump();
        driver.finish_last(EventOutcome::Fulfilled);
        driver.assert_empty();
    }
}
