//! What a worker registers by itself, again and again.

use super::*;
use Connectivity::{Offline, Online};

/// Enough for a chain to reach the longest delay.
pub(super) const MANY: usize = 9;

/// The moments at which a chain's events fire, with the numbers of `policy()`: the page's event, three at once, then
/// the back-off.
pub(super) const MOMENTS: [u64; MANY] = [0, 0, 0, 0, 1_000, 3_000, 7_000, 11_000, 15_000];

pub(super) fn by(caller: Caller) -> ClientFacts {
    ClientFacts { caller, ..GRANTED }
}

impl Driver {
    fn register_by(&mut self, caller: Caller, text: &str) {
        let call = self.call();
        let tag = Ok(tag(text));
        self.scheduler
            .handle_register(self.now, call, &scope(), tag, by(caller));
        self.pump();
        self.acknowledge(call);
        assert_eq!(self.answer_to(call), Some(&Answer::Registered(Ok(()))));
    }

    pub fn moments(&self) -> Vec<u64> {
        self.events.iter().map(|event| event.at).collect()
    }

    /// Lets the next event fire, if it has not, and ends it.
    pub fn next_event(&mut self, count: usize) {
        while self.events.len() < count {
            let at = self
                .scheduler
                .poll_timeout()
                .expect("something is to happen");
            self.advance(at.ms_since(self.now.mono));
        }
    }
}

/// Drives a chain in which the event number `n` does what `link` does with it.
fn chain(mut driver: Driver, link: impl Fn(&mut Driver, usize)) -> Driver {
    driver.register("x");
    for number in 1..=MANY {
        driver.next_event(number);
        link(&mut driver, number);
    }
    driver
}

#[test]
fn a_handler_that_registers_its_own_tag_backs_off() {
    let driver = chain(Driver::online(), |driver, _| {
        driver.register_by(Caller::Worker, "x");
        driver.finish_last(EventOutcome::Fulfilled);
    });
    assert_eq!(driver.moments(), MOMENTS);
    assert!(driver.events.iter().all(|event| event.attempt == 1));
}

#[test]
fn to_fail_as_well_helps_it_nothing() {
    let driver = chain(Driver::online(), |driver, _| {
        driver.register_by(Caller::Worker, "x");
        driver.finish_last(EventOutcome::Rejected);
    });
    assert_eq!(driver.moments(), MOMENTS);
}

#[test]
fn two_tags_in_turn_are_a_chain() {
    let driver = chain(Driver::online(), |driver, number| {
        driver.register_by(Caller::Worker, ["x", "y"][number % 2]);
        let event = driver.events[number - 1].clone();
        driver.finish(&event, EventOutcome::Fulfilled);
    });
    assert_eq!(driver.moments(), MOMENTS);
}

/// As two above, but for a third event that lasts: one can't tell that it has not made the calls.
#[test]
fn an_event_that_lasts_hides_no_handler_that_registers_its_own_tag() {
    let mut driver = Driver::online();
    driver.register("lasts");
    driver.register("x");
    for number in 2..=5 {
        assert_eq!(driver.events.len(), number);
        driver.register_by(Caller::Worker, "x");
        driver.finish_last(EventOutcome::Fulfilled);
    }
    assert_eq!(driver.moments(), [0; 5]);
    assert!(matches!(
        driver
            .scheduler
            .explain(driver.now, SyncApi::OneShot, &scope(), &tag("x")),
        WhyNotFired::Chained { depth: 4, .. }
    ));
}

#[test]
fn a_call_after_the_event_belongs_to_the_chain() {
    let driver = chain(Driver::online(), |driver, _| {
        driver.finish_last(EventOutcome::Fulfilled);
        driver.register_by(Caller::Worker, "x");
    });
    assert_eq!(driver.moments(), MOMENTS);
}

#[test]
fn a_call_long_after_the_event_does_not() {
    let mut driver = Driver::online();
    driver.register("x");
    for number in 1..=MANY {
        assert_eq!(driver.events.len(), number);
        driver.finish_last(EventOutcome::Fulfilled);
        driver.advance(policy().chain_memory_ms);
        driver.register_by(Caller::Worker, "x");
    }
}

