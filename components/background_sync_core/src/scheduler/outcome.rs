//! The end of an event: it is done, will be tried again, or has failed for good.

use super::SyncScheduler;
use super::state::{Event, Phase, RegKey, Timer};
use crate::{
    EventId, EventOutcome, ExtraInterval, NextStep, Now, RegistrationState, ScopeKey,
    SyncNotification,
};

impl SyncScheduler {
    /// What follows a dispatched event, substeps of step 5 of
    /// [fire a sync event](https://wicg.github.io/background-sync/spec/#fire-a-sync-event).
    pub(super) fn finish_event(&mut self, now: Now, id: EventId, outcome: EventOutcome) {
        let running = self.events.get(&id).map(|event| &event.phase);
        let Some(&Phase::Running {
            cap,
            attempt,
            last_chance,
            depth,
        }) = running
        else {
            return;
        };
        let Some(event) = self.events.remove(&id) else {
            return;
        };
        self.timers.remove(&(cap, Timer::Cap(id)));
        self.tables.release_slot(event.origin);
        let key = event.key;
        let was_taken = event.is_bystander && outcome == EventOutcome::WorkerGone;
        let last_chance = last_chance && !(was_taken && self.give_last_chance_back(key));
        if outcome != EventOutcome::NotStarted {
            self.remember_in_chain(now, &event.scope, depth);
            self.answer_dispatch_requests(key, &Ok(outcome));
        }
        if let Some(rollback) = self.rollbacks.get_mut(&key) {
            rollback.after_event(now, attempt, last_chance, outcome);
        }
        // A registration that was removed meanwhile has no outcome.
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        registration.event = None;
        let tag = registration.tag.clone();
        let api = registration.kind.api();
        let next = self.after_event(now, &event, outcome, last_chance);
        self.notify(SyncNotification::Finished {
            api,
            scope: event.scope,
            tag,
            attempt,
            outcome,
            next,
        });
        if next == NextStep::FiresAgain {
            self.notify_if_put_off(now, key);
        }
    }

    /// A last chance that another event has taken is given again. That ends: the other one has used an attempt. What
    /// repeats has another chance anyway.
    fn give_last_chance_back(&mut self, key: RegKey) -> bool {
        let registration = self.tables.get_mut(key);
        let once = registration.filter(|registration| registration.kind.cycle().is_none());
        let (Some(registration), Some(most)) = (once, self.policy.max_attempts) else {
            return false;
        };
        registration.attempts = registration.attempts.min(most.get() - 1);
        true
    }

    /// What becomes of a registration whose event is over.
    fn after_event(
        &mut self,
        now: Now,
        event: &Event,
        outcome: EventOutcome,
        last_chance: bool,
    ) -> NextStep {
        let (key, scope) = (event.key, &event.scope);
        let Some(registration) = self.tables.get_mut(key) else {
            return NextStep::Removed;
        };
        let again = registration.state == RegistrationState::ReregisteredWhileFiring;
        if outcome == EventOutcome::NotStarted {
            return self.nothing_was_fired(now, scope, key, again);
        }
        registration.interruptions = 0;
        if registration.kind.cycle().is_some() {
            return self.periodic_event_finished(now, key, &scope.origin, outcome);
        }
        // Substeps 2.1 and 3.1: registered again meanwhile, so it fires again.
        if again {
            registration.state = RegistrationState::Pending;
            registration.attempts = 0;
            // What replaced it meanwhile may have another time; and so may a link of a chain.
            self.begin_to_wait(now, key);
            self.store_lazily(key);
            self.refresh(key);
            return NextStep::FiresAgain;
        }
        match outcome {
            // Substep 3.2: failed, and may be tried again.
            EventOutcome::Rejected | EventOutcome::WorkerGone | EventOutcome::TimedOut
                if !last_chance =>
            {
                let ms = self.wait_for_retry(now, key);
                self.store_lazily(key);
                NextStep::RetryIn { ms }
            }
            // Substep 2.3, done, or 3.3, failed for good.
            _ => {
                self.remove_lazily(key);
                NextStep::Removed
            }
        }
    }

    /// Not in the specification: there was no active worker.
    fn nothing_was_fired(
        &mut self,
        now: Now,
        scope: &ScopeKey,
        key: RegKey,
        again: bool,
    ) -> NextStep {
        self.give_attempt_back(now, scope, key, again);
        let repeats = self
            .tables
            .get(key)
            .is_some_and(|registration| registration.kind.cycle().is_some());
        if self.is_requested(key) {
            self.wait_for_worker(now, key);
        } else if repeats && self.extra_interval(&scope.origin) == ExtraInterval::Never {
            self.wait_for_interval(key);
        }
        NextStep::Parked
    }
}
