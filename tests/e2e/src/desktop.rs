//! A desktop's service for notifications in a test's hands: it does what the test says.
//!
//! <https://specifications.freedesktop.org/notification-spec/latest/>

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, Sender};

use zbus::OwnedVariant;

use crate::PATIENCE;
use crate::session_bus::{BusService, SessionBus};

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

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
    service: BusService,
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
        let service = BusService::start(bus, NAME, PATH, service);
        Self { service, asked }
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
        self.service.emit(NAME, "ActionInvoked", &(id, action));
    }

    /// It shows something no more: 1, its time is over; 2, a person has taken it away.
    pub fn end(&self, id: u32, reason: u32) {
        self.service.emit(NAME, "NotificationClosed", &(id, reason));
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
