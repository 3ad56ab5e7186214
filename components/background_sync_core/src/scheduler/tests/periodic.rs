//! Registering, intervals, retries.

use super::*;
use Connectivity::Online;

const HOUR: u64 = 3_600_000;

/// Intervals of 100 s in an origin and across origins, no grouping.
pub(super) fn periodic_policy() -> Policy {
    Policy {
        periodic_interval_any_origin_ms: 100_000,
        periodic_interval_across_origins_ms: 100_000,
        periodic_grouping_ms: 0,
        periodic_max_attempts: NonZeroU32::new(3).unwrap(),
        ..policy()
    }
}

impl Driver {
    pub fn periodic() -> Self {
        Self::new(periodic_policy(), Online)
    }

    pub fn register_periodic_in(&mut self, scope: &ScopeKey, text: &str, ms: u64) -> Call {
        let call = self.call();
        self.scheduler
            .handle_register_periodic(self.now, call, scope, Ok(tag(text)), ms, GRANTED);
        self.pump();
        self.acknowledge(call);
        call
    }

    pub fn register_periodic(&mut self, text: &str, ms: u64) -> Call {
        self.register_periodic_in(&scope(), text, ms)
    }

    pub fn unregister_periodic(&mut self, text: &str) -> Call {
        let call = self.call();
        self.scheduler.handle_unregister_tag(
            self.now,
            call,
            SyncApi::Periodic,
            &scope(),
            &tag(text),
        );
        self.pump();
        call
    }

    pub fn tags_of(&mut self, api: SyncApi) -> Vec<String> {
        let call = self.call();
        self.scheduler
            .handle_get_tags_of(self.now, call, api, &scope());
        self.pump();
        match self.answer_to(call) {
            Some(Answer::Tags(tags)) => tags.iter().map(ToString::to_string).collect(),
            other => panic!("no tags: {other:?}"),
        }
    }

    pub fn set_extra(&mut self, extra: ExtraInterval) {
        self.scheduler
            .handle_extra_interval(self.now, &scope().origin, extra);
        self.pump();
    }

    pub fn fired(&self) -> Vec<(u64, &str)> {
        let events = self.events.iter();
        events.map(|fired| (fired.at, fired.tag.as_str())).collect()
    }

    pub fn periodic_state(&self, text: &str) -> Option<PeriodicState> {
        self.scheduler.periodic_state(&scope(), &tag(text))
    }

    /// Lets time pass; each event succeeds at once.
    pub fn advance_succeeding(&mut self, ms: u64) {
        let end = self.now.mono.after_ms(ms);
        let mut finished = self.events.len();
        while self.now.mono < end {
            let next = self.scheduler.poll_timeout().filter(|&at| at <= end);
            self.advance(next.unwrap_or(end).ms_since(self.now.mono));
            while let Some(fired) = self.events.get(finished).cloned() {
                self.finish(&fired, EventOutcome::Fulfilled);
                finished += 1;
            }
        }
    }
}

#[test]
fn it_fires_after_each_interval_and_never_right_after_registering() {
    let mut driver = Driver::periodic();
    let call = driver.register_periodic("news", 250_000);
    assert_eq!(
        driver.answer_to(call),
        Some(&Answer::Registered(Ok(()))),
        "{:?}",
        driver.answers
    );
    assert_eq!(driver.periodic_state("news"), Some(PeriodicState::Pending));
    driver.advance_succeeding(1_000_000);
    assert_eq!(
        driver.fired(),
        [
            (250_000, "news"),
            (500_000, "news"),
            (750_000, "news"),
            (1_000_000, "news")
        ]
    );
    assert!(driver.events.iter().all(|fired| fired.attempt == 1));
    assert_eq!(driver.events[0].kind, EventKind::PeriodicSync);
}

#[test]
fn an_interval_of_nothing_is_that_of_any_origin() {
    let mut driver = Driver::periodic();
    driver.register_periodic("news", 0);
    driver.advance_succeeding(250_000);
    assert_eq!(driver.fired(), [(100_000, "news"), (200_000, "news")]);
    let mut driver = Driver::new(
        Policy {
            periodic_interval_any_origin_ms: 0,
            periodic_interval_across_origins_ms: 0,
            ..periodic_policy()
        },
        Online,
    );
    driver.register_periodic("news", 0);
    driver.advance_succeeding(3_500);
    assert_eq!(driver.fired().len(), 3, "never without pause");
}

#[test]
fn the_default_is_twelve_hours() {
    let mut driver = Driver::new(Policy::standard(), Online);
    driver.register_periodic("news", 1_000);
    driver.advance(12 * HOUR - 1);
    assert_eq!(driver.fired(), []);
    driver.advance(1);
    assert_eq!(driver.fired(), [(12 * HOUR, "news")]);
}

#[test]
fn the_anchor_is_when_the_event_was_over() {
    let mut driver = Driver::periodic();
    driver.register_periodic("news", 100_000);
    driver.advance(100_000);
    driver.advance(400);
    driver.finish_last(EventOutcome::Fulfilled);
    driver.advance(99_999);
    assert_eq!(driver.events.len(), 1);
    driver.advance(1);
    assert_eq!(driver.events.len(), 2);
}

