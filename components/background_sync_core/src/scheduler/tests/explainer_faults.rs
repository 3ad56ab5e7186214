//! Overrides that the store refuses: what was registered before is as it was.

use super::explainer::{data, repeating};
use super::periodic::periodic_policy;
use super::*;
use Connectivity::{Offline, Online};

impl Driver {
    /// An override that the store refuses.
    fn register_id_in_vain(&mut self, id: &str, options: ExplainerOptions) {
        self.store_fails = true;
        let call = self.register_id(id, options);
        self.store_fails = false;
        assert!(matches!(self.error_of(call), RegisterError::Storage { .. }));
    }

    fn why_id(&self, id: &str) -> WhyNotFired {
        self.scheduler
            .explain(self.now, SyncApi::Explainer, &scope(), &tag(id))
    }

    /// What is stored as data.
    fn stored_data(&self) -> Vec<&str> {
        let records = self.store.values();
        let texts = records.filter_map(|record| match &record.kind {
            RegistrationKind::Explainer(explainer) => Some(explainer.options.data.as_str()),
            _ => None,
        });
        texts.collect()
    }
}

#[test]
fn a_refused_override_of_what_backs_off_leaves_it_to_its_back_off() {
    let mut driver = Driver::online();
    driver.register_id("x", data("old"));
    driver.finish_last(EventOutcome::Rejected);
    driver.advance(400);
    driver.register_id_in_vain("x", data("refused"));
    let waits = WhyNotFired::WaitsForRetry {
        in_ms: 600,
        failed_attempts: 1,
    };
    assert_eq!(driver.why_id("x"), waits);
    assert_eq!(driver.scheduler.usage().events, 0, "no slot is held");
    assert_eq!(driver.stored_data(), ["old"]);
    let mut restarted = driver.restart(Online);
    for driver in [&mut driver, &mut restarted] {
        driver.advance(600);
        assert_eq!(driver.last_data(), "old");
        assert_eq!(driver.events.last().unwrap().attempt, 2);
        driver.finish_last(EventOutcome::Fulfilled);
        driver.assert_empty();
    }
}

#[test]
fn a_refused_override_leaves_what_was_about_to_fire() {
    let mut driver = Driver::online();
    driver.store_answers = false;
    driver.register_id("x", data("old"));
    driver.register_id("x", data("refused"));
    let held = std::mem::take(&mut driver.held_tickets);
    let last = held.len() - 1;
    for (index, (ticket, op)) in held.into_iter().enumerate() {
        driver.store_fails = index == last;
        driver.commit(ticket, op);
    }
    driver.store_fails = false;
    driver.pump();
    driver.release_store();
    assert_eq!(driver.last_data(), "old");
    driver.finish_last(EventOutcome::Fulfilled);
    driver.assert_empty();
}

#[test]
fn a_refused_override_does_not_take_a_resolved_one_with_it() {
    for outcome in [EventOutcome::Fulfilled, EventOutcome::Rejected] {
        let mut driver = Driver::online();
        driver.register_id("x", data("running"));
        driver.register_id("x", data("resolved"));
        driver.register_id_in_vain("x", data("refused"));
        assert_eq!(driver.stored_data(), ["resolved"]);
        driver.finish_last(outcome);
        assert_eq!((driver.events.len(), driver.last_data()), (2, "resolved"));
        assert_eq!(driver.events[1].attempt, 1);
        driver.finish_last(EventOutcome::Fulfilled);
        driver.assert_empty();
    }
}

#[test]
fn a_plain_tag_that_was_registered_while_firing_is_not_lost_with_a_refused_call() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.register("x");
    driver.store_fails = true;
    driver.register("x");
    driver.store_fails = false;
    driver.finish_last(EventOutcome::Fulfilled);
    assert_eq!(driver.events.len(), 2);
}

#[test]
fn a_periodic_registration_keeps_what_was_resolved_while_firing() {
    let mut driver = Driver::periodic();
    driver.register_periodic("x", 0);
    driver.advance(100_000);
    driver.register_periodic("x", 0);
    driver.store_fails = true;
    driver.register_periodic("x", 500_000);
    driver.store_fails = false;
    driver.finish_last(EventOutcome::Rejected);
    driver.advance(99_999);
    assert_eq!(driver.events.len(), 1, "it was registered again: no retry");
    driver.advance(1);
    assert_eq!(
        driver.events.len(),
        2,
        "with the interval that was resolved"
    );
}