#[test]
fn the_deepest_of_the_events_that_have_ended_counts() {
    let mut driver = Driver::online();
    driver.register("a");
    driver.register_by(Caller::Worker, "b");
    let [a, b] = [0, 1].map(|index| driver.events[index].clone());
    driver.finish(&b, EventOutcome::Fulfilled);
    driver.advance(400);
    driver.finish(&a, EventOutcome::Fulfilled);
    for text in ["c", "d", "e"] {
        driver.register_by(Caller::Worker, text);
        driver.finish_last(EventOutcome::Fulfilled);
    }
    // Two more at once, after `b`.
    assert_eq!(driver.events.len(), 4);
}

#[test]
fn one_event_may_register_many_tags_at_once() {
    let mut driver = Driver::online();
    driver.register("first");
    for number in 0..60 {
        driver.register_by(Caller::Worker, &number.to_string());
    }
    assert_eq!(driver.events.len(), 61);
    assert_eq!(driver.now.mono.0, 0);
}

#[test]
fn what_a_page_registers_fires_at_once() {
    for caller in [Caller::Page, Caller::PromptedWorker] {
        let mut driver = chain(Driver::online(), |driver, _| {
            driver.register_by(Caller::Worker, "x");
            driver.finish_last(EventOutcome::Fulfilled);
        });
        assert!(matches!(
            driver
                .scheduler
                .explain(driver.now, SyncApi::OneShot, &scope(), &tag("x")),
            WhyNotFired::Chained {
                in_ms: 4_000,
                depth: 9
            }
        ));
        driver.register_by(caller, "x");
        assert_eq!(driver.events.len(), MANY + 1);
        // And so does what follows from it, in its turn.
        for more in 1..=3 {
            driver.register_by(Caller::Worker, "x");
            driver.finish_last(EventOutcome::Fulfilled);
            assert_eq!(driver.events.len(), MANY + 1 + more);
        }
        driver.register_by(Caller::Worker, "x");
        driver.finish_last(EventOutcome::Fulfilled);
        assert_eq!(driver.events.len(), MANY + 4);
    }
}

#[test]
fn a_page_that_registers_while_the_event_runs_is_heard_whoever_calls_beside_it() {
    for page_is_first in [true, false] {
        let mut driver = chain(Driver::online(), |driver, _| {
            driver.register_by(Caller::Worker, "x");
            driver.finish_last(EventOutcome::Fulfilled);
        });
        driver.next_event(MANY + 1);
        let callers = [Caller::Page, Caller::Worker];
        for number in 0..2 {
            driver.register_by(callers[usize::from(page_is_first) ^ 1 ^ number], "x");
        }
        driver.finish_last(EventOutcome::Fulfilled);
        assert_eq!(driver.events.len(), MANY + 2);
    }
}

/// A page that is in use makes chains of its own all the time; they are not one long chain.
#[test]
fn follow_ups_of_what_a_page_registers_stay_prompt() {
    let mut driver = Driver::online();
    for round in 0..20 {
        driver.register("outbox");
        driver.register_by(Caller::Worker, "clean up");
        driver.finish_last(EventOutcome::Fulfilled);
        let outbox = driver.events[2 * round].clone();
        driver.finish(&outbox, EventOutcome::Fulfilled);
        driver.advance(1_000);
        assert_eq!(driver.events.len(), 2 * round + 2);
    }
    driver.assert_empty();
}

#[test]
fn other_service_workers_have_their_own_chains() {
    let mut driver = chain(Driver::online(), |driver, _| {
        driver.register_by(Caller::Worker, "x");
        driver.finish_last(EventOutcome::Fulfilled);
    });
    let call = driver.call();
    let other = scope_of("https://a.example", "/other/");
    driver
        .scheduler
        .handle_register(driver.now, call, &other, Ok(tag("x")), by(Caller::Worker));
    driver.pump();
    driver.acknowledge(call);
    assert_eq!(driver.events.len(), MANY + 1);
}

