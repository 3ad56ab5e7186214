//! What `registration.sync.register(tag)` does in a page.

use background_sync::traits::{CallId, Caller, ConnectionId, SyncRequest, SyncResponse};
use background_sync::{ScopeKey, Tag};
use ipc_channel::ipc::{self, IpcSender};

use crate::{Message, Result};

pub fn register(manager: &IpcSender<Message>, tag: &str) -> Result<()> {
    let (client, replies) = ipc::channel()?;
    let (connection, call) = (ConnectionId::new(), CallId(1));
    let scope = ScopeKey {
        origin: "https://a.example".try_into()?,
        scope: "https://a.example/".try_into()?,
    };
    manager.send(Message::Connect {
        connection,
        scope,
        client,
    })?;
    manager.send(Message::Request {
        connection,
        call,
        request: SyncRequest::Register {
            tag: Tag::try_from(tag),
            active_worker: true,
            caller: Caller::Page,
        },
    })?;
    match replies.recv()?.response {
        SyncResponse::Registered(result) => result?,
        other => return Err(format!("not an answer to register(): {other:?}").into()),
    }
    // The promise is resolved: from now on the event may fire.
    Ok(manager.send(Message::Acknowledge { connection, call })?)
}
