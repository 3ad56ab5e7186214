//! The service worker: this program again, as another process.

use std::process::{self, Command};
use std::{env, fs};

use background_sync::{DispatchedEvent, EventOutcome};
use ipc_channel::ipc::{IpcOneShotServer, IpcSender};

use crate::{Message, Result};

/// Its event, where to say how that ended, and its outbox.
pub type Start = (DispatchedEvent, IpcSender<Message>, String);

const FLAG: &str = "--worker";

/// What starts the process.
pub fn command() -> Command {
    let mut command = Command::new(env::current_exe().unwrap_or_default());
    command.arg(FLAG);
    command
}

/// Whether this process is a worker's.
pub fn is_this() -> bool {
    env::args().any(|argument| argument == FLAG)
}

/// Tells the process what to do: the first thing that it says is where it listens.
pub fn tell(server: String, start: Start) -> Result<()> {
    Ok(IpcSender::connect(server)?.send(start)?)
}

/// What the process does. The first attempt only fills the outbox; the next one finds it, and succeeds.
pub fn run() -> Result<()> {
    let (server, name) = IpcOneShotServer::<Start>::new()?;
    println!("{name}");
    let (_, (event, manager, outbox)) = server.accept()?;
    println!("process {} handles {:?}", process::id(), event.kind);
    let outcome = match fs::exists(&outbox)? {
        true => EventOutcome::Fulfilled,
        false => EventOutcome::Rejected,
    };
    fs::write(&outbox, "a message")?;
    let event = event.event;
    Ok(manager.send(Message::EventFinished { event, outcome })?)
}
