//! The service worker: this program again, as another process.

use std::process::{self, Child, Command};
use std::{env, fs};

use background_sync::{DispatchedEvent, EventOutcome};
use ipc_channel::ipc::{self, IpcOneShotServer, IpcSender};

use crate::{Message, Result};

/// Its event, where to say how that ended, and its outbox.
type Start = (DispatchedEvent, IpcSender<Message>, String);

/// Starts the process.
pub fn start(event: DispatchedEvent, manager: IpcSender<Message>, outbox: String) -> Result<Child> {
    let (server, name) = IpcOneShotServer::<IpcSender<Start>>::new()?;
    let child = Command::new(env::current_exe()?).arg(name).spawn()?;
    let (_, to_worker) = server.accept()?;
    to_worker.send((event, manager, outbox))?;
    Ok(child)
}

/// What the process does. The first attempt only fills the outbox; the next one finds it, and succeeds.
pub fn run(server: String) -> Result<()> {
    let (to_me, starts) = ipc::channel::<Start>()?;
    IpcSender::connect(server)?.send(to_me)?;
    let (event, manager, outbox) = starts.recv()?;
    println!("process {} handles {:?}", process::id(), event.kind);
    let outcome = match fs::exists(&outbox)? {
        true => EventOutcome::Fulfilled,
        false => EventOutcome::Rejected,
    };
    fs::write(&outbox, "a message")?;
    let event = event.event;
    Ok(manager.send(Message::EventFinished { event, outcome })?)
}
