//! A browser engine with Background Sync in under 100 lines: `cargo run --example integrate`. Its
//! service workers are processes of their own, reached over ipc-channel; the first attempt fails.
//! Exits with 0 only if the second one succeeds.

mod page;
mod worker;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, process, thread};

use background_sync::traits::SyncReply;
use background_sync::*;
use ipc_channel::ipc::{self, IpcSender};

type Message = SyncManagerMessage<IpcSender<SyncReply>>;
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Has each event handled by a process of its own.
struct ProcessEngine {
    manager: IpcSender<Message>,
    outbox: String,
    workers: Arc<Mutex<HashMap<EventToken, process::Child>>>,
}

impl Engine for ProcessEngine {
    fn query_client_state(&self, _: &ScopeKey, responder: ClientStateResponder) {
        // The window is open.
        responder.answer(ClientState::new(true));
    }

    fn dispatch(&self, event: DispatchedEvent) {
        let (token, manager) = (event.event, self.manager.clone());
        let (workers, outbox) = (self.workers.clone(), self.outbox.clone());
        // Starting a process takes time, and the manager's thread must not wait for it.
        thread::spawn(
            move || match worker::start(event, manager.clone(), outbox) {
                Ok(child) => drop(workers.lock().map(|mut all| all.insert(token, child))),
                Err(_) => {
                    let outcome = EventOutcome::NotStarted;
                    let event = token;
                    let _ = manager.send(Message::EventFinished { event, outcome });
                }
            },
        );
    }

    fn terminate(&self, event: EventToken, _: &ScopeKey) {
        let child = self.workers.lock().ok().and_then(|mut w| w.remove(&event));
        if let Some(mut child) = child {
            let _ = child.kill();
        }
    }
}

fn main() -> Result<()> {
    if let Some(server) = env::args().nth(1) {
        return worker::run(server);
    }
    let folder = tempfile::tempdir()?;
    let (messages, receiver) = ipc::channel::<Message>()?;
    let engine = ProcessEngine {
        manager: messages.clone(),
        outbox: folder.path().join("outbox").display().to_string(),
        workers: Arc::default(),
    };
    let policy = Policy {
        first_retry_delay_ms: 500,
        ..Policy::standard()
    };
    let manager = SyncManager::spawn(
        Config::new().policy(policy).directory(folder.path()),
        receive_over_ipc(receiver),
        Box::new(engine),
        Box::new(Silent),
    )?;
    let journal = manager.control().subscribe()?;
    page::register(&messages, "send")?;
    loop {
        // An error if it takes too long.
        let entry = journal.recv_timeout(Duration::from_secs(30))?;
        if let SyncNotification::Finished { outcome, next, .. } = entry.what {
            println!("{outcome:?}, {next:?}");
            if next == NextStep::Removed {
                return match outcome {
                    EventOutcome::Fulfilled => Ok(()),
                    other => Err(format!("it ended with {other:?}").into()),
                };
            }
        }
    }
}
