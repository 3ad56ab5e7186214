//! The calls of one connection take effect in order. They do so even if the connection ends meanwhile.

use std::collections::{HashMap, VecDeque};

use background_sync_core::Call;

use super::delivery::ConnectionKey;

/// Only of connections for which the engine is being asked.
#[derive(Default)]
pub(crate) struct CallOrder(HashMap<ConnectionKey, Queue>);

/// Calls of one connection that must not overtake each other.
#[derive(Default)]
struct Queue {
    /// Calls for which the engine is being asked.
    asking: usize,
    /// Calls behind those: first one that the engine is not asked for, then any.
    behind: VecDeque<Behind>,
}

struct Behind {
    call: Call,
    needs_engine: bool,
}

impl CallOrder {
    /// The engine is being asked for a call.
    pub fn asking(&mut self, connection: ConnectionKey) {
        self.0.entry(connection).or_default().asking += 1;
    }

    /// Returns whether a call has to wait, so that it sees the calls before it. Those that the engine is asked for don't
    /// wait for each other.
    pub fn waits_behind(
        &mut self,
        connection: ConnectionKey,
        call: Call,
        needs_engine: bool,
    ) -> bool {
        let Some(queue) = self.0.get_mut(&connection) else {
            return false;
        };
        let waits = !needs_engine || !queue.behind.is_empty();
        if waits {
            queue.behind.push_back(Behind { call, needs_engine });
        }
        waits
    }

    /// The engine has answered.
    pub fn asked(&mut self, connection: ConnectionKey) {
        if let Some(queue) = self.0.get_mut(&connection) {
            queue.asking = queue.asking.saturating_sub(1);
        }
    }

    /// The next call that need not wait any more.
    pub fn next_behind(&mut self, connection: ConnectionKey) -> Option<Call> {
        let queue = self.0.get_mut(&connection)?;
        match queue.behind.front() {
            None if queue.asking == 0 => {
                self.0.remove(&connection);
                None
            }
            // Those that the engine is asked for go together.
            Some(next) if queue.asking == 0 || next.needs_engine => {
                queue.behind.pop_front().map(|next| next.call)
            }
            _ => None,
        }
    }
}
