//! Stands in for a manager that could not start, so that pages get a clear error.

use std::fmt::Display;

use background_sync_core::Unavailability;
use background_sync_traits::{SyncClient, SyncManagerMessage};
use crossbeam_channel::{Receiver, after, never, select};

use crate::config::StartError;
use crate::edge::{Admission, Admitted, Clients, ConnectionKey, Hindrance};
use crate::embedder::ControlMessage;
use crate::time::clock;

pub(super) struct Unavailable<C: SyncClient, E> {
    hindrance: Hindrance,
    admission: Admission,
    clients: Clients<C>,
    gone: Receiver<ConnectionKey>,
    messages: Receiver<Result<SyncManagerMessage<C>, E>>,
    control: Receiver<ControlMessage>,
}

impl<C: SyncClient, E: Display> Unavailable<C, E> {
    pub fn new(
        error: &StartError,
        messages: Receiver<Result<SyncManagerMessage<C>, E>>,
        control: Receiver<ControlMessage>,
    ) -> Self {
        let hindrance = match error {
            StartError::Store(error) => Hindrance::Storage(error.problem()),
            StartError::Thread(_) => Hindrance::Unavailable(Unavailability::NotStarted),
        };
        let (clients, gone) = Clients::new();
        Self {
            hindrance,
            admission: Admission::new(),
            clients,
            gone,
            messages,
            control,
        }
    }

    /// Until the end.
    pub fn run(mut self) {
        loop {
            let deliver = self.clients.deliver().map_or_else(never, after);
            select! {
                recv(self.messages) -> message => match message {
                    Ok(message) => self.handle_message(message),
                    Err(_) => self.messages = never(),
                },
                recv(self.control) -> message => match message {
                    Ok(ControlMessage::Shutdown) | Err(_) => return,
                    Ok(_) => {}
                },
                recv(self.gone) -> key => if let Ok(key) = key {
                    self.clients.client_gone(key);
                },
                recv(deliver) -> _ => {},
            }
        }
    }

    fn handle_message(&mut self, message: Result<SyncManagerMessage<C>, E>) {
        let (now, clients) = (clock::now().mono, &mut self.clients);
        if let Admitted::Call(call) = self.admission.admit(now, message, 0, clients) {
            // Nothing waits for promises that are refused.
            let _ = self.clients.refuse_one(call, self.hindrance);
        }
    }
}
