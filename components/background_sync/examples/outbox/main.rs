//! Background Sync without a browser engine: `cargo run --example outbox`.
//!
//! A page writes three messages while offline and closes. The network returns, the server is
//! overloaded at first, and all messages still arrive. The page is this thread; the service worker
//! is a process of its own, reached over ipc-channel; the server is real HTTP on the loopback
//! interface; the registrations are on disk. Exits with 0 only if the server got every message once,
//! in order, exactly as written.

mod engine;
mod server;
mod timeline;
mod worker;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use background_sync::traits::{CallId, Caller, ConnectionId, SyncReply, SyncRequest, SyncResponse};
use background_sync::{
    Config, Connectivity, Policy, ScopeKey, SyncManager, SyncManagerMessage, SyncManagerThread,
    SyncNotification, Tag, receive_over_ipc,
};
use ipc_channel::ipc::{self, IpcReceiver, IpcSender};

use crate::engine::WorkerProcesses;
use crate::timeline::{Timeline, Watcher};

/// What the demo's engine speaks over IPC.
type Message = SyncManagerMessage<IpcSender<SyncReply>>;

const TAG: &str = "send-outbox";
const MESSAGES: [&str; 3] = [
    "Arrived at the lighthouse.",
    "No signal here; “background sync” has to do it. ⛵",
    "{\"n\": 3}",
];

/// Everything should be over long before.
const LIMIT: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    if let Some(name) = worker::requested_by_command_line() {
        return worker::run(&name);
    }
    match tell_the_story() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("outbox: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether all messages arrived as written.
fn tell_the_story() -> Result<bool, Box<dyn Error>> {
    let timeline = Timeline::start();
    let folder = tempfile::tempdir()?;
    let outbox = folder.path().join("outbox");
    std::fs::create_dir(&outbox)?;
    let server = server::start(timeline.clone())?;
    let scope = ScopeKey {
        origin: format!("http://{}", server.address).as_str().try_into()?,
        scope: format!("http://{}/app/", server.address)
            .as_str()
            .try_into()?,
    };
    let window = Arc::new(AtomicBool::new(true));
    let setting = Setting {
        profile: folder.path().join("profile"),
        outbox: outbox.clone(),
        server: server.address,
        window: window.clone(),
        timeline: timeline.clone(),
    };

    timeline.say("browser", "starts. There is no network.");
    let browser = Browser::start(&setting)?;
    let page = Page::open(&browser, &scope)?;
    for (number, message) in MESSAGES.iter().enumerate() {
        std::fs::write(outbox.join(format!("{number:03}")), message)?;
        timeline.say("page", &format!("writes {message:?} to its outbox"));
        page.register(TAG)?;
    }
    timeline.say(
        "page",
        &format!("registered tags: {:?}. The window closes.", page.tags()?),
    );
    window.store(false, Ordering::SeqCst);
    page.close()?;
    browser.manager.shutdown();
    timeline.say("browser", "quits, and starts again.");

    let browser = Browser::start(&setting)?;
    timeline.say("network", "is back.");
    browser
        .manager
        .control()
        .report_connectivity(Connectivity::Online);
    let delivered = browser.wait_until_removed();
    browser.manager.shutdown();

    let log = server.log();
    let as_written = log == MESSAGES;
    for line in &log {
        timeline.say("server", &format!("has {line:?}"));
    }
    timeline.say(
        "",
        match (delivered, as_written) {
            (true, true) => "All messages arrived, once, in order, exactly as written.",
            (false, _) => "The sync registration did not finish in time.",
            (true, false) => "The server's log differs from what was written.",
        },
    );
    Ok(delivered && as_written)
}

/// What the demo's browser needs to know.
struct Setting {
    profile: PathBuf,
    outbox: PathBuf,
    server: std::net::SocketAddr,
    window: Arc<AtomicBool>,
    timeline: Timeline,
}

struct Browser {
    manager: SyncManagerThread,
    messages: IpcSender<Message>,
    notifications: mpsc::Receiver<SyncNotification>,
}

impl Browser {
    fn start(setting: &Setting) -> Result<Self, Box<dyn Error>> {
        let (messages, messages_in) = ipc::channel::<Message>()?;
        let (notes, notifications) = mpsc::channel();
        // Seconds instead of minutes, because somebody is watching.
        let policy = Policy {
            first_retry_delay_ms: 1_500,
            ..Policy::standard()
        };
        let config = Config::new()
            .policy(policy)
            .directory(&setting.profile)
            .connectivity(Connectivity::Offline);
        let engine = WorkerProcesses::new(setting, messages.clone());
        let watcher = Watcher::new(setting.timeline.clone(), notes);
        let messages_in = receive_over_ipc(messages_in);
        let manager = SyncManager::spawn(config, messages_in, Box::new(engine), Box::new(watcher))?;
        Ok(Self {
            manager,
            messages,
            notifications,
        })
    }

    fn wait_until_removed(&self) -> bool {
        use background_sync::NextStep::Removed;
        let finished = |note: &_| matches!(note, SyncNotification::Finished { next: Removed, .. });
        let end = std::time::Instant::now() + LIMIT;
        loop {
            let left = end.saturating_duration_since(std::time::Instant::now());
            match self.notifications.recv_timeout(left) {
                Ok(note) if finished(&note) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }
}

/// What `registration.sync` is in a page.
struct Page<'b> {
    browser: &'b Browser,
    connection: ConnectionId,
    replies: IpcReceiver<SyncReply>,
}

impl<'b> Page<'b> {
    fn open(browser: &'b Browser, scope: &ScopeKey) -> Result<Self, Box<dyn Error>> {
        let (client, replies) = ipc::channel()?;
        let connection = ConnectionId::new();
        let scope = scope.clone();
        browser.messages.send(Message::Connect {
            connection,
            scope,
            client,
        })?;
        Ok(Self {
            browser,
            connection,
            replies,
        })
    }

    fn ask(&self, request: SyncRequest) -> Result<SyncReply, Box<dyn Error>> {
        let (connection, call) = (self.connection, CallId(1));
        self.browser.messages.send(Message::Request {
            connection,
            call,
            request,
        })?;
        Ok(self.replies.recv()?)
    }

    fn register(&self, tag: &str) -> Result<(), Box<dyn Error>> {
        let tag = Tag::try_from(tag);
        let reply = self.ask(SyncRequest::Register {
            tag,
            active_worker: true,
            caller: Caller::Page,
        })?;
        if let SyncResponse::Registered(result) = reply.response {
            result?;
        }
        // The promise is resolved: from now on the event may fire.
        let (connection, call) = (self.connection, reply.call);
        Ok(self
            .browser
            .messages
            .send(Message::Acknowledge { connection, call })?)
    }

    fn tags(&self) -> Result<Vec<String>, Box<dyn Error>> {
        match self.ask(SyncRequest::GetTags)?.response {
            SyncResponse::Tags(tags) => Ok(tags.iter().map(ToString::to_string).collect()),
            _ => Err("an answer to another question".into()),
        }
    }

    fn close(self) -> Result<(), Box<dyn Error>> {
        let connection = self.connection;
        Ok(self
            .browser
            .messages
            .send(Message::Disconnect { connection })?)
    }
}
