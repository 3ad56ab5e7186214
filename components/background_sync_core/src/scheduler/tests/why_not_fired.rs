use super::periodic::periodic_policy;
use super::*;
use Connectivity::{Offline, Online};
use SyncApi::{OneShot, Periodic};

impl Driver {
    fn why(&self, text: &str) -> WhyNotFired {
        self.why_of(OneShot, text)
    }

    fn why_of(&self, api: SyncApi, text: &str) -> WhyNotFired {
        self.scheduler.explain(self.now, api, &scope(), &tag(text))
    }

    /// What the timeline says about what does not fire, since somebody looked.
    fn held_back(&mut self) -> Vec<(SyncApi, String, WhyNotFired)> {
        let notes = std::mem::take(&mut self.notes).into_iter();
        let held_back = notes.filter_map(|note| match note {
            SyncNotification::HeldBack { api, tag, why, .. } => Some((api, tag.to_string(), why)),
            _ => None,
        });
        held_back.collect()
    }
}

#[test]
fn it_says_why_a_tag_has_not_fired() {
    let mut driver = Driver::offline();
    assert_eq!(driver.why("x"), WhyNotFired::NotRegistered);
    driver.store_answers = false;
    let call = driver.register_without_acknowledging(&scope(), "x");
    assert_eq!(driver.why("x"), WhyNotFired::BeingStored);
    driver.release_store();
    assert_eq!(driver.why("x"), WhyNotFired::PromiseNotResolved);
    driver.acknowledge(call);
    assert_eq!(driver.why("x"), WhyNotFired::Offline);
    driver.store_answers = false;
    driver.connect(Online);
    assert_eq!(driver.why("x"), WhyNotFired::BeingPrepared);
    driver.release_store();
    assert_eq!(driver.why("x"), WhyNotFired::Running { attempt: 1 });
    driver.finish_last(EventOutcome::Rejected);
    driver.advance(400);
    let waits = WhyNotFired::WaitsForRetry {
        in_ms: 600,
        failed_attempts: 1,
    };
    assert_eq!(driver.why("x"), waits);
    driver.advance(600);
    driver.finish_last(EventOutcome::NotStarted);
    assert_eq!(driver.why("x"), WhyNotFired::NoActiveWorker);
    let listed: Vec<_> = driver.scheduler.list(driver.now).collect();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].attempts, listed[0].why.clone()),
        (1, WhyNotFired::NoActiveWorker)
    );
}

#[test]
fn the_timeline_says_what_a_registration_waits_for() {
    let mut driver = Driver::offline();
    driver.register("x");
    let why = WhyNotFired::Offline;
    let held = SyncNotification::HeldBack {
        api: SyncApi::OneShot,
        scope: scope(),
        tag: tag("x"),
        why,
    };
    assert!(driver.notes.contains(&held), "{:?}", driver.notes);
}

#[test]
fn it_says_which_interval_a_periodic_registration_waits_for() {
    let policy = Policy {
        periodic_interval_across_origins_ms: 300_000,
        ..periodic_policy()
    };
    let mut driver = Driver::new(policy, Online);
    let why = |driver: &Driver| driver.why_of(Periodic, "a");
    driver.register_periodic("a", 0);
    assert_eq!(driver.why("a"), WhyNotFired::NotRegistered, "by this API");
    let own = |in_ms| WhyNotFired::WaitsForInterval { in_ms };
    assert_eq!(why(&driver), own(100_000));
    driver.connect(Offline);
    assert_eq!(why(&driver), own(100_000), "a network would not help");
    driver.advance(100_000);
    assert_eq!(why(&driver), WhyNotFired::Offline);
    driver.connect(Online);
    assert_eq!(why(&driver), WhyNotFired::Running { attempt: 1 });
    driver.finish_last(EventOutcome::Rejected);
    let retry = WhyNotFired::WaitsForRetry {
        in_ms: 1_000,
        failed_attempts: 1,
    };
    assert_eq!(why(&driver), retry);
    driver.advance(1_000);
    driver.finish_last(EventOutcome::Fulfilled);
    driver.advance(120_000);
    let wake_up = WhyNotFired::WaitsForWakeUp { in_ms: 179_000 };
    assert_eq!(why(&driver), wake_up);
    driver.set_extra(ExtraInterval::Never);
    assert_eq!(why(&driver), WhyNotFired::Suspended);
}

