use std::num::NonZeroU64;

use super::*;
use Connectivity::Online;

#[test]
fn a_failed_insert_costs_one_call() {
    let mut driver = Driver::online();
    driver.register("kept");
    driver.store_fails = true;
    let call = driver.register("lost");
    let problem = StorageProblem::Full;
    assert_eq!(driver.error_of(call), RegisterError::Storage { problem });
    // Where is for the embedder alone.
    let told = |note: &SyncNotification| matches!(note, SyncNotification::StorageFailed { fault, .. } if fault.reason.contains("/profile"));
    assert!(driver.notes.iter().any(told), "{:?}", driver.notes);
    assert_eq!(driver.tags(), ["kept"]);
    driver.store_fails = false;
    driver.finish_last(EventOutcome::Fulfilled);
    driver.assert_empty();
}

#[test]
fn an_attempt_that_can_not_be_recorded_is_made_later() {
    let mut driver = Driver::offline();
    driver.register("x");
    driver.store_fails = true;
    driver.connect(Online);
    driver.advance(policy().local_fault_delay_ms * 5);
    assert_eq!(driver.events.len(), 0);
    driver.store_fails = false;
    driver.advance(policy().local_fault_delay_ms);
    assert_eq!((driver.events.len(), driver.events[0].attempt), (1, 1));
}

#[test]
fn a_failed_re_registration_costs_one_call() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.finish_last(EventOutcome::Rejected);
    driver.store_fails = true;
    let call = driver.register("x");
    assert!(matches!(
        driver.error_of(call),
        RegisterError::Storage { .. }
    ));
    driver.store_fails = false;
    driver.advance(policy().local_fault_delay_ms);
    assert_eq!(driver.events.len(), 2);
    driver.finish_last(EventOutcome::Fulfilled);
    driver.assert_empty();
}

#[test]
fn a_removal_that_fails_is_tried_again() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.store_fails = true;
    driver.finish_last(EventOutcome::Fulfilled);
    assert_eq!((driver.tags().len(), driver.store.len()), (0, 1));
    driver.advance(policy().local_fault_delay_ms * 3);
    driver.store_fails = false;
    driver.advance(policy().local_fault_delay_ms);
    driver.assert_empty();
}

#[test]
fn an_insert_that_fails_after_the_network_went_leaves_nothing() {
    let mut driver = Driver::online();
    driver.store_answers = false;
    let call = driver.register_without_acknowledging(&scope(), "x");
    driver.connect(Connectivity::Offline);
    driver.store_fails = true;
    driver.release_store();
    assert!(matches!(
        driver.error_of(call),
        RegisterError::Storage { .. }
    ));
    driver.store_fails = false;
    driver.connect(Online);
    driver.assert_empty();
}

#[test]
fn what_is_unknown_is_ignored() {
    let mut driver = Driver::online();
    let now = driver.now;
    let unknown = NonZeroU64::MAX;
    driver.scheduler.handle_stored(now, Ticket(unknown), Ok(()));
    driver.scheduler.handle_acknowledged(now, Call(9));
    driver
        .scheduler
        .handle_event_finished(now, EventId(unknown), EventOutcome::Fulfilled);
    driver
        .scheduler
        .handle_permission(now, EventId(unknown), PermissionCheck::Unanswered);
    driver.scheduler.handle_worker_activated(now, &scope());
    driver.scheduler.handle_worker_unregistered(now, &scope());
    driver.scheduler.handle_timeout(now);
    assert_eq!(driver.scheduler.poll_output(), None);
    driver.assert_empty();
}

#[test]
fn deadlines_past_the_end_of_time_are_harmless() {
    let mut driver = Driver::new(Policy::every(std::time::Duration::MAX), Online);
    driver.register("x");
    driver.finish_last(EventOutcome::Rejected);
    assert_eq!(driver.scheduler.poll_timeout(), Some(MonoTime(u64::MAX)));
    driver.now.mono = MonoTime(u64::MAX - 1);
    driver.register("x");
    assert_eq!(driver.events.len(), 2);
}
