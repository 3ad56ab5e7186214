//! Answers to `register()` that wait until the worker is stored: from then on, the sync fires also after a restart with
//! no page open.

use std::collections::HashMap;

use background_sync_core::{Answer, Call, Now, ScopeKey, StoreFault};
use background_sync_traits::SyncClient;

use crate::manager::Manager;
use crate::workers::FromWorkers;

/// Calls whose registrations are stored, but not yet what it takes to start their workers.
#[derive(Default)]
pub(crate) struct HeldAnswers(HashMap<ScopeKey, Vec<Call>>);

impl<C: SyncClient> Manager<C> {
    /// Sends the scheduler's answer, now or once the worker is stored and what its origin has committed is durable.
    pub(crate) fn answer_client(&mut self, now: Now, call: Call, answer: Answer) {
        let Some(answer) = self.pass_barrier(now, call, answer) else {
            return;
        };
        if answer == Answer::Registered(Ok(()))
            && let Some(scope) = self.clients.scope(call)
            && self.workers.is_being_put(scope)
        {
            self.held.0.entry(scope.clone()).or_default().push(call);
            return;
        }
        for call in self.clients.answer(call, answer).acknowledged {
            self.scheduler.handle_acknowledged(now, call);
        }
    }

    pub(crate) fn handle_from_workers(&mut self, now: Now, news: FromWorkers) {
        match news {
            // The registrations are kept also if the worker is not: they fire once its page is opened.
            FromWorkers::PutDone { scope } => {
                if self.workers.handle_put_done(&scope)
                    && let Some(calls) = self.held.0.remove(&scope)
                {
                    self.answer_held(now, calls);
                }
            }
            FromWorkers::Revived { scope, worker } => self.engine.start_worker(&scope, worker),
            FromWorkers::Cleared { call, result } => {
                self.embedder_calls.handle_workers_cleared(call, result);
            }
        }
    }

    /// The thread that keeps workers has ended.
    pub(crate) fn handle_workers_gone(&mut self, now: Now) {
        self.answer_all_held(now);
        let fault = StoreFault::failed("the thread that keeps them has ended");
        self.embedder_calls.handle_workers_gone(&fault);
    }

    /// No worker will be stored any more.
    pub(crate) fn answer_all_held(&mut self, now: Now) {
        self.workers.give_up_puts();
        let held = std::mem::take(&mut self.held.0);
        self.answer_held(now, held.into_values().flatten());
    }

    fn answer_held(&mut self, now: Now, calls: impl IntoIterator<Item = Call>) {
        for call in calls {
            self.answer_client(now, call, Answer::Registered(Ok(())));
        }
    }
}
