//! Calls of one connection see each other's effects, in their order.

use background_sync_core::Call;
use background_sync_traits::{ConnectionId, SyncClient};

use super::Clients;

/// Calls of one connection that must not overtake each other. They are carried out also if the
/// connection ends meanwhile.
#[derive(Default)]
pub(super) struct Queue {
    /// Calls for which the engine is being asked.
    asking: usize,
    /// Calls behind those that the engine is not asked for.
    behind: Vec<Call>,
}

impl<C: SyncClient> Clients<C> {
    /// The engine is being asked for this connection.
    pub fn asking(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get(&id) {
            self.queues.entry(connection.serial).or_default().asking += 1;
        }
    }

    /// Returns whether a call that the engine is not asked for has to wait, so that it sees the calls
    /// before it.
    pub fn waits_behind_register(&mut self, id: ConnectionId, call: Call) -> bool {
        let serial = self
            .connections
            .get(&id)
            .map(|connection| connection.serial);
        match serial.and_then(|serial| self.queues.get_mut(&serial)) {
            Some(queue) => {
                queue.behind.push(call);
                true
            }
            None => false,
        }
    }

    /// The engine has answered; returns the calls that waited for that.
    pub fn asked(&mut self, call: Call) -> Vec<Call> {
        let Some(serial) = self.routes.get(&call).map(|route| route.serial) else {
            return Vec::new();
        };
        let Some(queue) = self.queues.get_mut(&serial) else {
            return Vec::new();
        };
        queue.asking = queue.asking.saturating_sub(1);
        if queue.asking > 0 {
            return Vec::new();
        }
        let queue = self.queues.remove(&serial);
        queue.map_or_else(Vec::new, |queue| queue.behind)
    }
}
