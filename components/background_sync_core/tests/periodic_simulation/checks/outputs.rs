//! What must hold of each decision.

use background_sync_core::*;

use super::{Checks, Key, Running, Wish, holds, record_repeats};
use crate::parts::Disk;

impl Checks {
    pub fn output(&mut self, output: &Output, now: Now, sun: u64, online: bool, disk: &Disk) {
        match output {
            Output::Answer { call, answer } => self.answered(*call, answer, disk),
            Output::Dispatch {
                event,
                registration,
                scope,
                tag,
                kind,
                last_chance,
                attempt,
            } => {
                let data = match kind {
                    EventKind::Explainer { data } => Some(data.as_str().parse().unwrap()),
                    _ => None,
                };
                let api = data.map_or(SyncApi::Periodic, |_| SyncApi::Explainer);
                let run = Running {
                    key: (api, scope.clone(), tag.clone()),
                    registration: *registration,
                    data,
                    repeats: record_repeats(&disk.records[registration]),
                    last_chance: *last_chance,
                    started_at: now.mono,
                    orphaned: false,
                    before: Vec::new(),
                };
                self.dispatched(*event, run, *attempt, sun, online, disk);
            }
            Output::Terminate { event, .. } => self.finished(*event, EventOutcome::TimedOut),
            // The other one goes on; which it is nobody knows.
            Output::Notify(SyncNotification::Removed {
                api,
                scope,
                tag,
                reason: RemovalReason::StoredTwice,
            }) => {
                let key = (*api, scope.clone(), tag.clone());
                self.may_be.insert(key, vec![Wish::UNKNOWN]);
            }
            Output::Notify(SyncNotification::Removed {
                api, scope, tag, ..
            }) => {
                let key = (*api, scope.clone(), tag.clone());
                self.promises.remove(&key);
                self.may_be.remove(&key);
                self.removed.insert(key.clone());
                self.made_up_for.remove(&key);
                // Whoever is answered later is answered for something that is gone.
                let calls = self.calls.values_mut();
                calls
                    .filter(|(other, _)| *other == key)
                    .for_each(|(_, wish)| wish.call = 0);
                let running = self.running.values_mut();
                running
                    .filter(|run| run.key == key)
                    .for_each(|run| run.orphaned = true);
            }
            _ => {}
        }
    }

    fn answered(&mut self, call: Call, answer: &Answer, disk: &Disk) {
        match answer {
            Answer::Dispatched(_) => {
                assert!(self.requested.remove(&call).is_some(), "answered twice");
            }
            Answer::Registered(result) => {
                let (key, wish) = self.calls.remove(&call).expect("answered once");
                match result {
                    Ok(()) if wish.call == 0 => {}
                    Ok(()) => {
                        assert!(holds(disk, &key, wish.call), "resolved too early: {key:?}");
                        // A newer one may be on its way, and an older one is over.
                        let may_be = self.may_be.entry(key.clone()).or_default();
                        if may_be.iter().any(|other| other.call == wish.call) {
                            let unknown = |old: &Wish| key.0 == SyncApi::Periodic && old.call == 0;
                            may_be.retain(|old| old.call >= wish.call || unknown(old));
                        }
                        self.promises.insert(key, wish);
                    }
                    Err(_) => {
                        self.refused.insert(call.0);
                        if let Some(may_be) = self.may_be.get_mut(&key) {
                            may_be.retain(|other| other.call != call.0);
                        }
                    }
                }
            }
            _ => assert!(self.other_calls.remove(&call), "answered twice"),
        }
    }

    fn dispatched(
        &mut self,
        event: EventId,
        mut run: Running,
        attempt: u32,
        sun: u64,
        online: bool,
        disk: &Disk,
    ) {
        let stored = &disk.records[&run.registration];
        assert_eq!(stored.state, RegistrationState::Firing, "recorded before");
        assert!(stored.attempts >= attempt, "recorded before");
        let requested = self.requested.values().any(|key| *key == run.key);
        assert!(online || requested, "fires only when online");
        let twice = |other: &Running| other.registration == run.registration;
        assert!(!self.running.values().any(twice), "two events at once");
        if let Some(data) = run.data {
            assert!(!self.refused.contains(&data), "what was refused fires");
            let promise = self.promises.get(&run.key);
            assert!(
                promise.is_none_or(|promise| promise.call <= data),
                "older than what was resolved: {promise:?} {data}"
            );
        }
        if attempt == 1 {
            run.before = self.may_be.get(&run.key).cloned().unwrap_or_default();
            self.first_attempt(&run.key, run.repeats, requested, sun);
        }
        self.dispatched.insert(run.key.clone(), sun);
        let of_origin = |other: &&Running| other.key.1.origin == run.key.1.origin;
        let most = self.policy.max_events_per_origin.get() as usize;
        let others = self.running.values().filter(of_origin).count();
        assert!(
            requested || others < most + self.requested.len(),
            "too many events"
        );
        self.running.insert(event, run);
    }

    fn first_attempt(&mut self, key: &Key, repeats: bool, requested: bool, sun: u64) {
        let origin = key.1.origin.clone();
        let made_up_for = self.made_up_for.remove(key);
        let selected_at = self.selected.get(key).copied();
        let extra = self.extra.get(&origin).copied().unwrap_or_default();
        if !repeats {
            let wishes = self.may_be.get(key).map_or(&[][..], Vec::as_slice);
            let over = |wish: &Wish| wish.repeats || sun - wish.since >= wish.interval_ms;
            let over = wishes.is_empty() || wishes.iter().any(over);
            assert!(
                !self.strict || requested || over,
                "too early: {key:?} {wishes:?}"
            );
            return;
        }
        if !requested && !made_up_for {
            assert!(
                extra != ExtraInterval::Never,
                "suspended, and fires: {key:?}"
            );
        }
        let since = selected_at.unwrap_or(sun);
        if let Some(wishes) = self.may_be.get_mut(key) {
            wishes
                .iter_mut()
                .for_each(|wish| wish.since = wish.since.max(since));
        }
        // What the embedder asks for is no wake-up; the unit tests say what it is.
        if !requested && !made_up_for {
            self.fired.insert(origin, since);
            self.wake_up = self.wake_up.max(Some(since));
        }
    }
}
