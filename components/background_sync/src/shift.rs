//! The manager's work, as its crew does it.

use std::fmt::Display;
use std::sync::Arc;

use background_sync_store::Loaded;
use background_sync_traits::SyncClient;

use crate::clock;
use crate::crew::{Flow, Work};
use crate::mailbox::{ConnectionKey, Mailbox};
use crate::manager::{Inputs, Manager};

/// All that the manager's thread has: another thread goes on with it when a client keeps this one waiting.
pub(crate) struct Shift<C: SyncClient, E> {
    /// Until it ends.
    manager: Option<Manager<C>>,
    inputs: Inputs<C, E>,
    loaded: Option<Loaded>,
}

impl<C: SyncClient, E> Shift<C, E> {
    pub(crate) fn new(manager: Manager<C>, inputs: Inputs<C, E>, loaded: Option<Loaded>) -> Self {
        Self {
            manager: Some(manager),
            inputs,
            loaded,
        }
    }
}

impl<C: SyncClient, E: Display + Send + 'static> Work for Shift<C, E> {
    type Client = C;

    fn turn(&mut self) -> Flow {
        let Some(manager) = &mut self.manager else {
            return Flow::Stop;
        };
        if let Some(loaded) = self.loaded.take() {
            manager.load(loaded);
        }
        manager.turn(&mut self.inputs)
    }

    fn next_due(&mut self) -> Option<Arc<Mailbox<C>>> {
        self.manager.as_mut()?.clients.next_due()
    }

    fn handle_client_gone(&mut self, key: ConnectionKey) {
        if let Some(manager) = &mut self.manager {
            manager.handle_client_gone(clock::now(), key);
        }
    }

    fn finish(&mut self) {
        if let Some(manager) = &mut self.manager {
            manager.finish(&self.inputs);
        }
    }
}
