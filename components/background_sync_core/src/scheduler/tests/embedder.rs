use super::*;

impl Driver {
    fn dispatch_now(&mut self, text: &str) -> Call {
        self.dispatch_now_of(SyncApi::OneShot, text)
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
            .map(|r| r.tag.as_str())
            .collect::<Vec<_>>(),
        ["z"]
    );
    assert_eq!(
        driver.scheduler.origins().collect::<Vec<_>>(),
        [&other.origin]
    );
}
