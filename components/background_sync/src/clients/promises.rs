//! Promises that are answered, but not known to be resolved.

use background_sync_core::Call;
use background_sync_traits::{CallId, ConnectionId, SyncClient};

use super::Clients;
use crate::limits::{MAX_CALLS_IN_ALL, MAX_CALLS_PER_CONNECTION, Misbehaviour};

impl<C: SyncClient> Clients<C> {
    /// A promise too many that is not known to be resolved counts as resolved.
    pub(super) fn forget_oldest_promise(&mut self, id: ConnectionId) -> Vec<Call> {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Vec::new();
        };
        if connection.unacknowledged.len() <= MAX_CALLS_PER_CONNECTION
            && self.unacknowledged <= MAX_CALLS_IN_ALL
        {
            return Vec::new();
        }
        let oldest = connection.unacknowledged.pop_front();
        self.unacknowledged -= usize::from(oldest.is_some());
        oldest.into_iter().map(|(_, call)| call).collect()
    }

    /// A promise was resolved.
    pub fn acknowledge(
        &mut self,
        id: ConnectionId,
        call: CallId,
    ) -> Result<Option<Call>, Misbehaviour> {
        let connection = self
            .connections
            .get_mut(&id)
            .ok_or(Misbehaviour::UnknownConnection)?;
        let position = connection
            .unacknowledged
            .iter()
            .position(|(other, _)| *other == call);
        let found = position.and_then(|position| connection.unacknowledged.remove(position));
        self.unacknowledged -= usize::from(found.is_some());
        Ok(found.map(|(_, call)| call))
    }
}
