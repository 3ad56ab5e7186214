//! The specification of Periodic Background Sync as a model, and property tests that the scheduler
//! behaves the same. The store commits at once and promises are acknowledged at once, because the
//! specification knows neither. All times are multiples of a tick.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod specification;
mod subject;

use std::collections::BTreeMap;

use background_sync_core::*;
use proptest::prelude::*;
use specification::*;
use subject::*;

const TICK: u64 = 100;

/// What happens.
#[derive(Clone, Debug)]
enum Action {
    Register {
        name: Name,
        interval: u64,
        caller: CallingClient,
    },
    Unregister(Name),
    Online,
    Offline,
    Finish {
        event: usize,
        success: bool,
    },
    Extra {
        origin: usize,
        extra: ExtraInterval,
    },
    Revoke(usize),
    Grant(usize),
    Pass {
        ticks: u64,
    },
}

fn names() -> impl Strategy<Value = Name> {
    (0..3_usize, 0..2_usize)
}

fn extras() -> impl Strategy<Value = (usize, ExtraInterval)> {
    // What is usual for an origin stays: a time of last fire that limits nothing is forgotten.
    let usual = [ExtraInterval::Ms(0), EXTRA_OF_ORIGIN_1];
    (0..2_usize, any::<bool>()).prop_map(move |(origin, never)| match never {
        true => (origin, ExtraInterval::Never),
        false => (origin, usual[origin]),
    })
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let intervals = prop_oneof![Just(0), Just(5_000), Just(9_000), Just(12_500)];
    let callers = (0..20_u8).prop_map(|dice| CallingClient {
        active_worker: dice != 0,
        open_window: dice > 1,
    });
    let register =
        (names(), intervals, callers).prop_map(|(name, interval, caller)| Action::Register {
            name,
            interval,
            caller,
        });
    let action = prop_oneof![
        6 => register,
        1 => names().prop_map(Action::Unregister),
        2 => Just(Action::Online),
        1 => Just(Action::Offline),
        6 => (0..6_usize, any::<bool>())
            .prop_map(|(event, success)| Action::Finish { event, success }),
        1 => extras().prop_map(|(origin, extra)| Action::Extra { origin, extra }),
        1 => (0..2_usize).prop_map(Action::Revoke),
        1 => (0..2_usize).prop_map(Action::Grant),
        8 => (1..60_u64).prop_map(|ticks| Action::Pass { ticks }),
    ];
    prop::collection::vec(action, 0..80)
}

/// The model and the scheduler, side by side.
struct Pair {
    specification: Specification,
    subject: Subject,
    /// Events that run, and the number of their registration.
    running: Vec<(EventId, u64)>,
}

impl Pair {
    fn new(grouping_ms: u64) -> Self {
        let mut specification = Specification::default();
        specification.set_extra(1, EXTRA_OF_ORIGIN_1);
        Self {
            specification,
            subject: Subject::new(grouping_ms),
            running: Vec::new(),
        }
    }

    fn act(&mut self, action: &Action) {
        let (specification, subject) = (&mut self.specification, &mut self.subject);
        match *action {
            Action::Register {
                name,
                interval,
                caller,
            } => {
                let expected = specification.register(name, interval, caller);
                assert_eq!(subject.register(name, interval, caller), expected);
            }
            Action::Unregister(name) => {
                specification.unregister(name);
                subject.unregister(name);
            }
            Action::Online => {
                specification.online = true;
                subject.connect(Connectivity::Online);
            }
            Action::Offline => {
                specification.online = false;
                subject.connect(Connectivity::Offline);
            }
            Action::Finish { event, success } => {
                if !self.running.is_empty() {
                    let (event, number) = self.running.remove(event % self.running.len());
                    specification.settle(number, success);
                    subject.finish(event, success);
                }
            }
            Action::Extra { origin, extra } => {
                specification.set_extra(origin, extra);
                subject.set_extra(origin, extra);
            }
            Action::Revoke(origin) => {
                specification.revoke(origin);
                subject.revoke(origin);
            }
            Action::Grant(origin) => {
                specification.denied.retain(|&denied| denied != origin);
                subject.grant(origin);
            }
            Action::Pass { .. } => {}
        }
    }