#[test]
fn it_says_that_the_origin_had_an_event() {
    let mut driver = Driver::new(periodic_policy(), Online);
    driver.register_periodic("a", 0);
    driver.register_periodic("b", 190_000);
    driver.advance(100_000);
    driver.advance(400);
    driver.finish_last(EventOutcome::Fulfilled);
    driver.advance(90_000);
    let why = WhyNotFired::WaitsForOrigin { in_ms: 10_000 };
    assert_eq!(driver.why_of(Periodic, "b"), why);
}

#[test]
fn it_says_that_a_wake_up_is_put_off_to_be_shared() {
    let policy = Policy {
        periodic_grouping_ms: 10_000,
        ..periodic_policy()
    };
    let mut driver = Driver::new(policy, Online);
    driver.register_periodic("a", 0);
    driver.advance(5_000);
    driver.register_periodic("b", 0);
    driver.advance(96_000);
    let why = WhyNotFired::PutOff { in_ms: 4_000 };
    assert_eq!(driver.why_of(Periodic, "a"), why);
}

#[test]
fn a_periodic_event_that_waits_for_a_slot_or_a_worker_is_explained() {
    let policy = Policy {
        max_events_per_origin: NonZeroU32::MIN,
        ..periodic_policy()
    };
    let mut driver = Driver::new(policy, Online);
    driver.register_periodic("a", 0);
    driver.register_periodic("b", 0);
    driver.held_back();
    driver.advance(100_000);
    assert_eq!(driver.why_of(Periodic, "b"), WhyNotFired::NoFreeSlot);
    let capped = (Periodic, "b".to_owned(), WhyNotFired::NoFreeSlot);
    assert_eq!(driver.held_back(), [capped]);
    driver.finish_last(EventOutcome::NotStarted);
    for text in ["a", "b"] {
        assert_eq!(driver.why_of(Periodic, text), WhyNotFired::NoActiveWorker);
    }
    let parked = (Periodic, "b".to_owned(), WhyNotFired::NoActiveWorker);
    assert_eq!(
        driver.held_back(),
        [parked],
        "of the other, its event tells"
    );
}

#[test]
fn the_timeline_says_what_a_new_periodic_registration_waits_for() {
    let mut driver = Driver::new(periodic_policy(), Online);
    driver.register_periodic("a", 0);
    driver.set_extra(ExtraInterval::Never);
    driver.register_periodic("b", 0);
    let interval = WhyNotFired::WaitsForInterval { in_ms: 100_000 };
    let expected = [
        (Periodic, "a".to_owned(), interval),
        (Periodic, "b".to_owned(), WhyNotFired::Suspended),
    ];
    assert_eq!(driver.held_back(), expected);
}

#[test]
fn the_timeline_says_that_a_retry_is_due_without_a_network() {
    let mut driver = Driver::online();
    driver.register("x");
    driver.finish_last(EventOutcome::Rejected);
    assert_eq!(driver.held_back(), [], "it fired at once");
    driver.connect(Offline);
    driver.advance(1_000);
    let offline = (OneShot, "x".to_owned(), WhyNotFired::Offline);
    assert_eq!(driver.held_back(), [offline]);
    driver.connect(Online);
    assert_eq!(driver.events.len(), 2);
    assert_eq!(driver.held_back(), [], "and then it fired");
}

