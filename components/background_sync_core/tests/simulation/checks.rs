//! What must hold, whatever happens.

mod event_chains;
mod outputs;

use std::collections::{BTreeMap, BTreeSet};

use background_sync_core::*;

use crate::parts::Disk;
use event_chains::EventChains;

type Key = (ScopeKey, Tag);

/// A resolved promise that is not kept yet.
#[derive(Debug)]
struct Promise {
    /// Only an event that starts later keeps it.
    after: u64,
}

#[derive(Debug)]
struct RegisterCall {
    key: Key,
    /// Its place in the order of calls and events.
    moment: u64,
    answered_at: Option<MonoTime>,
    /// Its client is gone; it is answered all the same.
    is_gone: bool,
}

#[derive(Debug)]
struct Running {
    /// The embedder wanted it, beyond the limits.
    requested: bool,
    registration: RegistrationId,
    key: Key,
    /// Its place in the order of calls and events.
    moment: u64,
    started_at: MonoTime,
    last_chance: bool,
    attempt: u32,
}

/// When a failed registration may fire again at the earliest.
#[derive(Debug)]
struct Rest {
    until: MonoTime,
}

pub struct Checks {
    policy: Policy,
    moment: u64,
    /// Calls of `register()` that are not answered, or not acknowledged.
    calls: BTreeMap<Call, RegisterCall>,
    /// Calls of `getTags()` that are not answered.
    tag_calls: BTreeSet<Call>,
    /// Calls of the embedder that are not answered, and what it wants to fire.
    embedder_calls: BTreeMap<Call, Option<Key>>,
    promises: BTreeMap<Key, Promise>,
    running: BTreeMap<EventId, Running>,
    parked: BTreeSet<ScopeKey>,
    rests: BTreeMap<Key, Rest>,
    event_chains: EventChains,
    seen_ids: BTreeMap<RegistrationId, Key>,
    /// When somebody removed a registration.
    removed: BTreeMap<Key, u64>,
    /// Removals that the store did not do: a crash brings these back.
    pub failed_removals: usize,
}

impl Checks {
    pub fn new(policy: Policy) -> Self {
        Self {
            event_chains: EventChains::new(policy.clone()),
            policy,
            moment: 0,
            calls: BTreeMap::new(),
            tag_calls: BTreeSet::new(),
            embedder_calls: BTreeMap::new(),
            promises: BTreeMap::new(),
            running: BTreeMap::new(),
            parked: BTreeSet::new(),
            rests: BTreeMap::new(),
            seen_ids: BTreeMap::new(),
            removed: BTreeMap::new(),
            failed_removals: 0,
        }
    }

    fn next_moment(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }

    pub fn running_events(&self) -> Vec<EventId> {
        self.running.keys().copied().collect()
    }

    pub fn register_called(
        &mut self,
        call: Call,
        scope: &ScopeKey,
        tag: &Tag,
        facts: ClientFacts,
        now: Now,
    ) {
        let moment = self.next_moment();
        let key = (scope.clone(), tag.clone());
        let accepted =
            facts.active_worker && facts.open_window && facts.permission == Permission::Granted;
        if accepted {
            self.parked.remove(scope);
            self.event_chains.registered(&key, facts.caller, now);
            if facts.caller.speaks_for_client() {
                self.rests.remove(&key);
            }
        }
        self.calls.insert(
            call,
            RegisterCall {
                key,
                moment,
                answered_at: None,
                is_gone: false,
            },
        );
    }

    pub fn embedder_called(&mut self, call: Call, wants: Option<Key>) {
        if let Some(key) = &wants {
            self.rests.remove(key);
        }
        self.embedder_calls.insert(call, wants);
    }

    pub fn cleared(&mut self, origin: &Origin) {
        self.event_chains.cleared(origin);
    }

    /// Whether the embedder wants this to fire in any case.
    fn is_requested(&self, key: &Key) -> bool {
        self.embedder_calls
            .values()
            .any(|wanted| wanted.as_ref() == Some(key))
    }

    pub fn get_tags_called(&mut self, call: Call) {
        self.tag_calls.insert(call);
    }

    pub fn acknowledged(&mut self, call: Call) {
        match self.calls.get_mut(&call) {
            Some(entry) if entry.answered_at.is_some() => drop(self.calls.remove(&call)),
            Some(entry) => entry.is_gone = true,
            None => {}
        }
    }

    pub fn unparked(&mut self, scope: &ScopeKey) {
        self.parked.remove(scope);
    }

    pub fn network_changed(&mut self) {
        // Retries may be brought forward; the unit tests say by how much.
        self.rests.clear();
    }

