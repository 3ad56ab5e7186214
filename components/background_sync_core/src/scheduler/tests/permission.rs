//! The permission that is asked for when an event is about to fire.

use super::*;
use Connectivity::{Offline, Online};

fn limited() -> Policy {
    Policy {
        permission_limit_ms: 5_000,
        max_events_in_all: NonZeroU32::MIN,
        ..policy()
    }
}

#[test]
fn an_answer_that_never_comes_holds_no_slot_for_ever() {
    let mut driver = Driver::new(limited(), Offline);
    driver.register("x");
    driver.register_in(&scope_of("https://b.example", "/"), "y");
    driver.permission_answers = false;
    driver.connect(Online);
    driver.advance(4_999);
    assert_eq!(driver.scheduler.usage().events, 1);
    driver.permission_answers = true;
    driver.advance(1);
    assert_eq!(driver.events[0].tag, "y", "its slot is free");
    driver.finish_last(EventOutcome::Fulfilled);
    driver.advance(limited().local_fault_delay_ms);
    assert_eq!((driver.events.len(), driver.events[1].attempt), (2, 1));
    driver.finish_last(EventOutcome::Fulfilled);
    driver.assert_empty();
}

#[test]
fn an_answer_in_time_ends_the_wait() {
    let mut driver = Driver::new(limited(), Offline);
    driver.register("x");
    driver.permission_answers = false;
    driver.connect(Online);
    driver.advance(4_000);
    let event = driver.unanswered[0];
    let (now, check) = (driver.now, driver.permission);
    driver.scheduler.handle_permission(now, event, check);
    driver.pump();
    assert_eq!(driver.events.len(), 1);
    driver.finish_last(EventOutcome::Fulfilled);
    driver.assert_empty();
}

#[test]
fn a_late_answer_is_ignored() {
    let mut driver = Driver::new(limited(), Offline);
    driver.register("x");
    driver.permission_answers = false;
    driver.connect(Online);
    driver.advance(5_000);
    let event = driver.unanswered[0];
    let (now, denied) = (driver.now, PermissionCheck::Answered(Permission::Denied));
    driver.scheduler.handle_permission(now, event, denied);
    driver.pump();
    assert_eq!(driver.tags(), ["x"]);
    driver.connect(Offline);
    let usage = driver.scheduler.usage();
    assert_eq!((usage.events, usage.deadlines), (0, 1));
}