    /// Carries an action out; `look` is called after it and after each tick.
    fn run(&mut self, action: &Action, mut look: impl FnMut(&mut Self)) {
        self.act(action);
        self.subject.pass(0);
        look(self);
        if let Action::Pass { ticks } = *action {
            for _ in 0..ticks {
                self.specification.now += TICK;
                self.subject.pass(TICK);
                look(self);
            }
        }
    }

    /// Remembers which registrations the events belong to that the scheduler has just fired.
    fn take_fired(&mut self) -> Vec<Fired> {
        let fired = std::mem::take(&mut self.subject.fired);
        let number_of = |specification: &mut Specification, name| {
            let entry = specification.find(name);
            entry.expect("what fires is registered").number
        };
        for &(event, (name, _)) in &fired {
            let number = number_of(&mut self.specification, name);
            self.running.push((event, number));
        }
        fired.into_iter().map(|(_, fired)| fired).collect()
    }

    fn assert_same_registrations(&mut self) {
        for scope in 0..3 {
            let tags = self.specification.get_tags(scope);
            let tags: Vec<Tag> = tags.into_iter().map(tag).collect();
            assert_eq!(self.subject.get_tags(scope), tags);
        }
        for entry in &self.specification.active {
            let (scope, tag) = (scope_key(entry.name.0), tag(entry.name.1));
            let state = self.subject.scheduler.periodic_state(&scope, &tag);
            let expected = self.specification.state_of(entry);
            assert_eq!(state, Some(expected), "{entry:?}");
        }
    }
}

/// Both fire the same, at the same moment.
fn fires_the_same(pair: &mut Pair) {
    pair.specification.retry();
    pair.specification.process();
    let mut expected = std::mem::take(&mut pair.specification.fired);
    let mut fired = pair.take_fired();
    // Events of one moment may be fired in any order.
    expected.sort_unstable();
    fired.sort_unstable();
    assert_eq!(fired, expected, "at {}", pair.specification.now);
}

/// Deviation: a wake-up is put off by up to [`GROUPING`] to be shared. Nothing fires that the
/// specification would not fire, and nothing later than by that.
fn fires_what_it_may(pair: &mut Pair, due_since: &mut BTreeMap<u64, u64>) {
    pair.specification.retry();
    let retries = std::mem::take(&mut pair.specification.fired);
    let fired = pair.take_fired().into_iter();
    let (first, mut again): (Vec<_>, Vec<_>) = fired.partition(|&(_, attempt)| attempt == 1);
    again.sort_unstable();
    let mut expected = retries;
    expected.sort_unstable();
    assert_eq!(again, expected, "retries are not grouped");
    let specification = &mut pair.specification;
    let may_fire = |entry: &&PeriodicSyncRegistration| specification.may_fire(entry);
    let entries = specification.active.iter().filter(may_fire);
    let allowed: BTreeMap<Name, u64> = entries.map(|entry| (entry.name, entry.number)).collect();
    for (name, _) in first {
        let number = allowed.get(&name).expect("not too early");
        specification.fire(*number);
    }
    specification.fired.clear();
    let now = specification.now;
    let entries = specification.active.iter();
    let due = entries.filter(|entry| specification.may_fire(entry));
    *due_since = due
        .map(|entry| {
            let since = due_since.get(&entry.number).copied().unwrap_or(now);
            assert!(now - since < GROUPING, "too late: {entry:?} since {since}");
            (entry.number, since)
        })
        .collect();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_scheduler_does_what_the_specification_says(actions in actions()) {
        let mut pair = Pair::new(0);
        for action in &actions {
            pair.run(action, fires_the_same);
            pair.assert_same_registrations();
        }
    }

    #[test]
    fn grouping_makes_nothing_earlier_and_little_later(actions in actions()) {
        let mut pair = Pair::new(GROUPING);
        let mut due_since = BTreeMap::new();
        for action in &actions {
            pair.run(action, |pair| fires_what_it_may(pair, &mut due_since));
            pair.assert_same_registrations();
        }
    }
}
