//! Unit tests: every transition, driven by hand.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod embedder;
mod embedder_periodic;
mod event_chains;
mod event_chains_explainer;
mod explainer;
mod explainer_faults;
mod faults;
mod fire;
mod limits;
mod periodic;
mod periodic_restart;
mod periodic_rules;
mod periodic_wake_ups;
mod permission;
mod register;
mod restart;
mod retry;
mod wall_clock;
mod why_not_fired;

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use crate::*;

/// A scheduler with a store that obeys at once, unless told otherwise, and a clock in hand.
pub(super) struct Driver {
    pub scheduler: SyncScheduler,
    pub now: Now,
    pub store: BTreeMap<RegistrationId, StoredRegistration>,
    pub origins: BTreeMap<Origin, StoredOrigin>,
    /// Whether store operations are answered at once.
    pub store_answers: bool,
    pub store_fails: bool,
    pub held_tickets: Vec<(Ticket, StoreOp)>,
    /// The permission that is answered at dispatch.
    pub permission: PermissionCheck,
    pub permission_answers: bool,
    /// Events whose permission was asked for in vain.
    pub unanswered: Vec<EventId>,
    pub answers: Vec<(Call, Answer)>,
    pub events: Vec<Fired>,
    pub terminated: Vec<EventId>,
    pub notes: Vec<SyncNotification>,
    next_call: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fired {
    pub event: EventId,
    pub scope: ScopeKey,
    pub tag: String,
    pub attempt: u32,
    pub last_chance: bool,
    pub kind: EventKind,
    /// By the monotonic clock.
    pub at: u64,
}

pub(super) const GRANTED: ClientFacts = ClientFacts {
    active_worker: true,
    permission: Permission::Granted,
    open_window: true,
    caller: Caller::Page,
};

pub(super) fn tag(text: &str) -> Tag {
    Tag::try_from(text).unwrap()
}

pub(super) fn scope_of(origin: &str, path: &str) -> ScopeKey {
    let scope = format!("{origin}{path}");
    ScopeKey {
        origin: origin.try_into().unwrap(),
        scope: scope.as_str().try_into().unwrap(),
    }
}

pub(super) fn scope() -> ScopeKey {
    scope_of("https://a.example", "/")
}

/// Exact delays, so that tests can name them.
pub(super) fn policy() -> Policy {
    Policy {
        first_retry_delay_ms: 1_000,
        longest_retry_delay_ms: 4_000,
        retry_jitter_percent: 0,
        max_attempts: NonZeroU32::new(3),
        reconnect_retry_spread_ms: 0,
        event_cap_ms: 500,
        ..Policy::standard()
    }
}

impl Driver {
    pub fn new(policy: Policy, connectivity: Connectivity) -> Self {
        Self {
            scheduler: SyncScheduler::new(SchedulerConfig::new(policy, connectivity, 7)),
            now: Now {
                wall: WallTime(1_900_000_000_000),
                mono: MonoTime(0),
            },
            store: BTreeMap::new(),
            origins: BTreeMap::new(),
            store_answers: true,
            store_fails: false,
            held_tickets: Vec::new(),
            permission: PermissionCheck::Answered(Permission::Granted),
            permission_answers: true,
            unanswered: Vec::new(),
            answers: Vec::new(),
            events: Vec::new(),
            terminated: Vec::new(),
            notes: Vec::new(),
            next_call: 0,
        }
    }

    pub fn online() -> Self {
        Self::new(policy(), Connectivity::Online)
    }

    pub fn offline() -> Self {
        Self::new(policy(), Connectivity::Offline)
    }

    /// A new scheduler on what this one's store holds.
    pub fn restart(&self, connectivity: Connectivity) -> Self {
        self.restart_with(policy(), connectivity)
    }

    pub fn restart_with(&self, policy: Policy, connectivity: Connectivity) -> Self {
        let mut new = Self::new(policy, connectivity);
        new.store = self.store.clone();
        new.now = Now {
            wall: self.now.wall,
            mono: MonoTime(5),
        };
        new.origins = self.origins.clone();
        let origins: Vec<_> = new.origins.values().cloned().collect();
        new.scheduler.load_origins(new.now, origins);
        let records: Vec<_> = new.store.values().cloned().collect();
        new.scheduler.load(new.now, records, RegistrationId(1));
        new.pump();
        new
    }

    pub fn pump(&mut self) {
        while let Some(output) = self.scheduler.poll_output() {
            match output {
                Output::Store { ticket, op, .. } if self.store_answers => self.commit(ticket, op),
                Output::Store { ticket, op, .. } => self.held_tickets.push((ticket, op)),
                Output::Answer { call, answer } => self.answers.push((call, answer)),
                Output::CheckPermission { event, .. } if !self.permission_answers => {
                    self.unanswered.push(event);
                }
                Output::CheckPermission { event, .. } => {
                    self.scheduler
                        .handle_permission(self.now, event, self.permission);
                }
                Output::Dispatch {
                    event,
                    scope,
                    tag,
                    last_chance,
                    attempt,
                    registration,
                    kind,
                } => {
                    let stored = &self.store[&registration];
                    assert!(
                        stored.attempts >= attempt,
                        "the attempt is durable before dispatch"
                    );
                    let tag = tag.to_string();
                    self.events.push(Fired {
                        event,
                        scope,
                        tag,
                        attempt,
                        last_chance,
                        kind,
                        at: self.now.mono.0,
                    });
                }
                Output::Terminate { event, .. } => self.terminated.push(event),
                Output::Notify(note) => self.notes.push(note),
            }
        }
    }

