//! The specification's algorithms, written as plainly as possible, and a property test that the
//! scheduler behaves the same. The store commits at once, promises are acknowledged at once and
//! permissions are granted, because the specification knows none of these.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::num::NonZeroU32;

use background_sync_core::*;
use proptest::prelude::*;

const RETRY_DELAY_MS: u64 = 1_000;
const MAX_ATTEMPTS: u32 = 3;

/// What happens.
#[derive(Clone, Debug)]
enum Action {
    Register { scope: usize, tag: usize },
    Online,
    Offline,
    Finish { event: usize, fulfilled: bool },
    Pass { ms: u64 },
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        4 => (0..2_usize, 0..3_usize).prop_map(|(scope, tag)| Action::Register { scope, tag }),
        1 => Just(Action::Online),
        1 => Just(Action::Offline),
        4 => (0..6_usize, any::<bool>())
            .prop_map(|(event, fulfilled)| Action::Finish { event, fulfilled }),
        2 => (0..1_500_u64).prop_map(|ms| Action::Pass { ms }),
    ];
    prop::collection::vec(action, 0..60)
}

/// Whose event fired, and its `lastChance`.
type Fired = (usize, usize, bool);

/// <https://wicg.github.io/background-sync/spec/>
#[derive(Default)]
struct Specification {
    online: bool,
    now_ms: u64,
    /// The lists of sync registrations of all service worker registrations, in order.
    list: Vec<SyncRegistration>,
    fired: Vec<Fired>,
}

struct SyncRegistration {
    scope: usize,
    tag: usize,
    state: RegistrationState,
    last_chance: bool,
    /// User-agent defined: attempts since it was registered, and the end of the wait.
    attempts: u32,
    retry_at_ms: u64,
}

impl Specification {
    fn find(&mut self, scope: usize, tag: usize) -> Option<usize> {
        self.list
            .iter()
            .position(|entry| (entry.scope, entry.tag) == (scope, tag))
    }

    /// `SyncManager.register(tag)`, from step 7 on.
    fn register(&mut self, scope: usize, tag: usize) {
        use RegistrationState::{Firing, Pending, ReregisteredWhileFiring, Waiting};
        let index = match self.find(scope, tag) {
            Some(index) => {
                let entry = &mut self.list[index];
                match entry.state {
                    Waiting => entry.state = Pending,
                    Firing => entry.state = ReregisteredWhileFiring,
                    Pending | ReregisteredWhileFiring => {}
                }
                if entry.state == Pending {
                    entry.attempts = 0;
                }
                index
            }
            None => {
                let state = Pending;
                let (last_chance, attempts, retry_at_ms) = (false, 0, 0);
                self.list.push(SyncRegistration {
                    scope,
                    tag,
                    state,
                    last_chance,
                    attempts,
                    retry_at_ms,
                });
                self.list.len() - 1
            }
        };
        if self.online && self.list[index].state == Pending {
            self.fire(index);
        }
    }

    fn go_online(&mut self) {
        self.online = true;
        for index in 0..self.list.len() {
            if self.list[index].state == RegistrationState::Pending {
                self.fire(index);
            }
        }
    }

    /// Fire a sync event.
    fn fire(&mut self, index: usize) {
        let entry = &mut self.list[index];
        entry.state = RegistrationState::Firing;
        entry.attempts += 1;
        entry.last_chance = entry.attempts == MAX_ATTEMPTS;
        self.fired.push((entry.scope, entry.tag, entry.last_chance));
    }

    /// The substeps upon fulfillment and upon rejection of the event's promises.
    fn settle(&mut self, index: usize, fulfilled: bool) {
        let entry = &mut self.list[index];
        if entry.state == RegistrationState::ReregisteredWhileFiring {
            entry.state = RegistrationState::Pending;
            entry.attempts = 0;
            if self.online {
                self.fire(index);
            }
            return;
        }
        assert_eq!(entry.state, RegistrationState::Firing);
        if fulfilled || entry.last_chance {
            self.list.remove(index);
        } else {
            entry.state = RegistrationState::Waiting;
            entry.retry_at_ms = self.now_ms + RETRY_DELAY_MS;
        }
    }

    fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        for index in 0..self.list.len() {
            let entry = &mut self.list[index];
            if entry.state == RegistrationState::Waiting && entry.retry_at_ms <= self.now_ms {
                entry.state = RegistrationState::Pending;
                if self.online {
                    self.fire(index);
                }
            }
        }
    }
}

/// The scheduler, with everything around it obeying at once.
struct Subject {
    scheduler: SyncScheduler,
    now: Now,
    next_call: u64,
    /// Events that run.
    running: Vec<(EventId, usize, usize)>,
    fired: Vec<Fired>,
    tags: Vec<Tag>,
}

fn scope_key(scope: usize) -> ScopeKey {
    ScopeKey {
        origin: "https://a.example".try_into().unwrap(),
        scope: format!("https://a.example/{scope}/")
            .as_str()
            .try_into()
            .unwrap(),
    }
}

fn tag(tag: usize) -> Tag {
    tag.to_string().as_str().try_into().unwrap()
}

