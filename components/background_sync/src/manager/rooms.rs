//! The rooms that the manager routes between.

use background_sync_core::{
    Call, Connectivity, Durability, MonoTime, Now, StoreOp, SyncNotification, SyncScheduler,
    Unavailability, Urgency,
};
use background_sync_store::FileSetAside;
use background_sync_traits::SyncClient;

use crate::edge::{Admission, Clients, Hindrance};
use crate::embedder::{EmbedderAnswers, Journal, Notifier, View};
use crate::engine::Engine;
use crate::storage::{Committed, Committer, Due, NotStored, Others, Workers};

/// What the manager brings together. Each has its data to itself.
pub(super) struct Rooms<C: SyncClient> {
    pub scheduler: SyncScheduler,
    pub engine: Box<dyn Engine>,
    pub admission: Admission,
    pub clients: Clients<C>,
    pub store: Committer,
    pub workers: Workers,
    pub journal: Journal,
    pub notifier: Notifier,
    pub embedder_answers: EmbedderAnswers,
}

impl<C: SyncClient> Rooms<C> {
    /// Tells whoever watches, and the journal.
    pub fn notify(&mut self, now: Now, notification: SyncNotification) {
        if self.notifier.add(&notification) {
            self.journal.add(now.wall, notification);
            self.store.commit_soon(now.mono);
        }
    }

    /// The same in this order.
    pub fn notify_all(&mut self, now: Now, notifications: Vec<SyncNotification>) {
        for notification in notifications {
            self.notify(now, notification);
        }
    }

    /// These promises are resolved, or nobody will see that they are.
    pub fn resolve(&mut self, now: Now, calls: impl IntoIterator<Item = Call>) {
        for call in calls {
            self.scheduler.handle_acknowledged(now, call);
        }
    }

    /// What a query is answered from.
    pub fn view(&mut self, now: Now, deadline: Option<MonoTime>) -> View<'_> {
        View {
            now,
            scheduler: &self.scheduler,
            journal: &mut self.journal,
            deadline,
        }
    }

    /// Has committed what is due; `urgency` is that of what was added.
    pub fn commit_due(&mut self, now: Now, urgency: Urgency) {
        match self.store.due(now.mono, urgency) {
            Due::Nothing => {}
            Due::Operations => self.store.commit_operations(self.journal.has_news()),
            Due::All(durability) => drop(self.commit_all(durability)),
        }
    }

    /// Returns the number of the batch, if there is something.
    pub fn commit_all(&mut self, durability: Durability) -> Option<u64> {
        let journal = self.journal.take_update();
        self.store.commit(durability, journal)
    }

    pub fn handle_committed(&mut self, now: Now, committed: Committed) {
        for (ticket, result) in committed.results {
            match result {
                // The scheduler has not waited for this: it is lost when the browser ends.
                Err(NotStored { op, fault }) if self.store.answers_early(&op) => {
                    if let StoreOp::Put(record) = *op {
                        let failed = SyncNotification::StorageFailed {
                            api: record.kind.api(),
                            scope: record.scope,
                            tag: record.tag,
                            fault,
                        };
                        self.notify(now, failed);
                    }
                }
                result => {
                    let result = result.map_err(|not_stored| not_stored.fault);
                    self.scheduler.handle_stored(now, ticket, result);
                }
            }
        }
        if let Some(FileSetAside { path, records }) = committed.set_aside {
            let file = Some(path.display().to_string());
            self.notify(now, SyncNotification::SetAside { records, file });
        }
        let Some(done) = committed.done else { return };
        self.store.handle_done(now.mono, &done);
        if let Err(fault) = &done.journal {
            log::warn!("entries of the journal could not be stored yet: {fault}");
            self.journal.save_again();
        }
        let answers = &mut self.embedder_answers;
        answers.handle_history_stored(done.batch, &done.journal);
    }

    /// Nothing is dispatched or told any more.
    pub fn begin_end(&mut self, now: Now) {
        self.notifier.end();
        let offline = Connectivity::Offline;
        self.scheduler.handle_connectivity(now, offline);
        // What is relaxed is not lost by an orderly end.
        self.store.flush_by(now.mono);
    }

    /// Has everything committed by the store's thread. Returns whether to wait for that.
    pub fn commit_last(&mut self) -> bool {
        self.commit_all(Durability::Strict);
        self.store.write_held(Others::Waiting);
        self.scheduler.usage().store_operations > 0 || self.embedder_answers.wait_for_history()
    }

    /// Every call is answered.
    pub fn end(&mut self) {
        let end = Hindrance::Unavailable(Unavailability::ShuttingDown);
        self.clients.refuse_all(end);
        self.embedder_answers.refuse_all();
    }
}
