//! What a worker registers by itself with the explainer's API, again and again.

use super::event_chains::{MANY, MOMENTS, by};
use super::*;

fn once(data: &str, min_interval_ms: Option<u64>) -> ExplainerOptions {
    ExplainerOptions {
        data: data.try_into().unwrap(),
        min_interval_ms,
        ..ExplainerOptions::default()
    }
}

impl Driver {
    fn explain_by(&mut self, caller: Caller, options: ExplainerOptions) {
        let call = self.call();
        let (id, options) = (Ok(tag("x")), Ok(options));
        self.scheduler
            .handle_register_explainer(self.now, call, &scope(), id, options, by(caller));
        self.pump();
        self.acknowledge(call);
        assert_eq!(self.answer_to(call), Some(&Answer::Registered(Ok(()))));
    }
}

#[test]
fn ids_of_the_explainer_are_links_like_tags() {
    let mut driver = Driver::online();
    driver.explain_by(Caller::Page, once("", None));
    for number in 1..=MANY {
        driver.next_event(number);
        driver.explain_by(Caller::Worker, once("", None));
        driver.finish_last(EventOutcome::Fulfilled);
    }
    assert_eq!(driver.moments(), MOMENTS);
}

#[test]
fn a_worker_replaces_what_backs_off_without_shortening_that() {
    let mut driver = Driver::online();
    driver.explain_by(Caller::Page, once("old", None));
    driver.finish_last(EventOutcome::Rejected);
    driver.advance(900);
    driver.explain_by(Caller::Worker, once("new", None));
    driver.advance(99);
    assert_eq!(driver.events.len(), 1);
    driver.advance(1);
    assert_eq!((driver.events.len(), driver.events[1].attempt), (2, 2));
    assert_eq!(
        driver.events[1].kind,
        EventKind::Explainer {
            data: "new".try_into().unwrap()
        }
    );
    driver.finish_last(EventOutcome::Rejected);
    // It may wish for a longer wait,
    driver.explain_by(Caller::Worker, once("later", Some(3_000)));
    driver.advance(2_999);
    assert_eq!(driver.events.len(), 2);
    driver.advance(1);
    assert_eq!((driver.events.len(), driver.events[2].attempt), (3, 3));
    driver.finish_last(EventOutcome::Fulfilled);
    driver.assert_empty();
}

/// What waits only because the worker wished it may fire earlier by its wish, as a link of a chain.
#[test]
fn a_worker_may_take_back_its_wish_to_wait() {
    let mut driver = Driver::online();
    driver.explain_by(Caller::Worker, once("", Some(3_000)));
    driver.advance(1_000);
    assert_eq!(driver.events.len(), 0);
    driver.explain_by(Caller::Worker, once("", None));
    assert_eq!(driver.events.len(), 1);
}

/// A wait that is longer than the place in the chain asks for is long enough.
#[test]
fn a_worker_that_wishes_to_wait_waits_no_longer_for_its_chain() {
    let mut driver = Driver::online();
    driver.explain_by(Caller::Page, once("", Some(5_000)));
    for number in 1..=MANY {
        driver.next_event(number);
        driver.explain_by(Caller::Worker, once("", Some(5_000)));
        driver.finish_last(EventOutcome::Fulfilled);
    }
    let regular: Vec<_> = (1..=MANY as u64).map(|number| number * 5_000).collect();
    assert_eq!(driver.moments(), regular);
}
