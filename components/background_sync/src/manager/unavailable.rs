//! Stands in for a manager that could not start, so that pages get a clear error.

use background_sync_core::Unavailability;
use background_sync_traits::{SyncClient, SyncManagerMessage};
use crossbeam_channel::{Receiver, at, never, select};

use crate::config::StartError;
use crate::edge::{Clients, Hindrance};
use crate::embedder::ControlMessage;

pub(super) struct Unavailable<C: SyncClient, E> {
    hindrance: Hindrance,
    clients: Clients<C>,
    messages: Receiver<Result<SyncManagerMessage<C>, E>>,
    control: Receiver<ControlMessage>,
}

impl<C: SyncClient, E> Unavailable<C, E> {
    pub fn new(
        error: &StartError,
        messages: Receiver<Result<SyncManagerMessage<C>, E>>,
        control: Receiver<ControlMessage>,
    ) -> Self {
        let hindrance = match error {
            StartError::Store(error) => Hindrance::Storage(error.problem()),
            StartError::Thread(_) => Hindrance::Unavailable(Unavailability::NotStarted),
        };
        Self {
            hindrance,
            clients: Clients::new(),
            messages,
            control,
        }
    }

    /// Until the end.
    pub fn run(mut self) {
        let gone = self.clients.gone();
        loop {
            let deliver = self.clients.deliver().map_or_else(never, at);
            select! {
                recv(self.messages) -> message => match message {
                    Ok(Ok(message)) => self.answer(message),
                    Ok(Err(_)) => {}
                    Err(_) => self.messages = never(),
                },
                recv(self.control) -> message => match message {
                    Ok(ControlMessage::Shutdown) | Err(_) => return,
                    Ok(_) => {}
                },
                recv(gone) -> key => if let Ok(key) = key {
                    self.clients.client_gone(key);
                },
                recv(deliver) -> _ => {},
            }
        }
    }

    /// What is refused needs no other answer.
    fn answer(&mut self, message: SyncManagerMessage<C>) {
        match message {
            SyncManagerMessage::Connect {
                connection,
                scope,
                client,
            } => {
                let _ = self.clients.connect(connection, scope, client);
            }
            SyncManagerMessage::Request {
                connection,
                call,
                request,
            } => {
                if let Ok(call) = self.clients.open_call(connection, call, request) {
                    self.clients.refuse_one(call, self.hindrance);
                }
            }
            SyncManagerMessage::Disconnect { connection } => {
                let _ = self.clients.disconnect(connection);
            }
            SyncManagerMessage::Acknowledge { .. }
            | SyncManagerMessage::EventFinished { .. }
            | SyncManagerMessage::RequestAuthority { .. }
            | SyncManagerMessage::WorkerActivated { .. }
            | SyncManagerMessage::StoreWorker { .. }
            | SyncManagerMessage::ReviveWorker { .. }
            | SyncManagerMessage::ForgetWorker { .. }
            | SyncManagerMessage::WorkerUnregistered { .. } => {}
        }
    }
}
