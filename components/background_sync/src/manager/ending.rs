//! What the manager does at the end.

use background_sync_core::{Connectivity, Durability, Now, Unavailability};
use background_sync_traits::SyncClient;

use super::Manager;
use crate::edge::Hindrance;
use crate::storage::Others;

/// The end, in this order.
impl<C: SyncClient> Manager<C> {
    /// Whether the ends of events wait for their data: what was done is not done again.
    pub(super) fn waits_for_data(&self) -> bool {
        self.calls.holds_events()
    }

    /// Nothing is dispatched or told any more.
    pub(super) fn begin_end(&mut self, now: Now) {
        let rooms = &mut self.calls.rooms;
        rooms.notifier.end();
        let offline = Connectivity::Offline;
        rooms.scheduler.handle_connectivity(now, offline);
        // What is relaxed is not lost by an orderly end.
        rooms.store.flush_by(now.mono);
    }

    /// Has everything committed. Returns whether to wait for that.
    pub(super) fn commit_last(&mut self, now: Now) -> bool {
        if self.calls.rooms.store.is_closed() {
            return false;
        }
        self.carry_out_decisions(now);
        let rooms = &mut self.calls.rooms;
        rooms.commit_all(Durability::Strict);
        rooms.store.write_held(Others::Some);
        let operations = rooms.scheduler.usage().store_operations;
        operations > 0 || rooms.embedder_answers.wait_for_history()
    }

    pub(super) fn waits_for_workers(&self) -> bool {
        self.calls.rooms.embedder_answers.wait_for_workers()
    }

    /// Every call is answered.
    pub(super) fn end(&mut self, now: Now) {
        for (token, scope) in self.events.drain() {
            self.calls.rooms.engine.terminate(token, &scope);
        }
        self.answer_without_workers(now);
        let end = Hindrance::Unavailable(Unavailability::ShuttingDown);
        self.calls.rooms.clients.refuse_all(end);
        self.calls.rooms.embedder_answers.refuse_all();
    }
}
