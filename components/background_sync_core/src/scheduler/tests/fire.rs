use super::*;
use Connectivity::{Offline, Online};
use RegistrationState::{Firing, Pending};

#[test]
fn offline_registrations_fire_when_the_network_comes() {
    let mut driver = Driver::offline();
    driver.register("x");
    driver.register("y");
    assert_eq!(driver.events.len(), 0);
    driver.connect(Online);
    let tags: Vec<_> = driver
        .events
        .iter()
        .map(|fired| fired.tag.as_str())
        .collect();
    assert_eq!(tags, ["x", "y"]);
    assert_eq!(
        (driver.events[0].attempt, driver.events[0].last_chance),
        (1, false)
    );
}

#[test]
fn success_removes_it() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.finish_last(EventOutcome::Fulfilled);
    assert_eq!(driver.tags(), [""; 0]);
    driver.assert_empty();
}

#[test]
fn the_removal_after_success_is_not_urgent() {
    let mut driver = Driver::online();
    driver.register("x");
    let event = driver.events[0].event;
    driver
        .scheduler
        .handle_event_finished(driver.now, event, EventOutcome::Fulfilled);
    let output = driver.scheduler.poll_output();
    assert!(
        matches!(
            output,
            Some(Output::Store {
                urgency: Urgency::Lazy,
                ..
            })
        ),
        "{output:?}"
    );
}

#[test]
fn an_event_past_its_cap_is_terminated_and_has_failed() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.advance(499);
    assert_eq!(driver.terminated, []);
    driver.advance(1);
    let event = driver.events[0].clone();
    assert_eq!(driver.terminated, [event.event]);
    assert_eq!(driver.state("x"), Some(RegistrationState::Waiting));
    // Too late.
    driver.finish(&event, EventOutcome::Fulfilled);
    assert_eq!(driver.state("x"), Some(RegistrationState::Waiting));
    driver.advance(1_000);
    assert_eq!(driver.events.len(), 2);
}

#[test]
fn without_a_worker_it_stays_pending_and_no_attempt_is_counted() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.finish_last(EventOutcome::NotStarted);
    assert_eq!((driver.state("x"), driver.events.len()), (Some(Pending), 1));
    driver.advance(1_000_000);
    driver.connect(Offline);
    driver.connect(Online);
    assert_eq!(driver.events.len(), 1);
    driver
        .scheduler
        .handle_worker_activated(driver.now, &scope());
    driver.pump();
    assert_eq!((driver.events.len(), driver.events[1].attempt), (2, 1));
}

#[test]
fn registering_again_wakes_a_parked_service_worker() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.register("y");
    let (x, y) = (driver.events[0].clone(), driver.events[1].clone());
    driver.finish(&x, EventOutcome::NotStarted);
    driver.finish(&y, EventOutcome::NotStarted);
    driver.register("x");
    assert_eq!(driver.events.len(), 4);
    driver.finish_last(EventOutcome::Fulfilled);
}

#[test]
fn losing_the_network_before_dispatch_counts_no_attempt() {
    let mut driver = Driver::online();
    let call = driver.register_without_acknowledging(&scope(), "x");
    assert_eq!(driver.store.values().next().unwrap().attempts, 1);
    driver.connect(Offline);
    driver.acknowledge(call);
    assert_eq!(driver.events.len(), 0);
    assert_eq!(driver.store.values().next().unwrap().attempts, 0);
    driver.connect(Online);
    assert_eq!(driver.events[0].attempt, 1);
}

#[test]
fn losing_the_network_does_not_end_a_running_event() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.connect(Offline);
    assert_eq!(driver.state("x"), Some(Firing));
    driver.finish_last(EventOutcome::Fulfilled);
    driver.assert_empty();
}

#[test]
fn permission_is_checked_again_at_dispatch() {
    let mut driver = Driver::offline();
    driver.register("x");
    driver.permission = PermissionCheck::Answered(Permission::Denied);
    driver.connect(Online);
    assert_eq!(driver.events.len(), 0);
    driver.assert_empty();
    let reason = RemovalReason::PermissionDenied;
    let removed = SyncNotification::Removed {
        api: SyncApi::OneShot,
        scope: scope(),
        tag: tag("x"),
        reason,
    };
    assert_eq!(driver.notes.last(), Some(&removed));
}

#[test]
fn an_unanswered_permission_check_loses_nothing() {
    let mut driver = Driver::offline();
    driver.register("x");
    driver.permission = PermissionCheck::Unanswered;
    driver.connect(Online);
    assert_eq!((driver.events.len(), driver.state("x")), (0, Some(Pending)));
    driver.permission = PermissionCheck::Answered(Permission::Granted);
    driver.advance(policy().local_fault_delay_ms);
    assert_eq!(driver.events[0].attempt, 1);
}

#[test]
fn a_worker_that_is_unregistered_takes_its_registrations_along() {
    let mut driver = Driver::online();
    driver.register("firing");
    driver.connect(Offline);
    driver.register("pending");
    driver
        .scheduler
        .handle_worker_unregistered(driver.now, &scope());
    driver.pump();
    assert!(driver.store.is_empty());
    assert_eq!(driver.tags(), [""; 0]);
    assert_eq!(
        driver.scheduler.usage().events,
        1,
        "what runs keeps its slot and its cap"
    );
    driver.finish_last(EventOutcome::Rejected);
    driver.assert_empty();
}

#[test]
fn an_event_without_a_registration_is_capped_too() {
    let mut driver = Driver::online();
    driver.register("x");
    driver
        .scheduler
        .handle_worker_unregistered(driver.now, &scope());
    driver.pump();
    driver.advance(500);
    assert_eq!(driver.terminated.len(), 1);
    driver.assert_empty();
}

#[test]
fn a_worker_unregistered_during_an_insert_still_answers() {
    let mut driver = Driver::online();
    driver.store_answers = false;
    let call = driver.register_without_acknowledging(&scope(), "x");
    driver
        .scheduler
        .handle_worker_unregistered(driver.now, &scope());
    driver.pump();
    driver.release_store();
    assert_eq!(driver.answer_to(call), Some(&Answer::Registered(Ok(()))));
    driver.assert_empty();
}
