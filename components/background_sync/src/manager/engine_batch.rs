//! What the engine is asked and told in one turn of the manager's loop, brought together: a message for each of thousands of
//! events would cost more than their handlers do.

use std::collections::HashMap;

use background_sync_core::{EventId, Origin, PermissionName, ScopeKey};
use background_sync_traits::{DispatchedEvent, SyncClient};

use super::client_calls::ClientCalls;

/// Events of an origin that need a permission.
struct Check {
    scope: ScopeKey,
    events: Vec<EventId>,
}

#[derive(Default)]
pub(super) struct EngineBatch {
    checks: HashMap<(Origin, PermissionName), Check>,
    events: Vec<DispatchedEvent>,
}

impl EngineBatch {
    /// Whether the event may be dispatched is to be asked.
    pub fn check(&mut self, event: EventId, scope: ScopeKey, name: PermissionName) {
        let check = self.checks.entry((scope.origin.clone(), name));
        let check = check.or_insert_with(|| Check {
            scope,
            events: Vec::new(),
        });
        check.events.push(event);
    }

    /// The event is to be fired.
    pub fn dispatch(&mut self, event: DispatchedEvent) {
        self.events.push(event);
    }

    /// Asks and tells the engine. To be called before it is told anything else.
    pub fn send<C: SyncClient>(&mut self, calls: &ClientCalls<C>) {
        for ((_, name), check) in self.checks.drain() {
            calls.ask_about_events(check.events, &check.scope, name);
        }
        if !self.events.is_empty() {
            let events = std::mem::take(&mut self.events);
            calls.rooms.engine.dispatch_many(events);
        }
    }
}
