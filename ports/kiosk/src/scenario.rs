//! The scenario: messages written offline, the window closed and opened again without a network, another message, the
//! window closed, the network restored, and the first answer a failure.
//! It has no engine and no clock: events come in, actions go out.

use std::path::PathBuf;
use std::time::Duration;

use crate::app_server::LogEntry;
use crate::browser::background_sync::{NextStep, SyncNotice};
use crate::event::{ConsoleSource, Event, Network};
use crate::timeline::Actor;

/// The scenario fails if it takes longer.
pub const TIME_LIMIT: Duration = Duration::from_secs(60);

/// What is typed. Nothing in it may be lost or changed on the way.
pub const MESSAGES: [&str; 3] = [
    "Table 4: two espressos ☕ and a glass of water",
    "Table 7: 3 × crème brûlée, \"no <nuts>\" & please hurry",
    "Table 2: the bill",
];

/// So many of them are written before the window is closed and opened again offline.
const BEFORE_REOPENING: usize = 2;

/// What the kiosk is to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Tell the reader.
    Say(Actor, String),
    /// Open the app in a window.
    OpenApp,
    /// Close the window and its page.
    CloseWindow,
    /// Cut or restore the network.
    SetNetwork(Network),
    /// Click on the element that this selector names.
    Click(&'static str),
    /// Type with keys.
    Type(String),
    /// Take a picture of the page.
    Screenshot(&'static str),
    /// All is done.
    Finish,
}

/// Where the scenario is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Loading,
    PictureBefore,
    GoingOffline,
    Writing {
        message: usize,
        registered: bool,
        typed: bool,
    },
    ClosingOffline,
    ReopeningOffline,
    PictureOffline,
    Closing,
    Delivering,
    Reopening,
    PictureAfter,
    Finished,
}

/// The scenario in progress.
#[derive(Debug)]
pub struct Scenario {
    step: Step,
    accepted: usize,
    sync_is_done: bool,
    pictures: Vec<PathBuf>,
}

impl Scenario {
    /// The scenario and its first actions.
    pub fn start() -> (Self, Vec<Action>) {
        let scenario = Self {
            step: Step::Loading,
            accepted: 0,
            sync_is_done: false,
            pictures: Vec::new(),
        };
        (scenario, vec![Action::OpenApp])
    }

    /// Screenshots that were written.
    pub fn pictures(&self) -> &[PathBuf] {
        &self.pictures
    }

    /// What the scenario waits for: the sentence for a run that takes too long.
    pub fn waits_for(&self) -> String {
        match self.step {
            Step::Loading => "the app to load and its service worker to become active".to_owned(),
            Step::GoingOffline => "the page to notice that it is offline".to_owned(),
            Step::Writing {
                message,
                typed: false,
                ..
            } => {
                format!("message {} to be typed", message + 1)
            }
            Step::Writing { message, .. } => {
                format!(
                    "message {} to be stored and its sync to be registered",
                    message + 1
                )
            }
            Step::Closing | Step::ClosingOffline => "the window to close".to_owned(),
            Step::ReopeningOffline => "the app to load without a network".to_owned(),
            Step::Delivering => {
                format!(
                    "the server to get the messages; it has {} of {}",
                    self.accepted,
                    MESSAGES.len()
                )
            }
            Step::Reopening => "the app to load again".to_owned(),
            Step::PictureBefore | Step::PictureOffline | Step::PictureAfter => {
                "a screenshot".to_owned()
            }
            Step::Finished => "nothing".to_owned(),
        }
    }

    /// Follows an event.
    pub fn handle(&mut self, event: &Event) -> Vec<Action> {
        self.count(event);
        match (self.step, event) {
            (Step::Loading, event) if page_says(event, "ready") => {
                self.step = Step::PictureBefore;
                vec![Action::Screenshot("outbox-1-before.png")]
            }
            (Step::PictureBefore, Event::Screenshot(..)) => {
                self.step = Step::GoingOffline;
                vec![Action::SetNetwork(Network::Cut)]
            }
            (Step::GoingOffline, event) if page_says(event, "offline") => self.write(0),
            (
                Step::Writing {
                    message,
                    registered,
                    typed,
                },
                event,
            ) => self.handle_while_writing(event, message, registered, typed),
            (Step::ClosingOffline, Event::WindowClosed) => {
                self.step = Step::ReopeningOffline;
                vec![
                    Action::Say(
                        Actor::Kiosk,
                        "opens the app again, still offline".to_owned(),
                    ),
                    Action::OpenApp,
                ]
            }
            // A page that comes from a cache is ready before it is drawn, and nobody can click on it until then.
            (Step::ReopeningOffline, event) if page_says(event, "ready") => {
                self.step = Step::PictureOffline;
                vec![Action::Screenshot("outbox-2-offline.png")]
            }
            (Step::PictureOffline, Event::Screenshot(..)) => self.write(BEFORE_REOPENING),
            (Step::Closing, Event::WindowClosed) => {
                self.step = Step::Delivering;
                vec![Action::SetNetwork(Network::Up)]
            }
            (Step::Delivering, _) if self.sync_is_done && self.accepted >= MESSAGES.len() => {
                self.step = Step::Reopening;
                vec![
                    Action::Say(Actor::Kiosk, "opens the app again".to_owned()),
                    Action::OpenApp,
                ]
            }
            // It may be loaded before all of them are there, and is told of the others.
            (Step::Reopening, event)
                if page_says(event, &format!("shows {} sent", MESSAGES.len())) =>
            {
                self.step = Step::PictureAfter;
                vec![Action::Screenshot("outbox-3-after.png")]
            }
            (Step::PictureAfter, Event::Screenshot(..)) => {
                self.step = Step::Finished;
                vec![Action::Finish]
            }
            _ => Vec::new(),
        }
    }

