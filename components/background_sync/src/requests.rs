//! What the embedder asks of the manager.

use background_sync_core::{Durability, Now, RemoveError, StoreFault, SyncNotification};
use background_sync_traits::SyncClient;
use crossbeam_channel::Sender;

use crate::control::{Change, ControlMessage};
use crate::manager::{Flow, Manager};
use crate::{Clear, clock};

impl<C: SyncClient> Manager<C> {
    pub(crate) fn handle_control(&mut self, now: Now, message: ControlMessage) -> Flow {
        // Whoever asked and does not wait for the answer any more has no use for it.
        match message {
            ControlMessage::Shutdown => return Flow::Stop,
            ControlMessage::Connectivity(connectivity) => {
                self.scheduler.handle_connectivity(now, connectivity);
            }
            ControlMessage::List(reply) => {
                // Without one, none is known.
                let _ = self.need_store(now);
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
            ControlMessage::Change(change) => match self.need_store(now) {
                Ok(()) => self.change(now, change),
                Err(fault) => self.defer(change, fault),
            },
            ControlMessage::NextWakeup(reply) => {
                let deadline = self.next_deadline().into_iter();
                let deadline = deadline.chain(self.scheduler.next_due(now)).min();
                let _ = reply.send(deadline.map(|at| clock::sleep_until(at, now.mono)));
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

    /// With an open store.
    pub(crate) fn change(&mut self, now: Now, change: Change) {
        match change {
            Change::DispatchNow {
                api,
                scope,
                tag,
                reply,
            } => {
                let call = self.clients.next_call();
                self.embedder_calls.dispatch(call, reply);
                self.scheduler
                    .handle_dispatch_now(now, call, api, &scope, &tag);
            }
            Change::Unregister {
                api,
                scope,
                tag,
                reply,
            } => {
                let call = self.clients.next_call();
                self.embedder_calls.remove(call, reply);
                self.scheduler
                    .handle_unregister(now, call, api, &scope, &tag);
            }
            Change::Clear { what, reply } => self.clear(now, what, reply),
            Change::ExtraInterval { origin, extra } => {
                self.scheduler.handle_extra_interval(now, &origin, extra);
            }
            Change::Revoked { origin, name } => {
                self.scheduler.handle_permission_revoked(now, &origin, name);
            }
            Change::WorkerUnregistered(scope) => {
                self.scheduler.handle_worker_unregistered(now, &scope);
            }
        }
    }

    /// Registrations, their history and the scripts of their workers go; answered when all of them have.
    fn clear(&mut self, now: Now, what: Clear, reply: Sender<Result<u64, RemoveError>>) {
        let call = self.clients.next_call();
        self.embedder_calls.clear(call, reply);
        self.scheduler
            .handle_clear(now, call, |scope| what.chooses(scope));
        // What is told of the removal must not stay in the history either.
        self.carry_out_decisions(now);
        self.journal.clear(|scope| what.chooses(scope));
        let batch = self.send_all(Durability::Strict);
        self.embedder_calls.set_history_batch(call, batch);
        if !self.workers.clear(what, call) {
            let gone = Err(StoreFault::failed("the thread that keeps them has ended"));
            self.embedder_calls.handle_workers_cleared(call, gone);
        }
    }

    /// Tells whoever watches, and the journal.
    pub(crate) fn notify(&mut self, now: Now, notification: SyncNotification) {
        if self.ending {
            return;
        }
        self.news.push(notification.clone());
        self.journal.add(now.wall, notification);
        self.outbox.commit_soon(now.mono);
    }
}
