//! Events that the embedder asks for.

use super::SyncScheduler;
use super::state::{DispatchRequest, RegKey, Timer, WaitBefore, WorkerWait};
use crate::{
    Answer, Call, DispatchError, EventOutcome, Now, RegistrationState, ScopeKey, SyncApi, Tag,
};

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
        let request = self.dispatch_requests.entry(key).or_default();
        request.calls.push(call);
        if registration.event.is_none() {
            if let Some(due) = registration.due {
                let state = registration.state;
                request.before = Some(WaitBefore { state, due });
            }
            self.dispatch_now(now, key);
        }
        self.fill_slots(now);
    }

    fn dispatch_now(&mut self, now: Now, key: RegKey) {
        self.stop_waiting_for_worker(key);
        if let Some(registration) = self.tables.get_mut(key) {
            registration.state = RegistrationState::Pending;
        }
        self.set_due(key, None);
        self.set_interval(key, None);
        self.leave_wake_up(key);
        self.ask_and_prepare(now, key);
        self.store_attempt(key);
    }

    /// Whether the embedder asked for this registration's next event.
    pub(super) fn is_requested(&self, key: RegKey) -> bool {
        self.dispatch_requests.contains_key(&key)
    }

    /// Answers who asked for a registration's event.
    pub(super) fn answer_dispatch_requests(
        &mut self,
        key: RegKey,
        result: &Result<EventOutcome, DispatchError>,
    ) {
        self.stop_waiting_for_worker(key);
        let Some(request) = self.dispatch_requests.remove(&key) else {
            return;
        };
        for call in request.calls {
            self.answer(call, Answer::Dispatched(result.clone()));
        }
    }

    /// The embedder's wish can't be fulfilled now, and is not made up for later: the registration waits
    /// for what it waited for.
    pub(super) fn give_up_dispatch_request(&mut self, key: RegKey) {
        let Some(DispatchRequest { before, .. }) = self.dispatch_requests.get(&key) else {
            return;
        };
        let before = *before;
        self.answer_dispatch_requests(key, &Err(DispatchError::NotNow));
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        if registration.kind.cycle().is_some() && registration.attempts == 0 {
            return self.wait_for_interval(key);
        }
        if let Some(WaitBefore { state, due }) = before {
            registration.state = state;
            self.set_due(key, Some(due));
        }
    }

    /// There was no worker for what the embedder asked for. One may be on its way, once.
    pub(super) fn wait_for_worker(&mut self, now: Now, key: RegKey) {
        let until = now.mono.after_ms(self.policy.worker_start_limit_ms);
        match self.dispatch_requests.get_mut(&key) {
            Some(request) if matches!(request.worker, WorkerWait::NotYet) => {
                request.worker = WorkerWait::Until(until);
                self.timers.insert((until, Timer::Worker(key)));
            }
            _ => self.give_up_dispatch_request(key),
        }
    }

    fn stop_waiting_for_worker(&mut self, key: RegKey) {
        if let Some(request) = self.dispatch_requests.get_mut(&key)
            && let WorkerWait::Until(until) = request.worker
        {
            request.worker = WorkerWait::Over;
            self.timers.remove(&(until, Timer::Worker(key)));
        }
    }

    /// There is a worker again.
    pub(super) fn dispatch_if_requested(&mut self, now: Now, key: RegKey) {
        let idle = self.tables.get(key).is_some_and(|registration| {
            registration.state == RegistrationState::Pending && registration.event.is_none()
        });
        if idle && self.is_requested(key) {
            self.dispatch_now(now, key);
        }
    }
}
