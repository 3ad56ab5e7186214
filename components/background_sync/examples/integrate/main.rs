//! What a browser engine adds to have Background Sync, in under 100 lines: `cargo run --example integrate`. Its
//! service workers are processes of their own, reached over ipc-channel; the first attempt fails.
//! Exits with 0 only if the second one succeeds.

mod page;
mod processes;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use background_sync::traits::SyncReply;
use background_sync::*;
use ipc_channel::ipc::{self, IpcSender};

type Message = SyncManagerMessage<IpcSender<SyncReply>>;
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Has each event handled by a process of its own.
struct ProcessEngine {
    manager: IpcSender<Message>,
    outbox: String,
    workers: Arc<processes::Processes>,
}

impl Engine for ProcessEngine {
    fn query_client_state(&self, _: &ScopeKey, responder: ClientStateResponder) {
        // The window is open.
        responder.answer(ClientState::new(true));
    }

    fn dispatch(&self, event: DispatchedEvent) {
        let (token, manager) = (event.event, self.manager.clone());
        let mut start = Some((event, manager.clone(), self.outbox.clone()));
        let said = move |line| match start.take() {
            Some(start) => worker::tell(line, start),
            None => {
                println!("{line}");
                Ok(())
            }
        };
        // Nothing new if the worker has told the outcome by itself: then this one is ignored.
        let ended = move |outcome| {
            let event = token;
            let _ = manager.send(Message::EventFinished { event, outcome });
        };
        self.workers.start(token, worker::command(), said, ended);
    }

    fn terminate(&self, event: EventToken, _: &ScopeKey) {
        self.workers.kill(event);
    }
}

fn main() -> Result<()> {
    if worker::is_this() {
        return worker::run();
    }
    let folder = tempfile::tempdir()?;
    let (messages, receiver) = ipc::channel::<Message>()?;
    let workers = Arc::new(processes::Processes::default());
    let engine = ProcessEngine {
        manager: messages.clone(),
        outbox: folder.path().join("outbox").display().to_string(),
        workers: workers.clone(),
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
    let outcome = loop {
        // An error if it takes too long.
        let entry = journal.recv_timeout(Duration::from_secs(30))?;
        if let SyncNotification::Finished { outcome, next, .. } = entry.what {
            println!("{outcome:?}, {next:?}");
            if next == NextStep::Removed {
                break outcome;
            }
        }
    };
    // Workers that still run are terminated.
    manager.shutdown();
    workers.wait();
    match outcome {
        EventOutcome::Fulfilled => Ok(()),
        other => Err(format!("it ended with {other:?}").into()),
    }
}