    pub fn crashed(&mut self, disk: &Disk) {
        self.event_chains.crashed(disk);
        self.calls.clear();
        self.tag_calls.clear();
        self.embedder_calls.clear();
        self.running.clear();
        self.parked.clear();
        self.rests.clear();
    }

    pub fn finished(&mut self, event: EventId, outcome: EventOutcome, now: Now) {
        let Some(run) = self.running.remove(&event) else {
            return;
        };
        let is_over = match outcome {
            EventOutcome::Fulfilled => true,
            // Taken by another event's cap, it is given again.
            EventOutcome::NotStarted | EventOutcome::WorkerGone => false,
            EventOutcome::Rejected | EventOutcome::TimedOut => run.last_chance,
        };
        self.event_chains.finished(event, outcome, is_over, now);
        match outcome {
            // Of a registration that is gone, the outcome means nothing.
            _ if self
                .removed
                .get(&run.key)
                .is_some_and(|&moment| moment > run.moment) => {}
            EventOutcome::NotStarted => {
                self.parked.insert(run.key.0);
            }
            EventOutcome::Fulfilled => self.keep_promise(&run),
            EventOutcome::Rejected | EventOutcome::WorkerGone | EventOutcome::TimedOut => {
                self.failed(&run, now);
            }
        }
    }

    fn failed(&mut self, run: &Running, now: Now) {
        if run.last_chance {
            self.keep_promise(run);
            return;
        }
        let again = self
            .promises
            .get(&run.key)
            .is_some_and(|promise| promise.after > run.moment);
        let called = self.calls.values().any(|call| call.key == run.key);
        if !again && !called {
            let delay_ms = self.policy.retry_delay_ms(run.attempt);
            let least_ms = delay_ms - self.policy.jitter_ms(delay_ms);
            let until = now.mono.after_ms(least_ms);
            self.rests.insert(run.key.clone(), Rest { until });
        }
    }

    /// Success, or the last chance: the page's handler had its say.
    fn keep_promise(&mut self, run: &Running) {
        if self
            .promises
            .get(&run.key)
            .is_some_and(|promise| promise.after < run.moment)
        {
            self.promises.remove(&run.key);
        }
    }

    pub fn after_step(&self, now: Now, disk: &Disk, usage: Usage, in_flight: usize) {
        for (key, promise) in &self.promises {
            assert!(
                is_stored(disk, key),
                "a resolved promise is lost: {key:?} {promise:?}"
            );
        }
        for run in self.running.values() {
            let age_ms = now.mono.ms_since(run.started_at);
            assert!(
                age_ms <= self.policy.event_cap_ms,
                "an event past its cap: {run:?}"
            );
        }
        let mut keys: Vec<_> = disk.records.values().map(|r| (&r.scope, &r.tag)).collect();
        keys.sort();
        let twice = keys.windows(2).find(|pair| pair[0] == pair[1]);
        // One that could not be removed may be there beside its successor.
        assert!(
            twice.is_none() || self.failed_removals > 0,
            "stored twice: {twice:?}"
        );
        let most = self.policy.max_registrations_in_all as usize + self.failed_removals;
        assert!(usage.registrations <= most);
        // The embedder's own wishes come on top.
        let most = self.policy.max_events_in_all.get() as usize;
        assert!(usage.events <= most.max(usage.registrations + self.running.len()));
        assert_eq!(
            usage.embedder_calls,
            self.embedder_calls.len(),
            "calls leak"
        );
        assert!(usage.unacknowledged_calls <= self.calls.len(), "calls leak");
        assert_eq!(usage.store_operations, in_flight, "tickets leak");
        // The clock's, and that of the timeline.
        let most = 2 * usage.registrations + usage.events + 2;
        assert!(usage.deadlines <= most, "deadlines leak: {usage:?}");
        assert!(usage.scopes <= usage.registrations);
        assert!(usage.origins <= usage.registrations + usage.events);
    }

    pub fn at_the_end(&self) {
        let unanswered = self
            .calls
            .values()
            .filter(|call| call.answered_at.is_none())
            .count();
        assert_eq!(
            (unanswered, self.tag_calls.len()),
            (0, 0),
            "calls that were never answered"
        );
        assert!(
            self.promises.is_empty(),
            "promises that were never kept: {:?}",
            self.promises
        );
    }
}

fn is_stored(disk: &Disk, key: &Key) -> bool {
    disk.records
        .values()
        .any(|record| (&record.scope, &record.tag) == (&key.0, &key.1))
}