#[test]
fn the_timeline_says_that_a_retry_waits_for_a_slot() {
    let policy = Policy {
        max_events_in_all: NonZeroU32::MIN,
        event_cap_ms: 5_000,
        ..policy()
    };
    let mut driver = Driver::new(policy, Online);
    driver.register("x");
    driver.finish_last(EventOutcome::Rejected);
    driver.register("long");
    driver.register("new");
    let capped = |text: &str| (OneShot, text.to_owned(), WhyNotFired::NoFreeSlot);
    assert_eq!(driver.held_back(), [capped("new")]);
    driver.advance(1_000);
    assert_eq!(driver.held_back(), [capped("x")]);
}

#[test]
fn the_timeline_says_what_waits_for_a_worker() {
    let policy = Policy {
        max_events_per_origin: NonZeroU32::new(2).unwrap(),
        ..policy()
    };
    let mut driver = Driver::new(policy, Offline);
    for text in ["x", "y", "z"] {
        driver.register(text);
    }
    driver.register_in(&scope_of("https://b.example", "/"), "other");
    driver.held_back();
    driver.connect(Online);
    assert_eq!(driver.held_back(), [], "what has a slot goes first");
    driver.advance(2);
    let capped = (OneShot, "z".to_owned(), WhyNotFired::NoFreeSlot);
    assert_eq!(driver.held_back(), [capped]);
    let event_of = |text: &str| {
        let mut events = driver.events.iter();
        events.find(|fired| fired.tag == text).unwrap().clone()
    };
    let (x, y) = (event_of("x"), event_of("y"));
    driver.store_answers = false;
    driver.finish(&y, EventOutcome::Rejected);
    driver.finish(&x, EventOutcome::NotStarted);
    let parked = |text: &str| (OneShot, text.to_owned(), WhyNotFired::NoActiveWorker);
    assert_eq!(driver.held_back(), [parked("z")]);
    driver.advance(1_000);
    assert_eq!(driver.held_back(), [parked("y")], "its retry is due");
}

#[test]
fn a_client_that_leaves_early_is_on_the_timeline_all_the_same() {
    let mut driver = Driver::offline();
    driver.store_answers = false;
    let call = driver.register_without_acknowledging(&scope(), "x");
    driver.acknowledge(call);
    driver.release_store();
    let registered = |note: &SyncNotification| matches!(note, SyncNotification::Registered { tag, .. } if tag.to_str() == Some("x"));
    assert_eq!(
        driver.notes.iter().filter(|note| registered(note)).count(),
        1
    );
    let held = (OneShot, "x".to_owned(), WhyNotFired::Offline);
    assert_eq!(driver.held_back(), [held]);
}

#[test]
fn a_slow_medium_holds_the_others_back_for_20_ms() {
    let mut driver = Driver::offline();
    for tag in 0..20 {
        driver.register(&tag.to_string());
    }
    driver.store_answers = false;
    driver.connect(Online);
    driver.advance(19);
    assert_eq!(driver.scheduler.usage().events, 1);
    assert_eq!(driver.held_back().len(), 20, "they were registered offline");
    driver.advance(1);
    assert_eq!(driver.scheduler.usage().events, 20);
    assert_eq!(driver.held_back(), [], "each has a slot");
    driver.release_store();
    assert_eq!(driver.events.len(), 20);
}

#[test]
fn what_gets_no_slot_when_the_network_returns_is_on_the_timeline() {
    let policy = Policy {
        max_events_in_all: NonZeroU32::MIN,
        ..policy()
    };
    let mut driver = Driver::new(policy, Offline);
    for tag in 0..200 {
        driver.register(&tag.to_string());
    }
    driver.notes.clear();
    driver.connect(Online);
    driver.advance(2);
    let held = driver.held_back();
    assert_eq!(held.len(), 100);
    assert_eq!(held[0], (OneShot, "1".to_owned(), WhyNotFired::NoFreeSlot));
    driver.connect(Offline);
    driver.advance(2);
    assert_eq!(driver.held_back(), []);
    // It goes again before anything is told.
    driver.connect(Online);
    driver.connect(Offline);
    driver.advance(2);
    assert_eq!(driver.held_back(), []);
}
