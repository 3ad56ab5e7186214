//! A client asks which tags are registered, over ipc-channel: `cargo run -p background_sync_traits --example ask_over_ipc`.
//! The manager is a thread here that knows two tags; the real one is the crate `background_sync`.

use std::collections::HashMap;
use std::thread;

use background_sync_traits::{
    CallId, ConnectionId, ScopeKey, SyncClient, SyncManagerMessage, SyncReply, SyncRequest,
    SyncResponse, Tag,
};
use ipc_channel::ipc::{self, IpcReceiver, IpcSender};

/// A message as it travels between processes: with the sender for its answers in it.
type Message = SyncManagerMessage<IpcSender<SyncReply>>;
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Answers `getTags()`, until all of its clients are gone.
fn serve(messages: &IpcReceiver<Message>, tags: &[Tag]) {
    let mut clients = HashMap::new();
    while let Ok(message) = messages.recv() {
        match message {
            Message::Connect {
                connection,
                scope,
                client,
            } => {
                println!("manager: {connection:?} speaks for {scope}");
                clients.insert(connection, client);
            }
            Message::Request {
                connection,
                call,
                request: SyncRequest::GetTags,
            } => {
                let response = SyncResponse::Tags(tags.to_vec());
                let client = clients.get(&connection);
                let sent = client.map(|client| client.deliver(SyncReply { call, response }));
                println!("manager: {call:?} is answered: {}", sent == Some(Ok(())));
            }
            Message::Disconnect { connection } => drop(clients.remove(&connection)),
            other => println!("manager: ignores {other:?}"),
        }
    }
}

fn main() -> Result<()> {
    let (manager, messages) = ipc::channel::<Message>()?;
    let tags = ["outbox".try_into()?, "settings".try_into()?];
    let serving = thread::spawn(move || serve(&messages, &tags));

    // What `registration.sync` does when a page uses it first.
    let (client, replies) = ipc::channel::<SyncReply>()?;
    let connection = ConnectionId::new();
    let scope = ScopeKey {
        origin: "https://shop.example".try_into()?,
        scope: "https://shop.example/".try_into()?,
    };
    manager.send(Message::Connect {
        connection,
        scope,
        client,
    })?;

    // `getTags()`.
    let call = CallId(1);
    let request = SyncRequest::GetTags;
    manager.send(Message::Request {
        connection,
        call,
        request,
    })?;
    let reply = replies.recv()?;
    println!(
        "client: the answer to {:?} is {:?}",
        reply.call, reply.response
    );

    manager.send(Message::Disconnect { connection })?;
    drop(manager);
    serving.join().map_err(|_| "the manager has panicked")?;
    Ok(())
}
