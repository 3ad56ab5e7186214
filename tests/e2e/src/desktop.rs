//! A desktop session in a test's hands: a message bus of its own, and a service for notifications that does what the test
//! says.
//!
//! <https://specifications.freedesktop.org/notification-spec/latest/>

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};

use tokio::runtime::{Builder, Runtime};
use zbus::OwnedVariant;
use zbus::connection::{self, Connection};
use zbus::object_server::SignalEmitter;

use crate::PATIENCE;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// The bus. It ends when this is dropped.
pub struct SessionBus {
    daemon: Child,
    address: String,
}

impl SessionBus {
    /// Starts one.
    ///
    /// # Panics
    /// If `dbus-daemon` is not installed.
    pub fn start() -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon is installed; on Debian: apt-get install dbus-daemon");
        let output = daemon.stdout.take().expect("a pipe");
        let mut address = String::new();
        BufReader::new(output)
            .read_line(&mut address)
            .expect("it prints its address");
        Self {
            daemon,
            address: address.trim().to_owned(),
        }
    }

    /// Where it is, for `DBUS_SESSION_BUS_ADDRESS`.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for SessionBus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// What the service was asked to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// To show something.
    Show(Request),
    /// To show it no more.
    Close(u32),
}

/// What is to be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The name that the service gave it.
    pub id: u32,
    /// Whose place it takes; 0 for nobody's.
    pub replaces: u32,
    /// Its first line.
    pub summary: String,
    /// The rest.
    pub body: String,
    /// Names and titles by turns.
    pub actions: Vec<String>,
    /// The names of its hints.
    pub hints: Vec<String>,
    /// For how long, in milliseconds; 0 until a person reacts, -1 as the service likes.
    pub time: i32,
}

/// Whether the service answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// It does.
    Yes,
    /// It takes what is to be shown, and never says so.
    Never,
}

/// The service. It leaves its bus when this is dropped.
pub struct DesktopService {
    connection: Connection,
    runtime: Runtime,
    asked: Receiver<Asked>,
}

impl DesktopService {
    /// Starts it on a bus.
    ///
    /// # Panics
    /// If the bus has one already.
    pub fn start(bus: &SessionBus, answers: Answers) -> Self {
        let (sender, asked) = mpsc::channel();
        let service = Service {
            last_id: 0,
            answers,
            sender,
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("threads can be started");
        let connection = runtime
            .block_on(async {
                connection::Builder::address(bus.address())
                    .serve_at(PATH, service)
                    .name(NAME)
                    .build()
                    .await
            })
            .expect("the bus takes the service");
        Self {
            connection,
            runtime,
            asked,
        }
    }

    /// Waits for the next thing that it is asked to do.
    ///
    /// # Panics
    /// If nothing comes.
    pub fn wait(&self) -> Asked {
        self.asked
            .recv_timeout(PATIENCE)
            .expect("the kiosk asks the service for something")
    }

    /// Waits for something to show.
    ///
    /// # Panics
    /// If something else comes, or nothing.
    pub fn wait_for_show(&self) -> Request {
        match self.wait() {
            Asked::Show(request) => request,
            other => panic!("something to show was to come, not {other:?}"),
        }
    }

    /// How many things it was asked to do that nobody has waited for.
    pub fn count_waiting(&self) -> usize {
        self.asked.try_iter().count()
    }

    /// A person chooses an action.
    pub fn choose(&self, id: u32, action: &str) {
        self.emit("ActionInvoked", &(id, action));
    }

    /// It shows something no more: 1, its time is over; 2, a person has taken it away.
    pub fn end(&self, id: u32, reason: u32) {
        self.emit("NotificationClosed", &(id, reason));
    }

    fn emit(&self, signal: &str, body: &(impl serde::Serialize + zbus::Type)) {
        self.runtime
            .block_on(async {
                SignalEmitter::new(&self.connection, PATH)?
                    .emit(NAME, signal, body)
                    .await
            })
            .expect("the bus takes a signal");
    }
}

struct Service {
    last_id: u32,
    answers: Answers,
    sender: Sender<Asked>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Service {
    fn get_capabilities(&self) -> Vec<String> {
        ["actions", "body", "body-markup"].map(str::to_owned).into()
    }

    #[allow(clippy::too_many_arguments, reason = "as the specification has it")]
    async fn notify(
        &mut self,
        _app_name: String,
        replaces: u32,
        _app_icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedVariant>,
        time: i32,
    ) -> u32 {
        let id = match replaces {
            0 => {
                self.last_id += 1;
                self.last_id
            }
            id => id,
        };
        self.tell(Asked::Show(Request {
            id,
            replaces,
            summary,
            body,
            actions,
            hints: hints.into_keys().collect(),
            time,
        }));
        if self.answers == Answers::Never {
            std::future::pending::<()>().await;
        }
        id
    }

    fn close_notification(&self, id: u32) {
        self.tell(Asked::Close(id));
    }
}

impl Service {
    fn tell(&self, asked: Asked) {
        // The test may be over.
        let _ = self.sender.send(asked);
    }
}
