use super::*;
use Connectivity::{Offline, Online};

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

    fn unregister_periodic(&mut self, text: &str) -> Call {
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

#[test]
fn tags_of_one_origin_share_a_wake_up() {
    let policy = Policy {
        periodic_grouping_ms: 10_000,
        ..periodic_policy()
    };
    let mut driver = Driver::new(policy, Online);
    driver.register_periodic("a", 0);
    driver.advance(3_000);
    driver.register_periodic("b", 0);
    driver.advance(3_000);
    driver.register_periodic_in(&scope_of("https://a.example", "/x/"), "c", 0);
    driver.advance(5_000);
    driver.register_periodic("late", 0);
    driver.advance_succeeding(400_000);
    let first: Vec<_> = driver.fired().into_iter().take(3).collect();
    assert_eq!(first, [(106_000, "a"), (106_000, "b"), (106_000, "c")]);
    let times: std::collections::BTreeSet<_> = driver.events.iter().map(|e| e.at).collect();
    assert_eq!(
        times.len(),
        4,
        "and from then on all do: {:?}",
        driver.fired()
    );
    assert_eq!(driver.events.iter().filter(|e| e.at == 206_000).count(), 4);
}

#[test]
fn origins_share_wake_ups_that_are_apart() {
    let mut driver = Driver::new(
        Policy {
            periodic_interval_across_origins_ms: 300_000,
            ..periodic_policy()
        },
        Online,
    );
    driver.register_periodic("a", 0);
    driver.advance(1_000);
    driver.register_periodic_in(&scope_of("https://b.example", "/"), "b", 0);
    driver.advance_succeeding(800_000);
    let mut fired = driver.fired();
    fired.sort_unstable();
    assert_eq!(
        fired,
        [
            (100_000, "a"),
            (400_000, "a"),
            (400_000, "b"),
            (700_000, "a"),
            (700_000, "b")
        ]
    );
}

#[test]
fn an_extra_interval_suspends_and_revives() {
    let mut driver = Driver::periodic();
    driver.set_extra(ExtraInterval::Ms(20_000));
    driver.register_periodic("a", 0);
    driver.advance_succeeding(125_000);
    assert_eq!(driver.fired(), [(120_000, "a")]);
    driver.set_extra(ExtraInterval::Never);
    assert_eq!(driver.periodic_state("a"), Some(PeriodicState::Suspended));
    assert_eq!(driver.scheduler.poll_timeout(), None, "no wake-up either");
    driver.advance(HOUR);
    driver.register_periodic("b", 0);
    driver.advance(HOUR);
    let why: Vec<_> = driver
        .scheduler
        .list(driver.now)
        .map(|info| info.why)
        .collect();
    assert_eq!(why, [WhyNotFired::Suspended, WhyNotFired::Suspended]);
    assert_eq!(driver.events.len(), 1);
    driver.set_extra(ExtraInterval::Ms(0));
    driver.advance(0);
    assert_eq!(driver.events.len(), 3, "long due");
    assert!(driver.notes.iter().any(|note| matches!(
        note,
        SyncNotification::ExtraIntervalSet {
            extra: ExtraInterval::Never,
            registrations: 1,
            ..
        }
    )));
}

#[test]
fn suspending_ends_back_off_and_what_is_prepared() {
    let mut driver = Driver::periodic();
    driver.register_periodic("a", 0);
    driver.advance(100_000);
    driver.finish_last(EventOutcome::Rejected);
    driver.set_extra(ExtraInterval::Never);
    driver.advance(HOUR);
    assert_eq!(driver.events.len(), 1);
    driver.set_extra(ExtraInterval::Ms(0));
    driver.store_answers = false;
    driver.advance(0);
    assert_eq!(driver.scheduler.usage().events, 1, "being prepared");
    driver.set_extra(ExtraInterval::Never);
    driver.release_store();
    driver.advance(HOUR);
    assert_eq!(
        (driver.events.len(), driver.scheduler.usage().events),
        (1, 0)
    );
    driver.set_extra(ExtraInterval::Ms(0));
    driver.advance(0);
    assert_eq!(driver.events.len(), 2);
    driver.set_extra(ExtraInterval::Never);
    driver.finish_last(EventOutcome::NotStarted);
    driver
        .scheduler
        .handle_worker_activated(driver.now, &scope());
    driver.pump();
    assert_eq!(driver.events.len(), 2);
}

#[test]
fn without_a_network_there_is_no_pass_and_no_wake_up() {
    let mut driver = Driver::new(periodic_policy(), Offline);
    driver.register_periodic("a", 0);
    assert_eq!(driver.scheduler.poll_timeout(), None);
    assert_eq!(
        driver.scheduler.next_due(driver.now),
        Some(MonoTime(100_000))
    );
    driver.advance(500_000);
    assert_eq!(driver.scheduler.next_due(driver.now), None);
    driver.connect(Online);
    assert_eq!(driver.fired(), [(500_000, "a")]);
}

/// The caps hold, also for what a lost network has kept from firing.
#[test]
fn a_pass_that_the_network_cuts_short_is_made_up_for_by_the_next() {
    let mut driver = Driver::periodic();
    driver.register_periodic("a", 0);
    driver.register_periodic("b", 0);
    driver.store_answers = false;
    driver.advance(100_000);
    let (ticket, op) = driver.held_tickets.remove(0);
    driver.store_answers = true;
    driver.commit(ticket, op);
    driver.pump();
    assert_eq!(driver.fired(), [(100_000, "a")]);
    driver.finish_last(EventOutcome::Fulfilled);
    driver.connect(Offline);
    driver.release_store();
    driver.advance(50_000);
    driver.connect(Online);
    assert_eq!(driver.events.len(), 1);
    driver.advance(50_000);
    assert!(driver.fired().contains(&(200_000, "b")));

    let mut driver = Driver::periodic();
    driver.register_periodic("a", 0);
    driver.store_answers = false;
    driver.advance(100_000);
    driver.connect(Offline);
    driver.release_store();
    driver.connect(Online);
    assert_eq!(
        driver.events.len(),
        1,
        "nothing had fired: this pass still may"
    );
}

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

#[test]
fn a_fleet_does_not_wake_up_all_at_once() {
    let mut times = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let mut driver = Driver::new(Policy::fleet(), Offline);
        driver.scheduler = SyncScheduler::new(SchedulerConfig::new(Policy::fleet(), Offline, seed));
        driver.register_periodic("a", 0);
        driver.advance(24 * HOUR);
        driver.connect(Online);
        driver.advance(75_000);
        times.insert(driver.events[0].at);
    }
    assert!(times.len() > 15, "{times:?}");
}