    fn write(&mut self, message: usize) -> Vec<Action> {
        self.step = Step::Writing {
            message,
            registered: false,
            typed: false,
        };
        vec![
            Action::Say(Actor::Kiosk, format!("types “{}”", MESSAGES[message])),
            Action::Click("#text"),
        ]
    }

    /// A message is over once it is typed and its sync is registered, in either order.
    fn handle_while_writing(
        &mut self,
        event: &Event,
        message: usize,
        registered: bool,
        typed: bool,
    ) -> Vec<Action> {
        let (registered, typed) = match event {
            Event::Clicked(_, Ok(())) => {
                return vec![Action::Type(format!("{}\n", MESSAGES[message]))];
            }
            Event::Typed(_, Ok(())) => (registered, true),
            event if page_says(event, "registered") => (true, typed),
            _ => return Vec::new(),
        };
        if !(registered && typed) {
            self.step = Step::Writing {
                message,
                registered,
                typed,
            };
            return Vec::new();
        }
        if message + 1 == BEFORE_REOPENING {
            self.step = Step::ClosingOffline;
            return vec![Action::CloseWindow];
        }
        if message + 1 < MESSAGES.len() {
            return self.write(message + 1);
        }
        self.step = Step::Closing;
        vec![Action::CloseWindow]
    }

    fn count(&mut self, event: &Event) {
        match event {
            Event::Server(crate::server_event::ServerEvent::Accepted(_)) => self.accepted += 1,
            Event::Sync(SyncNotice::Finished {
                next: NextStep::Removed,
                ..
            }) => {
                self.sync_is_done = true;
            }
            Event::Screenshot(_, path, Ok(())) => self.pictures.push(path.clone()),
            _ => {}
        }
    }
}

fn page_says(event: &Event, what: &str) -> bool {
    matches!(event, Event::Console(ConsoleSource::Page, _, text)
        if text.strip_prefix("[outbox] ").is_some_and(|text| text.starts_with(what)))
}

/// What is wrong with the server's log; nothing, if every message arrived once, unchanged and in order.
pub fn find_faults(log: &[LogEntry]) -> Vec<String> {
    let mut faults = Vec::new();
    for text in MESSAGES {
        let times: u32 = log
            .iter()
            .filter(|entry| entry.message.text == text)
            .map(|entry| entry.times)
            .sum();
        match times {
            0 => faults.push(format!("“{text}” did not arrive")),
            1 => {}
            _ => faults.push(format!("“{text}” arrived {times} times")),
        }
    }
    for entry in log
        .iter()
        .filter(|entry| !MESSAGES.contains(&entry.message.text.as_str()))
    {
        faults.push(format!(
            "“{}” arrived, which nobody wrote",
            entry.message.text
        ));
    }
    if faults.is_empty()
        && !log
            .iter()
            .map(|entry| entry.message.text.as_str())
            .eq(MESSAGES)
    {
        faults.push("the messages arrived in another order than they were written".to_owned());
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server_event::AppMessage;

    fn log(texts: &[&str]) -> Vec<LogEntry> {
        let entry = |text: &&str| LogEntry {
            message: AppMessage {
                id: (*text).to_owned(),
                text: (*text).to_owned(),
            },
            times: 1,
        };
        texts.iter().map(entry).collect()
    }

    #[test]
    fn only_every_message_once_in_order_is_right() {
        let [a, b, c] = MESSAGES;
        assert_eq!(find_faults(&log(&[a, b, c])), Vec::<String>::new());
        for wrong in [&[a, b][..], &[a, c, b], &[a, b, c, "x"], &[a, b, "x"], &[]] {
            assert!(!find_faults(&log(wrong)).is_empty(), "{wrong:?}");
        }
        let mut twice = log(&[a, b, c]);
        twice[1].times = 2;
        assert!(!find_faults(&twice).is_empty());
    }
}