    fn commit(&mut self, ticket: Ticket, op: StoreOp) {
        if self.store_fails {
            let fault = StoreFault::new(StorageProblem::Full, "the disk of /profile is full");
            return self.scheduler.handle_stored(self.now, ticket, Err(fault));
        }
        match op {
            StoreOp::Put(record) => drop(self.store.insert(record.id, record)),
            StoreOp::Remove(id) => drop(self.store.remove(&id)),
            StoreOp::PutOrigin(stored) => {
                self.origins.insert(stored.origin.clone(), stored);
            }
            StoreOp::RemoveOrigin(origin) => drop(self.origins.remove(&origin)),
        }
        self.scheduler.handle_stored(self.now, ticket, Ok(()));
    }

    /// Lets held store operations through.
    pub fn release_store(&mut self) {
        self.store_answers = true;
        for (ticket, op) in std::mem::take(&mut self.held_tickets) {
            self.commit(ticket, op);
        }
        self.pump();
    }

    pub fn register_without_acknowledging(&mut self, scope: &ScopeKey, text: &str) -> Call {
        let call = self.call();
        self.scheduler
            .handle_register(self.now, call, scope, Ok(tag(text)), GRANTED);
        self.pump();
        call
    }

    pub fn register_in(&mut self, scope: &ScopeKey, text: &str) -> Call {
        let call = self.register_without_acknowledging(scope, text);
        self.acknowledge(call);
        call
    }

    pub fn register(&mut self, text: &str) -> Call {
        self.register_in(&scope(), text)
    }

    pub fn call(&mut self) -> Call {
        self.next_call += 1;
        Call(self.next_call)
    }

    pub fn acknowledge(&mut self, call: Call) {
        self.scheduler.handle_acknowledged(self.now, call);
        self.pump();
    }

    pub fn finish(&mut self, fired: &Fired, outcome: EventOutcome) {
        self.scheduler
            .handle_event_finished(self.now, fired.event, outcome);
        self.pump();
    }

    /// Ends the last event.
    pub fn finish_last(&mut self, outcome: EventOutcome) {
        let last = self.events.last().unwrap().clone();
        self.finish(&last, outcome);
    }

    pub fn connect(&mut self, connectivity: Connectivity) {
        self.scheduler.handle_connectivity(self.now, connectivity);
        self.pump();
        self.advance(0);
    }

    /// Lets time pass; deadlines are met exactly.
    pub fn advance(&mut self, ms: u64) {
        let end = self.now.mono.after_ms(ms);
        while let Some(at) = self.scheduler.poll_timeout().filter(|&at| at <= end) {
            let at = at.max(self.now.mono);
            self.now.wall = self.now.wall.after_ms(at.ms_since(self.now.mono));
            self.now.mono = at;
            self.scheduler.handle_timeout(self.now);
            self.pump();
        }
        self.now.wall = self.now.wall.after_ms(end.ms_since(self.now.mono));
        self.now.mono = end;
    }

    /// The machine is suspended for so long: all that became due meanwhile is noticed at once.
    pub fn suspend(&mut self, ms: u64) {
        self.now.wall = self.now.wall.after_ms(ms);
        self.now.mono = self.now.mono.after_ms(ms);
        self.scheduler.handle_timeout(self.now);
        self.pump();
    }

    /// Lets time pass until something fires or nothing more is going to happen.
    pub fn advance_to_event(&mut self) {
        while let Some(at) = self
            .scheduler
            .poll_timeout()
            .filter(|_| self.events.is_empty())
        {
            self.advance(at.ms_since(self.now.mono));
        }
    }

    pub fn answer_to(&self, call: Call) -> Option<&Answer> {
        let mut answers = self.answers.iter().filter(|(other, _)| *other == call);
        let answer = answers.next().map(|(_, answer)| answer);
        assert_eq!(answers.next(), None, "answered twice");
        answer
    }

    pub fn error_of(&self, call: Call) -> RegisterError {
        match self.answer_to(call) {
            Some(Answer::Registered(Err(error))) => error.clone(),
            other => panic!("no error: {other:?}"),
        }
    }

    pub fn state(&self, text: &str) -> Option<RegistrationState> {
        self.scheduler.state(&scope(), &tag(text))
    }

    pub fn tags(&mut self) -> Vec<String> {
        let call = self.call();
        self.scheduler.handle_get_tags(self.now, call, &scope());
        self.pump();
        match self.answer_to(call) {
            Some(Answer::Tags(tags)) => tags.iter().map(ToString::to_string).collect(),
            other => panic!("no tags: {other:?}"),
        }
    }

    pub fn assert_empty(&self) {
        assert_eq!(self.scheduler.usage(), Usage::default(), "something leaked");
        assert!(self.store.is_empty(), "something is still stored");
    }
}
