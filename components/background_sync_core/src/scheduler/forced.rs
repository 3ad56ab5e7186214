//! Events that the embedder asks for.

use super::registration::{Due, RegKey};
use super::{SyncScheduler, Timer};
use crate::{
    Answer, Call, DispatchError, EventOutcome, MonoTime, Now, RegistrationState, ScopeKey, SyncApi,
    Tag,
};

/// A registration whose next event somebody waits for.
#[derive(Debug, Default)]
pub(super) struct Forced {
    pub calls: Vec<Call>,
    /// What it waited for: it goes back to that if its event can't be fired.
    before: Option<Before>,
    worker: WorkerWait,
}

/// Whether there was no worker.
#[derive(Clone, Copy, Debug, Default)]
enum WorkerWait {
    /// Nobody knows yet.
    #[default]
    NotYet,
    /// There was none. It waits for one until then.
    Until(MonoTime),
    /// It has waited, and tries again.
    Over,
}

#[derive(Clone, Copy, Debug)]
struct Before {
    state: RegistrationState,
    due: Due,
}

impl SyncScheduler {
    /// Fires a registration's event now, whatever it waits for: the network, its back-off, its
    /// interval, its turn. Answered with [`Answer::Dispatched`] when the event is over; if one runs
    /// already, with that one's outcome. What follows the event is as always: of what repeats, the
    /// next interval, its own and its origin's, begins now. Other origins wait no longer for it.
    ///
    /// Without an active worker it waits for one: after a restart, the event is what starts it.
    pub fn handle_dispatch_now(
        &mut self,
        now: Now,
        call: Call,
        api: SyncApi,
        scope: &ScopeKey,
        tag: &Tag,
    ) {
        let key = self.tables.find_in(api, scope, tag);
        let registration = key.and_then(|key| self.tables.get_mut(key));
        let (Some(key), Some(registration)) = (key, registration) else {
            return self.answer(call, Answer::Dispatched(Err(DispatchError::NotRegistered)));
        };
        if !registration.is_durable() {
            return self.answer(call, Answer::Dispatched(Err(DispatchError::NotRegistered)));
        }
        let forced = self.forced.entry(key).or_default();
        forced.calls.push(call);
        if registration.event.is_none() {
            if let Some(due) = registration.due.as_deref().copied() {
                let state = registration.state;
                forced.before = Some(Before { state, due });
            }
            self.force(now, key);
        }
        self.settle(now);
    }

    fn force(&mut self, now: Now, key: RegKey) {
        self.stop_waiting_for_worker(key);
        if let Some(registration) = self.tables.get_mut(key) {
            registration.state = RegistrationState::Pending;
        }
        self.set_due(key, None);
        self.set_interval(key, None);
        self.leave_pass(key);
        self.ask_and_prepare(now, key);
        self.store_attempt(key);
    }

    /// Whether the embedder asked for this registration's next event.
    pub(super) fn is_forced(&self, key: RegKey) -> bool {
        self.forced.contains_key(&key)
    }

    /// Answers who asked for a registration's event.
    pub(super) fn answer_forced(
        &mut self,
        key: RegKey,
        result: &Result<EventOutcome, DispatchError>,
    ) {
        self.stop_waiting_for_worker(key);
        let Some(forced) = self.forced.remove(&key) else {
            return;
        };
        for call in forced.calls {
            self.answer(call, Answer::Dispatched(result.clone()));
        }
    }

    /// The embedder's wish can't be fulfilled now, and is not made up for later: the registration waits
    /// for what it waited for.
    pub(super) fn give_up_forced(&mut self, key: RegKey) {
        let Some(Forced { before, .. }) = self.forced.get(&key) else {
            return;
        };
        let before = *before;
        self.answer_forced(key, &Err(DispatchError::NotNow));
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        if registration.kind.cycle().is_some() && registration.attempts == 0 {
            return self.wait_for_interval(key);
        }
        if let Some(Before { state, due }) = before {
            registration.state = state;
            self.set_due(key, Some(due));
        }
    }

    /// There was no worker for what the embedder asked for. One may be on its way, once.
    pub(super) fn wait_for_worker(&mut self, now: Now, key: RegKey) {
        let until = now.mono.after_ms(self.policy.worker_start_limit_ms);
        match self.forced.get_mut(&key) {
            Some(forced) if matches!(forced.worker, WorkerWait::NotYet) => {
                forced.worker = WorkerWait::Until(until);
                self.timers.insert((until, Timer::Worker(key)));
            }
            _ => self.give_up_forced(key),
        }
    }

    fn stop_waiting_for_worker(&mut self, key: RegKey) {
        if let Some(forced) = self.forced.get_mut(&key)
            && let WorkerWait::Until(until) = forced.worker
        {
            forced.worker = WorkerWait::Over;
            self.timers.remove(&(until, Timer::Worker(key)));
        }
    }

    /// There is a worker again.
    pub(super) fn fire_if_forced(&mut self, now: Now, key: RegKey) {
        let idle = self.tables.get(key).is_some_and(|registration| {
            registration.state == RegistrationState::Pending && registration.event.is_none()
        });
        if idle && self.is_forced(key) {
            self.force(now, key);
        }
    }
}
