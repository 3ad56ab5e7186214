use super::periodic::periodic_policy;
use super::*;
use Connectivity::{Offline, Online};

pub(super) fn data(text: &str) -> ExplainerOptions {
    ExplainerOptions {
        data: text.try_into().unwrap(),
        ..ExplainerOptions::default()
    }
}

pub(super) fn repeating(text: &str) -> ExplainerOptions {
    ExplainerOptions {
        recurrence: Recurrence::Repeating,
        ..data(text)
    }
}

impl Driver {
    pub fn register_with(
        &mut self,
        id: &str,
        options: ExplainerOptions,
        facts: ClientFacts,
    ) -> Call {
        let call = self.call();
        self.scheduler.handle_register_explainer(
            self.now,
            call,
            &scope(),
            Ok(tag(id)),
            Ok(options),
            facts,
        );
        self.pump();
        self.acknowledge(call);
        call
    }

    pub fn register_id(&mut self, id: &str, options: ExplainerOptions) -> Call {
        self.register_with(id, options, GRANTED)
    }

    /// Data of the last event.
    pub fn last_data(&self) -> &str {
        match &self.events.last().unwrap().kind {
            EventKind::Explainer { data } => data.as_str(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn it_fires_once_with_its_data() {
    let mut driver = Driver::offline();
    driver.register_id("send", data("{\"a\": 1}"));
    driver.register("send");
    assert_eq!(driver.tags_of(SyncApi::Explainer), ["send"]);
    let mut driver = driver.restart(Online);
    assert_eq!(driver.events.len(), 2, "one of each namespace");
    let fired = driver
        .events
        .iter()
        .find(|fired| fired.kind != EventKind::Sync);
    let fired = fired.unwrap().clone();
    assert_eq!(fired.tag, "send");
    let expected = EventKind::Explainer {
        data: "{\"a\": 1}".try_into().unwrap(),
    };
    assert_eq!(fired.kind, expected);
    driver.finish(&fired, EventOutcome::Rejected);
    driver.advance(1_000);
    assert_eq!(
        driver.events.last().unwrap().attempt,
        2,
        "with the same back-off"
    );
    driver.finish_last(EventOutcome::Fulfilled);
    assert_eq!(driver.tags_of(SyncApi::Explainer), [""; 0]);
    assert_eq!(driver.tags(), ["send"]);
}

#[test]
fn its_interval_puts_it_off_durably() {
    let mut driver = Driver::online();
    let options = ExplainerOptions {
        min_interval_ms: Some(60_000),
        ..data("x")
    };
    driver.register_id("later", options);
    driver.connect(Offline);
    driver.connect(Online);
    driver.advance(20_000);
    assert_eq!(
        driver.events.len(),
        0,
        "a reconnect does not bring it forward"
    );
    let mut driver = driver.restart(Online);
    driver.advance(39_999);
    assert_eq!(driver.events.len(), 0);
    driver.advance(1);
    assert_eq!(driver.events[0].attempt, 1);
    driver.now.wall = WallTime(0);
}

#[test]
fn a_new_request_overrides_one_with_the_same_id() {
    let mut driver = Driver::offline();
    driver.register_id("x", data("old"));
    driver.register_id("x", data("new"));
    assert_eq!(driver.tags_of(SyncApi::Explainer), ["x"]);
    driver.connect(Online);
    assert_eq!((driver.events.len(), driver.last_data()), (1, "new"));
    driver.register_id("x", data("newest"));
    assert_eq!(driver.events.len(), 1, "not twice at the same time");
    driver.finish_last(EventOutcome::Fulfilled);
    assert_eq!((driver.events.len(), driver.last_data()), (2, "newest"));
    driver.finish_last(EventOutcome::Rejected);
    driver.register_id("x", data("at last"));
    assert_eq!((driver.events.len(), driver.last_data()), (3, "at last"));
    assert_eq!(driver.events[2].attempt, 1);
    driver.finish_last(EventOutcome::Fulfilled);
    driver.assert_empty();
}

#[test]
fn an_override_before_the_first_commit() {
    for fails in [false, true] {
        let mut driver = Driver::offline();
        driver.store_answers = false;
        driver.register_id("x", data("old"));
        driver.register_id("x", data("new"));
        let (ticket, op) = driver.held_tickets.remove(0);
        driver.store_fails = fails;
        driver.commit(ticket, op);
        driver.store_fails = false;
        driver.release_store();
        let mut driver = driver.restart(Online);
        assert_eq!((driver.events.len(), driver.last_data()), (1, "new"));
        driver.finish_last(EventOutcome::Fulfilled);
        driver.assert_empty();
    }
}

#[test]
fn an_override_that_the_store_refuses_leaves_the_old_one() {
    let mut driver = Driver::offline();
    driver.register_id("x", data("old"));
    driver.store_answers = false;
    let second = driver.register_id("x", repeating("second"));
    let third = driver.register_id("x", data("third"));
    driver.store_answers = true;
    let held = std::mem::take(&mut driver.held_tickets);
    for ((ticket, op), fails) in held.into_iter().zip([false, true]) {
        driver.store_fails = fails;
        driver.commit(ticket, op);
    }
    driver.store_fails = false;
    driver.pump();
    assert_eq!(driver.answer_to(second), Some(&Answer::Registered(Ok(()))));
    assert!(matches!(
        driver.error_of(third),
        RegisterError::Storage { .. }
    ));
    let why: Vec<_> = driver.scheduler.list(driver.now).collect();
    assert_eq!(why.len(), 1);
    driver.connect(Online);
    assert_eq!(
        driver.events.len(),
        0,
        "the second repeats, and waits for its interval"
    );
}

#[test]
fn what_repeats_goes_by_the_rules_of_periodic_sync() {
    let mut driver = Driver::periodic();
    let denied = ClientFacts {
        permission: Permission::Denied,
        ..GRANTED
    };
    let call = driver.register_with("x", repeating("a"), denied);
    assert_eq!(
        driver.error_of(call),
        RegisterError::PeriodicPermissionDenied
    );
    driver.register_id("x", repeating("a"));
    driver.register_periodic("x", 0);
    driver.advance_succeeding(250_000);
    let times: Vec<_> = driver.fired().iter().map(|&(at, _)| at).collect();
    assert_eq!(times, [100_000, 100_000, 200_000, 200_000]);
    assert_eq!(driver.tags_of(SyncApi::Explainer), ["x"]);
    driver.set_extra(ExtraInterval::Never);
    driver.advance_succeeding(1_000_000);
    assert_eq!(driver.events.len(), 4);
    let call = driver.call();
    driver.scheduler.handle_unregister_tag(
        driver.now,
        call,
        SyncApi::Explainer,
        &scope(),
        &tag("x"),
    );
    driver.pump();
    assert_eq!(driver.tags_of(SyncApi::Explainer), [""; 0]);
    assert_eq!(driver.tags_of(SyncApi::Periodic), ["x"]);
}

#[test]
fn it_may_change_from_once_to_repeating_and_back() {
    let mut driver = Driver::new(periodic_policy(), Online);
    driver.register_id("x", repeating("a"));
    driver.register_id("x", data("b"));
    assert_eq!(driver.last_data(), "b");
    driver.register_id("x", repeating("c"));
    driver.finish_last(EventOutcome::Fulfilled);
    driver.advance(99_999);
    assert_eq!(driver.events.len(), 1);
    driver.advance(1);
    assert_eq!(driver.last_data(), "c");
    driver.register_id("x", data("d"));
    driver.finish_last(EventOutcome::Rejected);
    assert_eq!((driver.events.len(), driver.last_data()), (3, "d"));
    driver.finish_last(EventOutcome::Fulfilled);
    assert_eq!(driver.scheduler.usage().registrations, 0);
    assert_eq!(driver.scheduler.usage().deadlines, 0);
}

#[test]
fn without_an_active_worker_it_waits_for_one() {
    let mut driver = Driver::online();
    let no_worker = ClientFacts {
        active_worker: false,
        ..GRANTED
    };
    let call = driver.register_with("x", data("a"), no_worker);
    assert_eq!(driver.answer_to(call), Some(&Answer::Registered(Ok(()))));
    driver.finish_last(EventOutcome::NotStarted);
    driver.advance(1_000_000);
    assert_eq!(driver.events.len(), 1);
    driver
        .scheduler
        .handle_worker_activated(driver.now, &scope());
    driver.pump();
    assert_eq!((driver.events.len(), driver.events[1].attempt), (2, 1));
}

#[test]
fn it_is_refused_in_the_background() {
    let mut driver = Driver::online();
    let facts = ClientFacts {
        open_window: false,
        ..GRANTED
    };
    let call = driver.register_with("x", data("a"), facts);
    assert_eq!(driver.error_of(call), RegisterError::NoWindow);
    let denied = ClientFacts {
        permission: Permission::Denied,
        ..facts
    };
    let call = driver.register_with("x", data("a"), denied);
    assert_eq!(driver.error_of(call), RegisterError::PermissionDenied);
    driver.assert_empty();
}

#[test]
fn the_size_of_data_is_limited() {
    let mut driver = Driver::new(
        Policy {
            max_data_bytes: 10,
            max_data_bytes_per_origin: 25,
            max_data_bytes_in_all: 1_000,
            ..policy()
        },
        Offline,
    );
    let ten = "0123456789";
    let call = driver.register_id("a", data("0123456789x"));
    let expected = RegisterError::DataTooLong {
        bytes: 11,
        limit: 10,
    };
    assert_eq!(driver.error_of(call), expected);
    driver.register_id("a", data(ten));
    driver.register_id("b", data(ten));
    let call = driver.register_id("c", data(ten));
    assert_eq!(
        driver.error_of(call),
        RegisterError::TooMuchDataForOrigin { limit: 25 }
    );
    let call = driver.register_id("b", data(ten));
    assert_eq!(
        driver.answer_to(call),
        Some(&Answer::Registered(Ok(()))),
        "it replaces"
    );
    driver.register_id("b", data(""));
    let call = driver.register_id("c", data(ten));
    assert_eq!(driver.answer_to(call), Some(&Answer::Registered(Ok(()))));
    let too_long = SyncData::try_from("x".repeat(MAX_DATA_BYTES + 1));
    let call = driver.call();
    driver.scheduler.handle_register_explainer(
        driver.now,
        call,
        &scope(),
        Ok(tag("d")),
        too_long.map(|data| ExplainerOptions {
            data,
            ..ExplainerOptions::default()
        }),
        GRANTED,
    );
    driver.pump();
    assert!(matches!(
        driver.error_of(call),
        RegisterError::TextTooLong(_)
    ));
}

/// The browser dies while the event before it runs.
#[test]
fn an_override_with_an_interval_waits_for_it_after_a_crash() {
    let mut driver = Driver::online();
    driver.register_id("x", data("old"));
    let later = ExplainerOptions {
        min_interval_ms: Some(60_000),
        ..data("new")
    };
    driver.register_id("x", later);
    let mut driver = driver.restart(Online);
    driver.advance(30_000);
    assert_eq!(driver.events.len(), 0);
    let mut driver = driver.restart(Online);
    driver.advance(30_000);
    assert_eq!((driver.events.len(), driver.last_data()), (1, "new"));
}

/// The event before it found no worker.
#[test]
fn an_override_with_an_interval_waits_for_it_also_without_a_worker() {
    let later = ExplainerOptions {
        min_interval_ms: Some(100_000),
        ..data("new")
    };
    for options in [later, repeating("new")] {
        let mut driver = Driver::new(periodic_policy(), Online);
        driver.register_id("x", data("old"));
        driver.register_id("x", options);
        driver.finish_last(EventOutcome::NotStarted);
        driver.activate();
        driver.advance(99_999);
        assert_eq!(driver.events.len(), 1);
        driver.advance(1);
        assert_eq!((driver.events.len(), driver.last_data()), (2, "new"));
    }
}