#[test]
fn a_failure_is_tried_again_and_never_removes_it() {
    let mut driver = Driver::periodic();
    driver.register_periodic("news", 0);
    driver.advance(100_000);
    driver.finish_last(EventOutcome::Rejected);
    driver.advance(1_000);
    driver.finish_last(EventOutcome::WorkerGone);
    driver.advance(2_000);
    assert_eq!(driver.events[2].attempt, 3);
    driver.advance(500);
    assert_eq!(driver.terminated.len(), 1, "the cap holds for these, too");
    let Some(SyncNotification::Finished { next, api, .. }) = driver.notes.last() else {
        panic!("{:?}", driver.notes)
    };
    assert_eq!(
        (*next, *api),
        (NextStep::IntervalOf { ms: 100_000 }, SyncApi::Periodic)
    );
    driver.advance(99_999);
    assert_eq!(driver.events.len(), 3, "a full interval");
    driver.advance(1);
    assert_eq!(driver.events[3].attempt, 1);
    assert_eq!(driver.tags_of(SyncApi::Periodic), ["news"]);
}

#[test]
fn registering_again_with_another_interval_begins_anew() {
    let mut driver = Driver::periodic();
    driver.register_periodic("news", 200_000);
    driver.advance(150_000);
    driver.register_periodic("news", 300_000);
    driver.advance(299_999);
    assert_eq!(driver.events.len(), 0);
    driver.advance(1);
    driver.finish_last(EventOutcome::Rejected);
    driver.register_periodic("news", 200_000);
    driver.advance(199_999);
    assert_eq!(driver.events.len(), 1, "the back-off is over, too");
    driver.advance(1);
    assert_eq!((driver.events.len(), driver.events[1].attempt), (2, 1));
}

#[test]
fn registering_again_with_the_same_interval_changes_nothing() {
    let mut driver = Driver::periodic();
    driver.register_periodic("news", 200_000);
    driver.advance(150_000);
    let call = driver.register_periodic("news", 200_000);
    assert_eq!(driver.answer_to(call), Some(&Answer::Registered(Ok(()))));
    driver.advance(50_000);
    assert_eq!(driver.events.len(), 1);
    driver.finish_last(EventOutcome::Rejected);
    driver.register_periodic("news", 200_000);
    driver.advance(1_000);
    assert_eq!(driver.events[1].attempt, 2, "its back-off goes on");
}

#[test]
fn registered_again_while_firing_is_not_tried_again() {
    for ms in [200_000, 300_000] {
        let mut driver = Driver::periodic();
        driver.register_periodic("news", 200_000);
        driver.advance(200_000);
        driver.register_periodic("news", ms);
        let state = PeriodicState::ReregisteredWhileFiring;
        assert_eq!(driver.periodic_state("news"), Some(state));
        driver.finish_last(EventOutcome::Rejected);
        driver.advance(ms - 1);
        assert_eq!(driver.events.len(), 1);
        driver.advance(1);
        assert_eq!(driver.events.len(), 2);
    }
}

#[test]
fn unregistering_is_durable_also_while_firing() {
    let mut driver = Driver::periodic();
    driver.register_periodic("a", 0);
    driver.register_periodic("b", 0);
    driver.advance(100_000);
    assert_eq!(driver.events.len(), 2);
    driver.store_answers = false;
    let call = driver.unregister_periodic("a");
    assert_eq!(driver.answer_to(call), None);
    driver.release_store();
    assert_eq!(driver.answer_to(call), Some(&Answer::Unregistered(Ok(()))));
    assert_eq!(driver.tags_of(SyncApi::Periodic), ["b"]);
    for fired in driver.events.clone() {
        driver.finish(&fired, EventOutcome::Fulfilled);
    }
    let call = driver.unregister_periodic("unknown");
    assert_eq!(driver.answer_to(call), Some(&Answer::Unregistered(Ok(()))));
    driver.unregister_periodic("b");
    driver.advance(HOUR);
    assert_eq!(driver.events.len(), 2);
    assert!(driver.store.is_empty());
    assert_eq!(driver.scheduler.usage().registrations, 0);
}

#[test]
fn unregistering_and_registering_again_does_not_evade_the_interval_of_the_origin() {
    let mut driver = Driver::periodic();
    driver.register_periodic("a", 0);
    driver.advance_succeeding(100_000);
    driver.advance(50_000);
    driver.unregister_periodic("a");
    driver.set_extra(ExtraInterval::Ms(100_000));
    let mut driver = driver.restart_with(periodic_policy(), Online);
    driver.register_periodic("a", 0);
    driver.advance_succeeding(199_999);
    assert_eq!(driver.events.len(), 0);
    driver.advance(1);
    assert_eq!(driver.events.len(), 1);
}

#[test]
fn one_tag_of_each_api() {
    let mut driver = Driver::periodic();
    driver.register_periodic("x", 0);
    driver.register("x");
    assert_eq!(driver.tags(), ["x"]);
    assert_eq!(driver.tags_of(SyncApi::Periodic), ["x"]);
    assert_eq!(driver.events[0].kind, EventKind::Sync);
    driver.finish_last(EventOutcome::Fulfilled);
    assert_eq!(driver.tags(), [""; 0]);
    assert_eq!(driver.tags_of(SyncApi::Periodic), ["x"]);
    driver.unregister_periodic("x");
    driver.assert_empty();
}
