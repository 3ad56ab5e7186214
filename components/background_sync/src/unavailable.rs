//! Stands in for a manager that could not start, so that pages get a clear error.

use std::fmt::Display;
use std::sync::Arc;

use background_sync_traits::{SyncClient, SyncManagerMessage};
use crossbeam_channel::{Receiver, select};

use crate::clients::Clients;
use crate::control::ControlMessage;
use crate::crew::{Flow, Released, Work};
use crate::limits::Hindrance;
use crate::mailbox::{ConnectionKey, HandedOver, Mailbox};

pub(crate) struct Unavailable<C: SyncClient, E> {
    hindrance: Hindrance,
    clients: Clients<C>,
    messages: Receiver<Result<SyncManagerMessage<C>, E>>,
    control: Receiver<ControlMessage>,
    released: Receiver<Released>,
}

impl<C: SyncClient, E> Unavailable<C, E> {
    pub fn new(
        hindrance: Hindrance,
        messages: Receiver<Result<SyncManagerMessage<C>, E>>,
        control: Receiver<ControlMessage>,
        released: Receiver<Released>,
    ) -> Self {
        Self {
            hindrance,
            clients: Clients::new(),
            messages,
            control,
            released,
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

impl<C: SyncClient, E: Display + Send + 'static> Work for Unavailable<C, E> {
    type Client = C;

    fn turn(&mut self) -> Flow {
        select! {
            recv(self.messages) -> message => match message {
                Ok(Ok(message)) => self.answer(message),
                Ok(Err(_)) => {}
                Err(_) => self.messages = crossbeam_channel::never(),
            },
            recv(self.control) -> message => match message {
                Ok(ControlMessage::Shutdown) | Err(_) => return Flow::Stop,
                Ok(_) => {}
            },
            recv(self.released) -> released => {
                if let Ok((key, HandedOver::ClientGone)) = released {
                    self.handle_client_gone(key);
                }
            },
        }
        Flow::Continue
    }

    fn next_due(&mut self) -> Option<Arc<Mailbox<C>>> {
        self.clients.next_due()
    }

    fn handle_client_gone(&mut self, key: ConnectionKey) {
        self.clients.client_gone(key);
    }

    fn finish(&mut self) {}
}
