//! What the embedder asks of the manager.

use std::collections::HashMap;

use background_sync_core::{
    Answer, Call, DispatchError, EventOutcome, Now, RemoveError, SyncNotification,
};
use background_sync_traits::SyncClient;
use crossbeam_channel::Sender;

use crate::clock;
use crate::control::ControlMessage;
use crate::manager::{Flow, Manager};

/// Answers that are on their way to the embedder.
#[derive(Default)]
pub(crate) struct EmbedderCalls {
    dispatches: HashMap<Call, Sender<Result<EventOutcome, DispatchError>>>,
    removals: HashMap<Call, Sender<Result<u64, RemoveError>>>,
}

impl EmbedderCalls {
    /// Returns the answer if it is for somebody else.
    pub fn answer(&mut self, call: Call, answer: Answer) -> Option<Answer> {
        match answer {
            Answer::Dispatched(result) => {
                if let Some(reply) = self.dispatches.remove(&call) {
                    let _ = reply.send(result);
                }
                None
            }
            Answer::Removed(result) => {
                if let Some(reply) = self.removals.remove(&call) {
                    let _ = reply.send(result);
                }
                None
            }
            answer => Some(answer),
        }
    }

    pub fn refuse_all(&mut self) {
        for (_, reply) in self.dispatches.drain() {
            let _ = reply.send(Err(DispatchError::ShuttingDown));
        }
        for (_, reply) in self.removals.drain() {
            let _ = reply.send(Err(RemoveError::ShuttingDown));
        }
    }
}

impl<C: SyncClient> Manager<C> {
    pub(crate) fn handle_control(&mut self, now: Now, message: ControlMessage) -> Flow {
        // Whoever asked and does not wait for the answer any more has no use for it.
        match message {
            ControlMessage::Shutdown => return Flow::Stop,
            ControlMessage::Connectivity(connectivity) => {
                self.scheduler.handle_connectivity(now, connectivity);
            }
            ControlMessage::List(reply) => {
                let _ = reply.send(self.scheduler.list(now).collect());
            }
            ControlMessage::Why {
                api,
                scope,
                tag,
                reply,
            } => {
                // What has happened before is in the journal.
                self.carry_out(now);
                let why = self.scheduler.explain(now, api, &scope, &tag);
                let _ = reply.send(self.journal.report(why, api, &scope, &tag));
            }
            ControlMessage::DispatchNow {
                api,
                scope,
                tag,
                reply,
            } => {
                let call = self.clients.next_call();
                self.embedder_calls.dispatches.insert(call, reply);
                self.scheduler
                    .handle_dispatch_now(now, call, api, &scope, &tag);
            }
            ControlMessage::Unregister {
                api,
                scope,
                tag,
                reply,
            } => {
                let call = self.clients.next_call();
                self.embedder_calls.removals.insert(call, reply);
                self.scheduler
                    .handle_unregister(now, call, api, &scope, &tag);
            }
            ControlMessage::Clear { what, reply } => {
                let call = self.clients.next_call();
                self.embedder_calls.removals.insert(call, reply);
                self.scheduler
                    .handle_clear(now, call, |scope| what.chooses(scope));
                // What was removed must not stay in the history either.
                self.carry_out(now);
                self.journal.clear(|scope| what.chooses(scope));
                self.outbox.lazy_since.get_or_insert(now.mono);
            }
            ControlMessage::NextWakeup(reply) => {
                let deadline = self.next_deadline().into_iter();
                let deadline = deadline.chain(self.scheduler.next_due(now)).min();
                let _ = reply.send(deadline.map(|at| clock::sleep_until(at, now.mono)));
            }
            ControlMessage::ExtraInterval { origin, extra } => {
                self.scheduler.handle_extra_interval(now, &origin, extra);
            }
            ControlMessage::Revoked { origin, name } => {
                self.scheduler.handle_permission_revoked(now, &origin, name);
            }
            ControlMessage::Journal { query, reply } => {
                self.carry_out(now);
                let _ = reply.send(self.journal.list(&query));
            }
            ControlMessage::Subscribe(reply) => {
                let _ = reply.send(self.journal.subscribe());
            }
        }
        Flow::Continue
    }

    /// Tells whoever watches, and the journal.
    pub(crate) fn notify(&mut self, now: Now, notification: SyncNotification) {
        if self.ending {
            return;
        }
        self.embedder.notify(&notification);
        self.journal.add(now.wall, notification);
        self.outbox.lazy_since.get_or_insert(now.mono);
    }
}
