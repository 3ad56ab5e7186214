use super::*;
use RegistrationState::{Firing, Pending, ReregisteredWhileFiring};

fn refused(facts: ClientFacts, tag: Result<Tag, TagTooLong>) -> RegisterError {
    let mut driver = Driver::online();
    let call = driver.call();
    driver
        .scheduler
        .handle_register(driver.now, call, &scope(), tag, facts);
    driver.pump();
    assert!(matches!(
        &driver.notes[..],
        [SyncNotification::Rejected { .. }]
    ));
    driver.assert_empty();
    driver.error_of(call)
}

#[test]
fn checks_come_in_the_order_of_the_specification() {
    let long = || Tag::try_from("x".repeat(MAX_TAG_BYTES + 1));
    let denied = Permission::Denied;
    let mut facts = ClientFacts {
        active_worker: false,
        permission: denied,
        open_window: false,
        caller: Caller::Page,
    };
    assert_eq!(refused(facts, long()), RegisterError::NoActiveWorker);
    facts.active_worker = true;
    assert_eq!(refused(facts, long()), RegisterError::PermissionDenied);
    facts.permission = Permission::Granted;
    assert_eq!(refused(facts, long()), RegisterError::NoWindow);
    facts.open_window = true;
    assert_eq!(
        refused(facts, long()),
        RegisterError::TagTooLong(TagTooLong {
            bytes: MAX_TAG_BYTES + 1
        })
    );
}

#[test]
fn a_window_is_needed_for_a_duplicate_too() {
    let mut driver = Driver::offline();
    driver.register("x");
    let call = driver.call();
    let facts = ClientFacts {
        open_window: false,
        ..GRANTED
    };
    driver
        .scheduler
        .handle_register(driver.now, call, &scope(), Ok(tag("x")), facts);
    driver.pump();
    assert_eq!(driver.error_of(call), RegisterError::NoWindow);
}

#[test]
fn the_promise_resolves_after_the_commit_and_the_event_fires_after_the_promise() {
    let mut driver = Driver::online();
    driver.store_answers = false;
    let call = driver.register_without_acknowledging(&scope(), "x");
    assert_eq!(driver.answer_to(call), None);
    assert_eq!(driver.state("x"), None, "not there until it is durable");
    driver.release_store();
    assert_eq!(driver.answer_to(call), Some(&Answer::Registered(Ok(()))));
    assert_eq!((driver.state("x"), driver.events.len()), (Some(Pending), 0));
    driver.acknowledge(call);
    assert_eq!((driver.state("x"), driver.events.len()), (Some(Firing), 1));
}

#[test]
fn the_common_path_is_one_commit() {
    let mut driver = Driver::online();
    driver.store_answers = false;
    let call = driver.register_without_acknowledging(&scope(), "x");
    let [(_, StoreOp::Put(record))] = &driver.held_tickets[..] else {
        panic!()
    };
    assert_eq!((record.state, record.attempts), (Firing, 1));
    driver.release_store();
    driver.store_answers = false;
    driver.acknowledge(call);
    assert_eq!((driver.events.len(), driver.held_tickets.len()), (1, 0));
}

#[test]
fn a_promise_that_is_never_acknowledged_holds_the_event_back_for_a_limited_time() {
    let mut driver = Driver::online();
    driver.register_without_acknowledging(&scope(), "x");
    driver.advance(policy().acknowledge_limit_ms - 1);
    assert_eq!(driver.events.len(), 0);
    driver.advance(1);
    assert_eq!(driver.events.len(), 1);
    driver.finish_last(EventOutcome::Fulfilled);
    driver.assert_empty();
}

#[test]
fn a_client_that_goes_before_its_answer_does_not_hold_the_event_back() {
    let mut driver = Driver::online();
    driver.store_answers = false;
    let call = driver.register_without_acknowledging(&scope(), "x");
    driver.acknowledge(call);
    assert_eq!(driver.events.len(), 0);
    driver.release_store();
    assert_eq!(driver.events.len(), 1);
}

