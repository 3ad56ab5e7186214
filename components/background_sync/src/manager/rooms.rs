use background_sync_core::{Call, Now, SyncNotification, SyncScheduler};
use background_sync_traits::SyncClient;

use crate::edge::{Admission, Clients};
use crate::embedder::{EmbedderAnswers, Journal, Notifier};
use crate::engine::Engine;
use crate::storage::{Committer, Workers};

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

    /// These promises are resolved, or nobody will see that they are.
    pub fn resolve(&mut self, now: Now, calls: impl IntoIterator<Item = Call>) {
        for call in calls {
            self.scheduler.handle_acknowledged(now, call);
        }
    }
}
