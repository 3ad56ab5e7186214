//! Stands in for a manager that could not start, so that pages get a clear error.

use std::collections::HashMap;
use std::fmt::Display;

use background_sync_traits::{ConnectionId, SyncClient, SyncManagerMessage, SyncReply};
use crossbeam_channel::{Receiver, select};

use crate::clients::{MAX_CONNECTIONS, refuse};
use crate::control::ControlMessage;

pub(crate) fn run<C: SyncClient, E: Display>(
    reason: &str,
    mut messages: Receiver<Result<SyncManagerMessage<C>, E>>,
    control: &Receiver<ControlMessage>,
) {
    let mut clients: HashMap<ConnectionId, C> = HashMap::new();
    loop {
        select! {
            recv(messages) -> message => match message {
                Ok(Ok(message)) => answer(&mut clients, message, reason),
                Ok(Err(_)) => {}
                Err(_) => messages = crossbeam_channel::never(),
            },
            recv(control) -> message => match message {
                Ok(ControlMessage::Shutdown) | Err(_) => return,
                Ok(_) => {}
            },
        }
    }
}

fn answer<C: SyncClient>(
    clients: &mut HashMap<ConnectionId, C>,
    message: SyncManagerMessage<C>,
    reason: &str,
) {
    match message {
        SyncManagerMessage::Connect {
            connection, client, ..
        } => {
            if clients.len() < MAX_CONNECTIONS {
                clients.entry(connection).or_insert(client);
            }
        }
        SyncManagerMessage::Request {
            connection,
            call,
            request,
        } => {
            let response = refuse(&request, reason.to_owned());
            let client = clients.get(&connection);
            let gone = client.is_some_and(|c| c.deliver(SyncReply { call, response }).is_err());
            if gone {
                clients.remove(&connection);
            }
        }
        SyncManagerMessage::Disconnect { connection } => drop(clients.remove(&connection)),
        SyncManagerMessage::Acknowledge { .. }
        | SyncManagerMessage::EventFinished { .. }
        | SyncManagerMessage::WorkerActivated { .. }
        | SyncManagerMessage::StoreWorker { .. }
        | SyncManagerMessage::WorkerUnregistered { .. } => {}
    }
}