#[test]
fn a_duplicate_of_a_pending_registration_changes_nothing() {
    let mut driver = Driver::offline();
    driver.register("x");
    let stored = driver.store.clone();
    let call = driver.register("x");
    assert_eq!(driver.answer_to(call), Some(&Answer::Registered(Ok(()))));
    assert_eq!(driver.store, stored);
    assert_eq!(driver.tags(), ["x"]);
    let duplicate = |note: &&SyncNotification| {
        matches!(
            note,
            SyncNotification::Registered {
                duplicate: true,
                ..
            }
        )
    };
    assert_eq!(driver.notes.iter().filter(duplicate).count(), 1);
}

#[test]
fn a_duplicate_of_an_insert_under_way_waits_for_it() {
    let mut driver = Driver::online();
    driver.store_answers = false;
    let first = driver.register_without_acknowledging(&scope(), "x");
    let second = driver.register_without_acknowledging(&scope(), "x");
    assert_eq!(driver.held_tickets.len(), 1);
    driver.release_store();
    assert_eq!(driver.answer_to(second), Some(&Answer::Registered(Ok(()))));
    driver.acknowledge(first);
    assert_eq!(
        driver.events.len(),
        0,
        "the second promise is not resolved yet"
    );
    driver.acknowledge(second);
    assert_eq!(driver.events.len(), 1);
}

#[test]
fn registered_again_while_firing_fires_again_with_new_attempts() {
    let mut driver = Driver::online();
    driver.register("x");
    let call = driver.register("x");
    assert_eq!(driver.state("x"), Some(ReregisteredWhileFiring));
    assert_eq!(driver.answer_to(call), Some(&Answer::Registered(Ok(()))));
    let stored = driver.store.values().next().unwrap();
    assert_eq!(
        stored.state, ReregisteredWhileFiring,
        "the promise said that it fires again"
    );
    driver.finish_last(EventOutcome::Rejected);
    assert_eq!(driver.events.len(), 2);
    assert_eq!(driver.events[1].attempt, 1);
    driver.finish_last(EventOutcome::Fulfilled);
    driver.assert_empty();
}

#[test]
fn tags_are_listed_in_the_order_of_registration_and_per_scope() {
    let mut driver = Driver::offline();
    for text in ["b", "a", "", "b"] {
        driver.register(text);
    }
    driver.register_in(&scope_of("https://a.example", "/other/"), "z");
    assert_eq!(driver.tags(), ["b", "a", ""]);
}

#[test]
fn tags_asked_for_after_an_unfinished_register_include_it() {
    let mut driver = Driver::offline();
    driver.store_answers = false;
    driver.register_without_acknowledging(&scope(), "x");
    let call = driver.call();
    driver.scheduler.handle_get_tags(driver.now, call, &scope());
    driver.pump();
    assert_eq!(driver.answer_to(call), None);
    driver.release_store();
    assert_eq!(driver.answer_to(call), Some(&Answer::Tags(vec![tag("x")])));
}

#[test]
fn no_window_and_a_long_tag_have_texts_of_their_own() {
    let too_long = RegisterError::TagTooLong(TagTooLong { bytes: 10_241 }).to_string();
    let no_window = RegisterError::NoWindow.to_string();
    assert!(too_long.contains("10241") && !too_long.contains("window"));
    assert!(no_window.contains("window") && !no_window.contains("tag"));
}

#[test]
fn a_registration_is_one_record_whatever_else_its_worker_has() {
    let mut driver = Driver::offline();
    for number in 0..200 {
        driver.register(&number.to_string());
    }
    driver.store_answers = false;
    driver.register_without_acknowledging(&scope(), "x");
    assert_eq!(driver.held_tickets.len(), 1);
    let (_, op) = &driver.held_tickets[0];
    assert!(matches!(op, StoreOp::Put(record) if record.tag == tag("x")));
}
