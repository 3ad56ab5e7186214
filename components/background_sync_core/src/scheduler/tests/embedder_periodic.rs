//! What the embedder does to registrations of other APIs than one-shot sync.

use super::periodic::periodic_policy;
use super::*;
use Connectivity::Online;
use SyncApi::{Explainer, OneShot, Periodic};

/// Two origins with a periodic registration each, the first events due after 100 s.
fn two_origins() -> Driver {
    let mut driver = Driver::new(periodic_policy(), Online);
    driver.register_periodic("a", 0);
    driver.register_periodic_in(&scope_of("https://b.example", "/"), "b", 0);
    driver
}

#[test]
fn a_periodic_event_dispatched_now_begins_its_next_interval() {
    let mut driver = two_origins();
    driver.advance(60_000);
    let call = driver.dispatch_now_of(Periodic, "a");
    assert_eq!(driver.fired(), [(60_000, "a")]);
    assert_eq!(driver.events[0].kind, EventKind::PeriodicSync);
    driver.advance(300);
    driver.finish_last(EventOutcome::Fulfilled);
    let expected = Answer::Dispatched(Ok(EventOutcome::Fulfilled));
    assert_eq!(driver.answer_to(call), Some(&expected));
    driver.advance(39_700);
    assert_eq!(
        driver.fired()[1..],
        [(100_000, "b")],
        "it puts off no wake-up"
    );
    driver.finish_last(EventOutcome::Fulfilled);
    driver.advance_succeeding(99_999);
    assert_eq!(driver.events.len(), 2, "its interval begins with its event");
    driver.advance(1);
    assert!(driver.fired().contains(&(200_000, "a")));
}

#[test]
fn dispatching_again_and_again_keeps_no_other_origin_from_firing() {
    let mut driver = two_origins();
    for _ in 0..20 {
        driver.advance_succeeding(30_000);
        driver.dispatch_now_of(Periodic, "a");
        driver.finish_last(EventOutcome::Fulfilled);
    }
    let of_b = driver.events.iter().filter(|fired| fired.tag == "b");
    assert_eq!(of_b.count(), 6, "in 600 seconds");
}

#[test]
fn a_periodic_event_dispatched_now_is_tried_again_as_always() {
    let mut driver = two_origins();
    driver.dispatch_now_of(Periodic, "a");
    driver.finish_last(EventOutcome::Rejected);
    driver.advance(1_000);
    let attempts: Vec<_> = driver.events.iter().map(|fired| fired.attempt).collect();
    assert_eq!(attempts, [1, 2]);
    driver.finish_last(EventOutcome::Fulfilled);
    let mut driver = driver.restart_with(periodic_policy(), Online);
    driver.advance_succeeding(99_000 - 1);
    assert_eq!(driver.fired(), [], "its interval survives");
}

#[test]
fn a_periodic_event_that_can_not_be_dispatched_now_keeps_its_interval() {
    let mut driver = two_origins();
    driver.advance(50_000);
    driver.store_fails = true;
    let call = driver.dispatch_now_of(Periodic, "a");
    let expected = Answer::Dispatched(Err(DispatchError::NotNow));
    assert_eq!(driver.answer_to(call), Some(&expected));
    driver.store_fails = false;
    driver.permission = PermissionCheck::Unanswered;
    let call = driver.dispatch_now_of(Periodic, "a");
    assert_eq!(driver.answer_to(call), Some(&expected));
    driver.permission = PermissionCheck::Answered(Permission::Granted);
    driver.advance(49_999);
    assert_eq!(driver.events.len(), 0);
    driver.advance(1);
    assert_eq!(driver.fired(), [(100_000, "a"), (100_000, "b")]);
}

#[test]
fn a_suspended_registration_can_be_dispatched_and_stays_suspended() {
    let mut driver = two_origins();
    driver.set_extra(ExtraInterval::Never);
    driver.dispatch_now_of(Periodic, "a");
    assert_eq!(driver.events.len(), 1);
    driver.finish_last(EventOutcome::Rejected);
    assert_eq!(driver.periodic_state("a"), Some(PeriodicState::Suspended));
    driver.advance_succeeding(1_000_000);
    assert!(driver.fired()[1..].iter().all(|fired| fired.1 == "b"));
}

/// What each API registered under one name is dispatched and removed by itself.
#[test]
fn the_embedder_reaches_every_api() {
    let mut driver = Driver::offline();
    driver.register("x");
    driver.register_periodic("x", 0);
    let data: SyncData = "hello".try_into().unwrap();
    let options = ExplainerOptions {
        data: data.clone(),
        ..ExplainerOptions::default()
    };
    driver.register_id("x", options);
    let apis = [
        (Periodic, EventKind::PeriodicSync),
        (OneShot, EventKind::Sync),
        (Explainer, EventKind::Explainer { data }),
    ];
    for (api, kind) in apis {
        driver.dispatch_now_of(api, "x");
        assert_eq!(driver.events.last().unwrap().kind, kind);
        driver.finish_last(EventOutcome::Rejected);
    }
    for (left, api) in [(2, Explainer), (1, OneShot), (0, Periodic)] {
        driver.store_answers = false;
        let call = driver.call();
        driver
            .scheduler
            .handle_unregister(driver.now, call, api, &scope(), &tag("x"));
        driver.pump();
        assert_eq!(driver.answer_to(call), None, "not before it is durable");
        driver.release_store();
        assert_eq!(driver.answer_to(call), Some(&Answer::Removed(Ok(1))));
        assert_eq!(driver.store.len(), left);
    }
}

/// Other origins wait no longer for it, also after a restart.
#[test]
fn what_is_dispatched_now_is_no_wake_up_after_a_restart_either() {
    let mut driver = two_origins();
    driver.advance(60_000);
    driver.dispatch_now_of(Periodic, "a");
    driver.finish_last(EventOutcome::Fulfilled);
    // A record of the origin that has this is worth nothing.
    driver.set_extra(ExtraInterval::Ms(1));
    driver.set_extra(ExtraInterval::Ms(0));
    let mut driver = driver.restart_with(periodic_policy(), Online);
    driver.register_periodic("late", 0);
    let start = driver.now.mono.0;
    driver.advance(40_000);
    assert_eq!(driver.fired(), [(start + 40_000, "b")]);
    driver.finish_last(EventOutcome::Fulfilled);
    driver.advance_succeeding(99_999);
    assert_eq!(driver.events.len(), 1, "but its own origin waits");
}

#[test]
fn what_is_asked_for_when_it_is_about_to_fire_goes_on_without_a_network() {
    let mut driver = Driver::new(periodic_policy(), Online);
    driver.register_periodic("a", 0);
    driver.store_answers = false;
    driver.advance(100_000);
    let call = driver.dispatch_now_of(Periodic, "a");
    driver.connect(Connectivity::Offline);
    driver.release_store();
    assert_eq!(driver.events.len(), 1);
    driver.connect(Online);
    driver.connect(Connectivity::Offline);
    driver.finish_last(EventOutcome::Fulfilled);
    let expected = Answer::Dispatched(Ok(EventOutcome::Fulfilled));
    assert_eq!(driver.answer_to(call), Some(&expected));
    assert_eq!(driver.scheduler.usage().events, 0);
}
