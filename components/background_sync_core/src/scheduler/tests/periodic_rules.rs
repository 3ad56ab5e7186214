//! Permission, limits, workers, the store, the embedder.

use super::periodic::periodic_policy;
use super::*;
use Connectivity::Offline;

const HOUR: u64 = 3_600_000;

#[test]
fn permission_is_needed_to_register_and_to_fire() {
    let mut driver = Driver::periodic();
    let call = driver.call();
    let denied = ClientFacts {
        permission: Permission::Denied,
        ..GRANTED
    };
    driver
        .scheduler
        .handle_register_periodic(driver.now, call, &scope(), Ok(tag("a")), 0, denied);
    driver.pump();
    assert_eq!(
        driver.error_of(call),
        RegisterError::PeriodicPermissionDenied
    );
    driver.register_periodic("a", 0);
    driver.permission = PermissionCheck::Unanswered;
    driver.advance(100_000);
    assert_eq!(driver.events.len(), 0);
    driver.permission = PermissionCheck::Answered(Permission::Denied);
    driver.advance(30_000);
    assert_eq!(driver.events.len(), 0);
    assert!(driver.store.is_empty(), "revoked, durably");
}

#[test]
fn checks_come_in_the_order_of_the_specification() {
    let facts = |active_worker, permission, open_window| ClientFacts {
        active_worker,
        permission,
        open_window,
        caller: Caller::Page,
    };
    let (granted, denied) = (Permission::Granted, Permission::Denied);
    let too_long = || Tag::try_from("x".repeat(10_241));
    let mut driver = Driver::periodic();
    let mut error = |facts| {
        let call = driver.call();
        driver
            .scheduler
            .handle_register_periodic(driver.now, call, &scope(), too_long(), 0, facts);
        driver.pump();
        driver.error_of(call)
    };
    assert_eq!(
        error(facts(false, denied, false)),
        RegisterError::NoActiveWorker
    );
    assert_eq!(
        error(facts(true, denied, false)),
        RegisterError::PeriodicPermissionDenied
    );
    assert_eq!(error(facts(true, granted, false)), RegisterError::NoWindow);
    let expected = RegisterError::TagTooLong(TagTooLong { bytes: 10_241 });
    assert_eq!(error(facts(true, granted, true)), expected);
}

#[test]
fn revocation_removes_what_needs_the_permission() {
    let mut driver = Driver::new(periodic_policy(), Offline);
    driver.register_periodic("a", 0);
    driver.register("a");
    let other = scope_of("https://b.example", "/");
    driver.register_periodic_in(&other, "a", 0);
    let name = PermissionName::PeriodicBackgroundSync;
    driver
        .scheduler
        .handle_permission_revoked(driver.now, &scope().origin, name);
    driver.pump();
    let mut driver = driver.restart_with(periodic_policy(), Offline);
    assert_eq!(driver.tags_of(SyncApi::Periodic), [""; 0]);
    assert_eq!(driver.tags(), ["a"]);
    assert!(driver.scheduler.periodic_state(&other, &tag("a")).is_some());
}

#[test]
fn it_counts_against_the_limits() {
    let mut driver = Driver::new(
        Policy {
            max_registrations_per_origin: 2,
            ..periodic_policy()
        },
        Offline,
    );
    driver.register_periodic("a", 0);
    driver.register("a");
    let call = driver.register_periodic("b", 0);
    assert_eq!(
        driver.error_of(call),
        RegisterError::TooManyForOrigin { limit: 2 }
    );
    let call = driver.register_periodic("a", 7);
    assert_eq!(driver.answer_to(call), Some(&Answer::Registered(Ok(()))));
}

#[test]
fn an_event_that_found_no_worker_fires_when_there_is_one() {
    let mut driver = Driver::periodic();
    driver.register_periodic("a", 0);
    driver.advance(100_000);
    driver.finish_last(EventOutcome::NotStarted);
    driver.advance(HOUR);
    assert_eq!(driver.events.len(), 1);
    driver
        .scheduler
        .handle_worker_activated(driver.now, &scope());
    driver.pump();
    assert_eq!((driver.events.len(), driver.events[1].attempt), (2, 1));
    driver
        .scheduler
        .handle_worker_unregistered(driver.now, &scope());
    driver.pump();
    assert_eq!(driver.tags_of(SyncApi::Periodic), [""; 0]);
}

#[test]
fn a_store_that_fails_refuses_and_takes_back() {
    let mut driver = Driver::periodic();
    driver.store_fails = true;
    let call = driver.register_periodic("a", 200_000);
    assert!(matches!(
        driver.error_of(call),
        RegisterError::Storage { .. }
    ));
    driver.assert_empty();
    driver.store_fails = false;
    driver.register_periodic("a", 200_000);
    driver.store_fails = true;
    driver.advance(50_000);
    let call = driver.register_periodic("a", 500_000);
    assert!(matches!(
        driver.error_of(call),
        RegisterError::Storage { .. }
    ));
    driver.store_fails = false;
    driver.advance(150_000);
    assert_eq!(driver.fired(), [(200_000, "a")], "as it was");
    driver.store_fails = true;
    let call = driver.unregister_periodic("a");
    let answer = driver.answer_to(call);
    assert!(
        matches!(answer, Some(Answer::Unregistered(Err(_)))),
        "{answer:?}"
    );
    driver.store_fails = false;
    driver.advance(30_000);
    assert!(
        driver.store.is_empty(),
        "removed as soon as the store works"
    );
}

#[test]
fn the_embedder_may_dispatch_and_clear() {
    let mut driver = Driver::periodic();
    driver.register_periodic("a", 0);
    driver.advance_succeeding(100_000);
    assert_eq!(driver.scheduler.usage().remembered_origins, 1);
    let why: Vec<_> = driver
        .scheduler
        .list(driver.now)
        .map(|info| info.why)
        .collect();
    assert_eq!(why, [WhyNotFired::WaitsForInterval { in_ms: 100_000 }]);
    let call = driver.call();
    driver.scheduler.handle_clear(driver.now, call, |_| true);
    driver.pump();
    assert_eq!(driver.answer_to(call), Some(&Answer::Removed(Ok(1))));
    driver.assert_empty();
    assert!(driver.origins.is_empty(), "no trace of the site is left");
}
