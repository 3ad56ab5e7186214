//! The story of a run, line by line, for a person at a terminal.

use std::io::Write;
use std::time::Instant;

use anstyle::{AnsiColor, Style};

use crate::browser::background_sync::{EventOutcome, NextStep, SyncNotice};
use crate::event::{ConsoleSource, Event, Network};
use crate::server_event::ServerEvent;

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The kiosk itself.
    Kiosk,
    /// The page.
    Page,
    /// The service worker.
    Worker,
    /// Background sync in the engine.
    Sync,
    /// The app's server.
    Server,
    /// The network.
    Network,
}

impl Actor {
    fn name(self) -> &'static str {
        match self {
            Self::Kiosk => "kiosk",
            Self::Page => "page",
            Self::Worker => "worker",
            Self::Sync => "sync",
            Self::Server => "server",
            Self::Network => "network",
        }
    }

    fn style(self) -> Style {
        let color = match self {
            Self::Kiosk => AnsiColor::White,
            Self::Page => AnsiColor::Cyan,
            Self::Worker => AnsiColor::Magenta,
            Self::Sync => AnsiColor::Yellow,
            Self::Server => AnsiColor::Green,
            Self::Network => AnsiColor::Blue,
        };
        color.on_default().bold()
    }
}

/// Writes the lines to standard output; in color if that is a terminal.
pub struct Timeline {
    start: Instant,
}

impl Timeline {
    /// Starts at 0.00 s.
    pub fn new(start: Instant) -> Self {
        Self { start }
    }

    /// One line.
    pub fn say(&self, actor: Actor, what: &str) {
        let (style, seconds) = (actor.style(), self.start.elapsed().as_secs_f64());
        let name = actor.name();
        // Nobody reads a closed pipe: no reason to stop.
        let _ = writeln!(
            anstream::stdout(),
            "{seconds:7.2} s  {style}{name:<8}{style:#} {what}"
        );
    }

    /// Text that belongs to no moment.
    pub fn note(&self, text: &str) {
        let _ = writeln!(anstream::stdout(), "{text}");
    }

    /// The line for an event, if it is worth one.
    pub fn tell(&self, event: &Event) {
        if let Some((actor, what)) = describe(event) {
            self.say(actor, &what);
        }
    }
}

fn describe(event: &Event) -> Option<(Actor, String)> {
    Some(match event {
        Event::Console(source, _, text) => {
            let actor = match source {
                ConsoleSource::Page => Actor::Page,
                ConsoleSource::Worker => Actor::Worker,
            };
            (
                actor,
                text.strip_prefix("[outbox] ").unwrap_or(text).to_owned(),
            )
        }
        Event::Alert(text) => (Actor::Page, format!("alert: {text}")),
        Event::Crashed(_, reason) => (Actor::Page, format!("crashed: {reason}")),
        Event::Network(Network::Cut) => (Actor::Network, "cut".to_owned()),
        Event::Network(Network::Absent) => {
            (Actor::Network, "gone: the machine has none".to_owned())
        }
        Event::Network(Network::Up) => (Actor::Network, "restored".to_owned()),
        Event::WindowClosed => (
            Actor::Kiosk,
            "window closed, page gone; the engine goes on".to_owned(),
        ),
        Event::LoadRefused(_, url) => (
            Actor::Network,
            format!("refused {url}: there is no network"),
        ),
        Event::Unattended(event) => (Actor::Kiosk, event.to_string()),
        Event::Sync(notice) => (Actor::Sync, describe_notice(notice)?),
        Event::Server(event) => (Actor::Server, describe_server(event)),
        Event::Screenshot(_, path, Ok(())) => {
            (Actor::Kiosk, format!("screenshot {}", path.display()))
        }
        Event::Screenshot(_, _, Err(reason))
        | Event::Clicked(_, Err(reason))
        | Event::Typed(_, Err(reason))
        | Event::CommandFailed(_, reason) => (Actor::Kiosk, reason.clone()),
        _ => return None,
    })
}

fn describe_server(event: &ServerEvent) -> String {
    match event {
        ServerEvent::Accepted(message) => format!("got “{}”", message.text),
        ServerEvent::AcceptedAgain(message) => format!("got “{}” AGAIN", message.text),
        ServerEvent::Refused(message) => format!("answered 503 to “{}”", message.text),
        ServerEvent::Malformed(reason) => format!("can't read a request: {reason}"),
    }
}

fn describe_notice(notice: &SyncNotice) -> Option<String> {
    Some(match notice {
        SyncNotice::Registered {
            tag,
            duplicate: false,
            ..
        } => {
            format!("registered “{tag}”, safely stored")
        }
        SyncNotice::Registered {
            tag,
            duplicate: true,
            ..
        } => {
            format!("“{tag}” is registered already: one event will do")
        }
        SyncNotice::Rejected { reason, .. } => format!("registration refused: {reason}"),
        SyncNotice::Dispatched {
            tag,
            attempt,
            last_chance,
            ..
        } => {
            let chance = if *last_chance { ", the last" } else { "" };
            format!("fires “{tag}” at the service worker, attempt {attempt}{chance}")
        }
        SyncNotice::Finished {
            tag, outcome, next, ..
        } => {
            format!(
                "“{tag}” {}{}",
                describe_outcome(*outcome),
                describe_next(*next)
            )
        }
        SyncNotice::Removed { tag, reason, .. } => format!("“{tag}” removed: {reason:?}"),
        SyncNotice::Restored { count: 0 } => return None,
        SyncNotice::Restored { count } => format!("{count} registrations restored from disk"),
        SyncNotice::StorageFailed { tag, fault, .. } => {
            format!("“{tag}” could not be stored: {fault:?}")
        }
        _ => return None,
    })
}

fn describe_outcome(outcome: EventOutcome) -> &'static str {
    match outcome {
        EventOutcome::Fulfilled => "succeeded",
        EventOutcome::Rejected => "failed",
        EventOutcome::WorkerGone => "failed: the worker is gone",
        EventOutcome::TimedOut => "took too long and was stopped",
        EventOutcome::NotStarted => "could not start",
    }
}

fn describe_next(next: NextStep) -> String {
    match next {
        NextStep::Removed => ", done with it".to_owned(),
        NextStep::RetryIn { ms } => format!(", next attempt in {:.1} s", ms as f64 / 1000.0),
        NextStep::FiresAgain => ", registered again meanwhile: fires once more".to_owned(),
        NextStep::Parked => ", waits for an active worker".to_owned(),
        NextStep::IntervalOf { ms } => format!(", next event in {:.1} s", ms as f64 / 1000.0),
        NextStep::Suspended => ", suspended".to_owned(),
    }
}