/// The event ends while its override is on its way to the store.
#[test]
fn an_event_that_ends_before_its_override_is_refused_has_its_own_outcome() {
    let ends = [
        (EventOutcome::Fulfilled, None),
        (EventOutcome::Rejected, Some(2)),
        (EventOutcome::NotStarted, Some(1)),
    ];
    for (outcome, next_attempt) in ends {
        let mut driver = Driver::online();
        driver.register_id("x", data("old"));
        driver.store_answers = false;
        driver.register_id("x", data("refused"));
        driver.finish_last(outcome);
        driver.store_fails = true;
        driver.release_store();
        driver.store_fails = false;
        assert_eq!(driver.events.len(), 1, "{:?}", driver.events);
        let now = driver.now;
        driver.scheduler.handle_worker_activated(now, &scope());
        driver.pump();
        driver.advance(policy().local_fault_delay_ms);
        assert_eq!(
            driver.events.get(1).map(|fired| fired.attempt),
            next_attempt
        );
        if next_attempt.is_some() {
            assert_eq!(driver.last_data(), "old");
            driver.finish_last(EventOutcome::Fulfilled);
        }
        driver.assert_empty();
    }
}

/// Whatever else is stored meanwhile, the medium never holds what was refused.
#[test]
fn what_is_refused_never_reaches_the_store() {
    let mut driver = Driver::online();
    driver.register_id("x", data("old"));
    driver.finish_last(EventOutcome::Rejected);
    driver.store_answers = false;
    driver.register_id("x", data("refused"));
    driver.connect(Offline);
    let call = driver.dispatch_now_of(SyncApi::Explainer, "x");
    let held = std::mem::take(&mut driver.held_tickets);
    for (index, (ticket, op)) in held.into_iter().enumerate() {
        driver.store_fails = index == 0;
        driver.commit(ticket, op);
        driver.pump();
    }
    driver.store_fails = false;
    driver.release_store();
    assert_eq!(driver.stored_data(), ["old"]);
    let expected = Answer::Dispatched(Err(DispatchError::NotNow));
    assert_eq!(driver.answer_to(call), Some(&expected));
    let driver = driver.restart(Online);
    assert_eq!(driver.events.len(), 0, "it still backs off");
}

#[test]
fn what_is_stored_meanwhile_follows_its_override() {
    let mut driver = Driver::online();
    driver.register_id("x", data("old"));
    driver.finish_last(EventOutcome::Rejected);
    driver.store_answers = false;
    driver.register_id("x", data("new"));
    driver.connect(Offline);
    driver.connect(Online);
    driver.connect(Offline);
    driver.dispatch_now_of(SyncApi::Explainer, "x");
    driver.release_store();
    assert_eq!((driver.events.len(), driver.last_data()), (2, "new"));
    assert_eq!(driver.events[1].attempt, 1);
    driver.finish_last(EventOutcome::Fulfilled);
    driver.assert_empty();
}

#[test]
fn a_refused_change_of_an_interval_keeps_the_old_one() {
    let mut driver = Driver::new(periodic_policy(), Online);
    driver.register_id("x", repeating("old"));
    driver.advance(60_000);
    driver.register_id_in_vain("x", data("refused"));
    assert_eq!(driver.events.len(), 0);
    driver.advance(39_999);
    assert_eq!(driver.events.len(), 0);
    driver.advance(1);
    assert_eq!(driver.last_data(), "old");
}

/// Its permission may have gone while the event before it ran.
#[test]
fn what_fires_again_asks_for_its_permission_and_does_not_wait_for_a_late_commit() {
    let mut driver = Driver::online();
    driver.register_id("x", data("old"));
    driver.register_id("x", data("new"));
    driver.store_answers = false;
    driver.permission = PermissionCheck::Answered(Permission::Denied);
    let event = driver.events[0].event;
    let now = driver.now;
    let outcome = EventOutcome::Fulfilled;
    driver.scheduler.handle_event_finished(now, event, outcome);
    let mut urgent = 0;
    let mut asked = 0;
    while let Some(output) = driver.scheduler.poll_output() {
        match output {
            Output::Store { urgency, .. } => urgent += u32::from(urgency == Urgency::Now),
            Output::CheckPermission { .. } => asked += 1,
            _ => {}
        }
    }
    assert_eq!((urgent, asked), (1, 1));
}

/// A wake-up has selected it, and it does not repeat any more.
#[test]
fn what_replaces_a_selected_registration_does_not_belong_to_the_wake_up() {
    let mut driver = Driver::new(periodic_policy(), Online);
    driver.register_id("x", repeating("old"));
    driver.store_answers = false;
    driver.advance(100_000);
    let options = ExplainerOptions {
        min_interval_ms: Some(20_000),
        ..data("new")
    };
    driver.register_id("x", options);
    driver.release_store();
    driver.connect(Offline);
    driver.connect(Online);
    driver.advance(20_000);
    assert_eq!((driver.events.len(), driver.last_data()), (1, "new"));
}
