//! What must hold of each decision.

use background_sync_core::*;

use super::{Checks, Key, Promise, RegisterCall, Running, is_stored};
use crate::parts::Disk;

impl Checks {
    pub fn output(&mut self, output: &Output, now: Now, connectivity: Connectivity, disk: &Disk) {
        match output {
            Output::Answer { call, answer } => self.answered(*call, answer, now, disk),
            Output::Dispatch {
                event,
                registration,
                scope,
                tag,
                last_chance,
                attempt,
                ..
            } => {
                let moment = self.next_moment();
                let key = (scope.clone(), tag.clone());
                let online = connectivity == Connectivity::Online;
                assert!(online || self.is_requested(&key), "fires only when online");
                let requested = self.is_requested(&key);
                let run = Running {
                    requested,
                    registration: *registration,
                    key,
                    moment,
                    started_at: now.mono,
                    last_chance: *last_chance,
                    attempt: *attempt,
                };
                self.dispatched(*event, run, now, disk);
            }
            Output::Terminate { event, .. } => {
                let run = self
                    .running
                    .remove(event)
                    .expect("only what runs is terminated");
                let age_ms = now.mono.ms_since(run.started_at);
                assert!(age_ms >= self.policy.event_cap_ms, "terminated early");
                self.event_chains
                    .finished(*event, EventOutcome::TimedOut, run.last_chance, now);
                self.failed(&run, now);
            }
            Output::Notify(SyncNotification::Removed { scope, tag, .. }) => {
                let key = (scope.clone(), tag.clone());
                self.promises.remove(&key);
                self.event_chains.removed(&key);
                self.rests.remove(&key);
                let moment = self.next_moment();
                // Its calls have nothing to hold back any more.
                self.calls
                    .retain(|_, call| call.key != key || call.answered_at.is_none());
                let calls = self.calls.values_mut();
                calls
                    .filter(|call| call.key == key)
                    .for_each(|call| call.is_gone = true);
                self.removed.insert(key, moment);
            }
            Output::Store { .. } | Output::CheckPermission { .. } | Output::Notify(_) => {}
        }
    }

    fn answered(&mut self, call: Call, answer: &Answer, now: Now, disk: &Disk) {
        match answer {
            Answer::Dispatched(_) | Answer::Removed(_) | Answer::Unregistered(_) => {
                assert!(
                    self.embedder_calls.remove(&call).is_some(),
                    "answered twice"
                );
            }
            Answer::Tags(_) => assert!(self.tag_calls.remove(&call), "answered twice"),
            Answer::Registered(Err(_)) => {
                let refused = self.calls.remove(&call).expect("answered once");
                self.event_chains.refused(&refused.key);
            }
            Answer::Registered(Ok(())) => {
                let entry = self.calls.get_mut(&call).expect("answered once");
                let key = entry.key.clone();
                let after = entry.moment;
                assert_eq!(entry.answered_at, None, "answered twice");
                entry.answered_at = Some(now.mono);
                if entry.is_gone {
                    self.calls.remove(&call);
                }
                let removed = self.removed.get(&key).is_some_and(|&moment| moment > after);
                if !removed {
                    assert!(is_stored(disk, &key), "resolved before it is durable");
                    let promise = self.promises.entry(key).or_insert(Promise { after });
                    promise.after = promise.after.max(after);
                }
            }
        }
    }

    fn dispatched(&mut self, event: EventId, run: Running, now: Now, disk: &Disk) {
        let stored = disk
            .records
            .get(&run.registration)
            .expect("what fires is stored");
        assert_eq!(
            stored.state,
            RegistrationState::Firing,
            "recorded before dispatch"
        );
        assert!(
            stored.attempts >= run.attempt,
            "the attempt is recorded before dispatch"
        );
        let most = self.policy.max_attempts;
        assert!(
            most.is_none_or(|most| run.attempt <= most.get()),
            "too many attempts"
        );
        assert_eq!(
            run.last_chance,
            most.is_some_and(|most| run.attempt == most.get())
        );
        let requested = self.is_requested(&run.key);
        assert!(
            requested || !self.parked.contains(&run.key.0),
            "no event without a worker"
        );
        if let Some(rest) = self.rests.remove(&run.key) {
            assert!(now.mono >= rest.until, "a retry that comes too early");
        }
        let twice = self
            .running
            .values()
            .any(|other| other.registration == run.registration);
        assert!(!twice, "two events of one registration at once");
        let key = self
            .seen_ids
            .entry(run.registration)
            .or_insert_with(|| run.key.clone());
        assert_eq!(*key, run.key, "an id used twice");
        self.promises_are_resolved_before(&run.key, now);
        self.event_chains
            .dispatched(event, &run.key, run.attempt, requested, now);
        self.running.insert(event, run);
        let origin = |run: &Running| run.key.0.origin.clone();
        let origins: Vec<Origin> = self
            .running
            .values()
            .filter(|run| !run.requested)
            .map(origin)
            .collect();
        let most = self.policy.max_events_per_origin.get() as usize;
        for origin in &origins {
            let of_origin = origins.iter().filter(|other| *other == origin).count();
            assert!(requested || of_origin <= most);
        }
        assert!(requested || origins.len() <= self.policy.max_events_in_all.get() as usize);
    }

    /// No event before the promise of its `register()`, but for the limit on waiting for that.
    fn promises_are_resolved_before(&mut self, key: &Key, now: Now) {
        let of_key = |call: &&RegisterCall| call.key == *key;
        let open: Vec<_> = self.calls.values().filter(of_key).collect();
        let limit_ms = self.policy.acknowledge_limit_ms;
        let may_fire = |call: &RegisterCall| {
            call.is_gone
                || call
                    .answered_at
                    .is_some_and(|at| now.mono >= at.after_ms(limit_ms))
        };
        for call in open {
            assert!(
                may_fire(call),
                "an event before its promise: {key:?} {call:?}"
            );
        }
        self.calls
            .retain(|_, call| call.key != *key || call.answered_at.is_none());
    }
}
