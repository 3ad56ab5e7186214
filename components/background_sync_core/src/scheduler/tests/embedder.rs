use super::periodic::periodic_policy;
use super::*;

impl Driver {
    fn dispatch_now(&mut self, text: &str) -> Call {
        self.dispatch_now_of(SyncApi::OneShot, text)
    }

    pub fn activate(&mut self) {
        self.scheduler.handle_worker_activated(self.now, &scope());
        self.pump();
    }

    pub fn dispatch_now_of(&mut self, api: SyncApi, text: &str) -> Call {
        let call = self.call();
        self.scheduler
            .handle_dispatch_now(self.now, call, api, &scope(), &tag(text));
        self.pump();
        call
    }
}

#[test]
fn an_event_can_be_dispatched_now_without_a_network() {
    let mut driver = Driver::offline();
    driver.register("x");
    let call = driver.dispatch_now("x");
    assert_eq!((driver.events.len(), driver.answer_to(call)), (1, None));
    driver.finish_last(EventOutcome::Fulfilled);
    let expected = Answer::Dispatched(Ok(EventOutcome::Fulfilled));
    assert_eq!(driver.answer_to(call), Some(&expected));
    driver.assert_empty();
}

#[test]
fn an_event_can_be_dispatched_now_during_back_off() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.finish_last(EventOutcome::Rejected);
    let first = driver.dispatch_now("x");
    let second = driver.dispatch_now("x");
    assert_eq!(driver.events[1].attempt, 2);
    driver.finish_last(EventOutcome::Rejected);
    let expected = Answer::Dispatched(Ok(EventOutcome::Rejected));
    assert_eq!(driver.answer_to(first), Some(&expected));
    assert_eq!(driver.answer_to(second), Some(&expected));
    assert_eq!(
        driver.state("x"),
        Some(RegistrationState::Waiting),
        "and then as always"
    );
}

#[test]
fn a_dispatch_that_is_not_possible_says_so() {
    let mut driver = Driver::offline();
    let call = driver.dispatch_now("x");
    let expected = Answer::Dispatched(Err(DispatchError::NotRegistered));
    assert_eq!(driver.answer_to(call), Some(&expected));
    driver.register("x");
    driver.store_fails = true;
    let call = driver.dispatch_now("x");
    let expected = Answer::Dispatched(Err(DispatchError::NotNow));
    assert_eq!(driver.answer_to(call), Some(&expected));
    assert_eq!(driver.tags(), ["x"]);
}

/// As after a restart: what finds no worker has it started.
#[test]
fn what_the_embedder_wants_waits_for_a_worker() {
    for (api, connectivity) in [
        (SyncApi::OneShot, Connectivity::Offline),
        (SyncApi::Periodic, Connectivity::Online),
    ] {
        let mut driver = Driver::new(periodic_policy(), Connectivity::Offline);
        driver.register("x");
        driver.register_periodic("x", 0);
        let mut driver = driver.restart_with(periodic_policy(), connectivity);
        driver.events.clear();
        let call = driver.dispatch_now_of(api, "x");
        driver.finish_last(EventOutcome::NotStarted);
        assert_eq!(driver.answer_to(call), None, "a worker may be on its way");
        driver.advance(1_000);
        driver.activate();
        let last = driver.events.last().unwrap();
        assert_eq!((last.attempt, last.tag.as_str()), (1, "x"));
        driver.finish_last(EventOutcome::Fulfilled);
        let expected = Answer::Dispatched(Ok(EventOutcome::Fulfilled));
        assert_eq!(driver.answer_to(call), Some(&expected), "{api:?}");
    }
}

#[test]
fn without_a_worker_in_time_the_embedder_is_told() {
    let not_now = Answer::Dispatched(Err(DispatchError::NotNow));
    let mut driver = Driver::offline();
    driver.register("x");
    let call = driver.dispatch_now("x");
    driver.finish_last(EventOutcome::NotStarted);
    driver.advance(policy().worker_start_limit_ms - 1);
    assert_eq!(driver.answer_to(call), None);
    driver.advance(1);
    assert_eq!(driver.answer_to(call), Some(&not_now));
    driver.activate();
    assert_eq!(driver.events.len(), 1, "there is no network");
    let call = driver.dispatch_now("x");
    driver.finish_last(EventOutcome::NotStarted);
    driver.activate();
    driver.finish_last(EventOutcome::NotStarted);
    assert_eq!(driver.answer_to(call), Some(&not_now), "twice in vain");
    assert_eq!(driver.scheduler.usage().deadlines, 0);
    driver.connect(Connectivity::Online);
    driver.activate();
    driver.finish_last(EventOutcome::Fulfilled);
    driver.assert_empty();
}

/// The limit is on the wait for the worker, not on the event.
#[test]
fn once_there_is_a_worker_the_event_has_its_time() {
    let patient = Policy {
        event_cap_ms: 180_000,
        ..policy()
    };
    let mut driver = Driver::new(patient, Connectivity::Offline);
    driver.register("x");
    let call = driver.dispatch_now("x");
    driver.finish_last(EventOutcome::NotStarted);
    driver.activate();
    driver.advance(60_000);
    assert_eq!(driver.answer_to(call), None);
    driver.finish_last(EventOutcome::Fulfilled);
    let expected = Answer::Dispatched(Ok(EventOutcome::Fulfilled));
    assert_eq!(driver.answer_to(call), Some(&expected));
    driver.assert_empty();
}

#[test]
fn what_can_not_be_dispatched_now_waits_as_before() {
    let mut driver = Driver::online();
    let later = ExplainerOptions {
        min_interval_ms: Some(600_000),
        ..ExplainerOptions::default()
    };
    driver.register_id("later", later);
    driver.register("failed");
    driver.finish_last(EventOutcome::Rejected);
    driver.store_fails = true;
    driver.dispatch_now("failed");
    driver.dispatch_now_of(SyncApi::Explainer, "later");
    driver.store_fails = false;
    assert_eq!(driver.events.len(), 1);
    driver.advance(1_000);
    assert_eq!(driver.events.len(), 2, "its back-off is over");
    driver.finish_last(EventOutcome::Fulfilled);
    driver.advance(598_999);
    assert_eq!(driver.events.len(), 2);
    driver.advance(1);
    assert_eq!(driver.events[2].tag, "later");
}

#[test]
fn clearing_is_durable_and_chooses() {
    let mut driver = Driver::offline();
    driver.register("x");
    driver.register("y");
    let other = scope_of("https://b.example", "/");
    driver.register_in(&other, "z");
    let unregister = driver.call();
    let api = SyncApi::OneShot;
    driver
        .scheduler
        .handle_unregister(driver.now, unregister, api, &scope(), &tag("x"));
    driver.pump();
    assert_eq!(driver.answer_to(unregister), Some(&Answer::Removed(Ok(1))));
    let clear = driver.call();
    let origin = scope().origin;
    driver.store_answers = false;
    driver
        .scheduler
        .handle_clear(driver.now, clear, |scope| scope.origin == origin);
    driver.pump();
    assert_eq!(driver.answer_to(clear), None);
    driver.release_store();
    assert_eq!(driver.answer_to(clear), Some(&Answer::Removed(Ok(1))));
    assert_eq!(
        driver
            .store
            .values()
            .map(|r| r.tag.to_str().unwrap())
            .collect::<Vec<_>>(),
        ["z"]
    );
    assert_eq!(
        driver.scheduler.origins().collect::<Vec<_>>(),
        [&other.origin]
    );
}