impl Subject {
    fn new() -> Self {
        let policy = Policy {
            first_retry_delay_ms: RETRY_DELAY_MS,
            retry_factor: NonZeroU32::MIN,
            longest_retry_delay_ms: RETRY_DELAY_MS,
            retry_jitter_percent: 0,
            max_attempts: NonZeroU32::new(MAX_ATTEMPTS),
            reconnect_brings_retries_forward: false,
            event_cap_ms: u64::MAX,
            ..Policy::standard()
        };
        Self {
            scheduler: SyncScheduler::new(SchedulerConfig::new(policy, Connectivity::Offline, 1)),
            now: Now::default(),
            next_call: 0,
            running: Vec::new(),
            fired: Vec::new(),
            tags: Vec::new(),
        }
    }

    fn register(&mut self, scope: usize, text: usize) {
        let permission = Permission::Granted;
        let facts = ClientFacts {
            active_worker: true,
            permission,
            open_window: true,
            caller: Caller::Page,
        };
        self.next_call += 1;
        let (call, scope) = (Call(self.next_call), scope_key(scope));
        self.scheduler
            .handle_register(self.now, call, &scope, Ok(tag(text)), facts);
        self.pump();
    }

    fn connect(&mut self, connectivity: Connectivity) {
        self.scheduler.handle_connectivity(self.now, connectivity);
        self.pump();
    }

    fn pass(&mut self, ms: u64) {
        self.now.mono = self.now.mono.after_ms(ms);
        self.scheduler.handle_timeout(self.now);
        self.pump();
    }

    fn get_tags(&mut self, scope: usize) -> Vec<Tag> {
        self.next_call += 1;
        self.scheduler
            .handle_get_tags(self.now, Call(self.next_call), &scope_key(scope));
        self.pump();
        std::mem::take(&mut self.tags)
    }

    fn pump(&mut self) {
        while let Some(output) = self.scheduler.poll_output() {
            match output {
                Output::Store { ticket, .. } => {
                    self.scheduler.handle_stored(self.now, ticket, Ok(()));
                }
                Output::Answer {
                    call,
                    answer: Answer::Registered(result),
                } => {
                    result.unwrap();
                    self.scheduler.handle_acknowledged(self.now, call);
                }
                Output::Answer {
                    answer: Answer::Tags(tags),
                    ..
                } => self.tags = tags,
                Output::CheckPermission { event, .. } => {
                    let check = PermissionCheck::Answered(Permission::Granted);
                    self.scheduler.handle_permission(self.now, event, check);
                }
                Output::Dispatch {
                    event,
                    scope,
                    tag,
                    last_chance,
                    ..
                } => {
                    let scope = (0..2).find(|&index| scope_key(index) == scope).unwrap();
                    let tag: usize = tag.to_str().unwrap().parse().unwrap();
                    self.running.push((event, scope, tag));
                    self.fired.push((scope, tag, last_chance));
                }
                Output::Answer { .. } | Output::Terminate { .. } => {
                    panic!("there is no cap here, and no embedder")
                }
                Output::Notify(_) => {}
            }
        }
    }
}

fn same(specification: &mut Specification, subject: &mut Subject) {
    // Events may be fired in any order.
    specification.fired.sort_unstable();
    subject.fired.sort_unstable();
    assert_eq!(specification.fired, subject.fired);
    for scope in 0..2 {
        let listed = specification
            .list
            .iter()
            .filter(|entry| entry.scope == scope);
        let expected: Vec<Tag> = listed.clone().map(|entry| tag(entry.tag)).collect();
        assert_eq!(expected, subject.get_tags(scope));
        for entry in listed {
            let state = subject.scheduler.state(&scope_key(scope), &tag(entry.tag));
            assert_eq!(state, Some(entry.state), "{scope} {}", entry.tag);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_scheduler_does_what_the_specification_says(actions in actions()) {
        let mut specification = Specification::default();
        let mut subject = Subject::new();
        for action in actions {
            match action {
                Action::Register { scope, tag } => {
                    specification.register(scope, tag);
                    subject.register(scope, tag);
                }
                Action::Online if !specification.online => {
                    specification.go_online();
                    subject.connect(Connectivity::Online);
                }
                Action::Online => {}
                Action::Offline => {
                    specification.online = false;
                    subject.connect(Connectivity::Offline);
                }
                Action::Finish { event, fulfilled } if !subject.running.is_empty() => {
                    let (event, scope, tag) =
                        subject.running.remove(event % subject.running.len());
                    let index = specification.find(scope, tag).unwrap();
                    specification.settle(index, fulfilled);
                    let outcome =
                        if fulfilled { EventOutcome::Fulfilled } else { EventOutcome::Rejected };
                    subject.scheduler.handle_event_finished(subject.now, event, outcome);
                    subject.pump();
                }
                Action::Finish { .. } => {}
                Action::Pass { ms } => {
                    specification.pass(ms);
                    subject.pass(ms);
                }
            }
            same(&mut specification, &mut subject);
        }
    }
}
