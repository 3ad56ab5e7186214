//! Calls of one connection see each other's effects, in their order.

use std::collections::VecDeque;

use background_sync_core::Call;
use background_sync_traits::SyncClient;

use super::{Clients, Serial};
use crate::calls::needs_engine;

/// Calls of one connection that must not overtake each other. They are carried out also if the
/// connection ends meanwhile.
#[derive(Default)]
pub(super) struct Queue {
    /// Calls for which the engine is being asked.
    asking: usize,
    /// Calls behind those: first one that the engine is not asked for, then any.
    behind: VecDeque<Call>,
}

/// Names the queue of a connection, also of one that has ended.
#[derive(Clone, Copy)]
pub(crate) struct Behind(Serial);

impl<C: SyncClient> Clients<C> {
    /// The engine is being asked for this call.
    pub fn asking(&mut self, call: Call) {
        if let Some(route) = self.routes.get(&call) {
            self.queues.entry(route.serial).or_default().asking += 1;
        }
    }

    /// Returns whether a call has to wait, so that it sees the calls before it. Those that the engine is asked for don't
    /// wait for each other.
    pub fn waits_behind(&mut self, call: Call, engine_is_asked: bool) -> bool {
        let serial = self.routes.get(&call).map(|route| route.serial);
        let Some(queue) = serial.and_then(|serial| self.queues.get_mut(&serial)) else {
            return false;
        };
        let waits = !engine_is_asked || !queue.behind.is_empty();
        if waits {
            queue.behind.push_back(call);
        }
        waits
    }

    /// The engine has answered.
    pub fn asked(&mut self, call: Call) -> Option<Behind> {
        let serial = self.routes.get(&call)?.serial;
        let queue = self.queues.get_mut(&serial)?;
        queue.asking = queue.asking.saturating_sub(1);
        Some(Behind(serial))
    }

    /// The next call that need not wait any more.
    pub fn next_behind(&mut self, behind: Behind) -> Option<Call> {
        let queue = self.queues.get_mut(&behind.0)?;
        let is_for_the_engine = |call: &Call| {
            self.routes
                .get(call)
                .is_some_and(|route| needs_engine(&route.request))
        };
        match queue.behind.front() {
            None if queue.asking == 0 => {
                self.queues.remove(&behind.0);
                None
            }
            // Those that the engine is asked for go together.
            Some(call) if queue.asking == 0 || is_for_the_engine(call) => queue.behind.pop_front(),
            _ => None,
        }
    }
}