#[test]
fn a_worker_by_itself_does_not_shorten_its_back_off() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.finish_last(EventOutcome::Rejected);
    driver.advance(900);
    driver.register_by(Caller::Worker, "x");
    assert_eq!(driver.state("x"), Some(RegistrationState::Waiting));
    driver.advance(100);
    assert_eq!((driver.events.len(), driver.events[1].attempt), (2, 2));
    driver.finish_last(EventOutcome::Rejected);
    driver.register_by(Caller::PromptedWorker, "x");
    assert_eq!((driver.events.len(), driver.events[2].attempt), (3, 1));
}

#[test]
fn a_network_that_comes_and_goes_does_not_speed_up_a_chain() {
    let mut driver = chain(Driver::online(), |driver, number| {
        driver.register_by(Caller::Worker, "x");
        if number < MANY {
            driver.finish_last(EventOutcome::Fulfilled);
        }
    });
    // Its next event waits for its place in the chain,
    driver.finish_last(EventOutcome::Fulfilled);
    driver.connect(Offline);
    driver.connect(Online);
    driver.advance(3_999);
    assert_eq!(driver.events.len(), MANY);
    driver.advance(1);
    // and the retries of that one keep their delay, where others keep a tenth.
    for delay_ms in [1_000, 2_000] {
        let count = driver.events.len();
        driver.finish_last(EventOutcome::Rejected);
        driver.connect(Offline);
        driver.connect(Online);
        driver.advance(delay_ms - 1);
        assert_eq!(driver.events.len(), count);
        driver.advance(1);
        assert_eq!(driver.events.len(), count + 1);
    }
}

#[test]
fn the_embedder_fires_it_at_once() {
    let mut driver = chain(Driver::online(), |driver, _| {
        driver.register_by(Caller::Worker, "x");
        driver.finish_last(EventOutcome::Fulfilled);
    });
    let call = driver.call();
    let api = SyncApi::OneShot;
    driver
        .scheduler
        .handle_dispatch_now(driver.now, call, api, &scope(), &tag("x"));
    driver.pump();
    assert_eq!(driver.events.len(), MANY + 1);
}

#[test]
fn a_restart_begins_anew() {
    let driver = chain(Driver::online(), |driver, _| {
        driver.register_by(Caller::Worker, "x");
        driver.finish_last(EventOutcome::Fulfilled);
    });
    let driver = driver.restart(Online);
    assert_eq!(driver.events.len(), 1);
}

#[test]
fn the_timeline_tells_of_it() {
    let driver = chain(Driver::online(), |driver, _| {
        driver.register_by(Caller::Worker, "x");
        driver.finish_last(EventOutcome::Fulfilled);
    });
    let held_back: Vec<_> = driver
        .notes
        .iter()
        .filter_map(|note| match note {
            SyncNotification::HeldBack { why, .. } => Some(why.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(
        held_back[..2],
        [(1_000, 4), (2_000, 5)].map(|(in_ms, depth)| WhyNotFired::Chained { in_ms, depth })
    );
}

#[test]
fn nothing_of_a_chain_stays_when_all_is_over() {
    let mut driver = chain(Driver::online(), |driver, number| {
        if number < MANY {
            driver.register_by(Caller::Worker, "x");
        }
        driver.finish_last(EventOutcome::Fulfilled);
    });
    driver.assert_empty();
    assert_eq!(driver.scheduler.poll_timeout(), None, "no timer for it");
    assert_eq!(driver.scheduler.event_chains.ended.len(), 1);
    driver.advance(policy().chain_memory_ms);
    driver.register_in(&scope_of("https://b.example", "/"), "x");
    driver.finish_last(EventOutcome::Fulfilled);
    assert_eq!(
        driver.scheduler.event_chains.ended.len(),
        1,
        "the other one"
    );
    let call = driver.call();
    driver.scheduler.handle_clear(driver.now, call, |_| true);
    assert_eq!(driver.scheduler.event_chains.ended.len(), 0);
}

#[test]
fn a_policy_may_let_chains_run() {
    let policy = Policy {
        chained_events_at_once: u32::MAX,
        ..policy()
    };
    let driver = chain(Driver::new(policy, Online), |driver, _| {
        driver.register_by(Caller::Worker, "x");
        driver.finish_last(EventOutcome::Fulfilled);
    });
    assert_eq!(driver.moments()[..MANY], [0; MANY]);
}
