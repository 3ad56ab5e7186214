//! What happens in a running kiosk, as the control channel, the timeline and the scenario see it.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};
use servo::{ConsoleLogLevel, LoadStatus};
use url::Url;

#[cfg(feature = "offline")]
use crate::browser::notifications::NotificationEvent;
use crate::browser::sync_notice::{SyncNotice, notice_to_json};
use crate::server_event::ServerEvent;
use crate::unattended_event::{UnattendedEvent, WindowKind};

/// Whether content reaches the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Content reaches whatever the machine reaches.
    Up,
    /// Every load of every page and worker fails.
    Cut,
    /// The machine has none. Loads are tried all the same, but for that of a page that is not on this machine.
    Absent,
}

impl Network {
    /// Its name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Cut => "cut",
            Self::Absent => "absent",
        }
    }
}

/// Who wrote to the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleSource {
    /// A page.
    Page,
    /// A worker without a page, as service workers are.
    Worker,
}

/// Who asked for something whose end is an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requester {
    /// The line with this number on the control channel.
    CommandLine(u64),
    /// The scenario.
    Scenario,
    /// A person at the window.
    Person,
}

/// What could not be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedLoad {
    /// The page itself.
    Page,
    /// Something that a page or worker asked for.
    Resource,
}

/// What has become of `kiosk:syncs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncsPageNews {
    /// It covers the app's page.
    Shown,
    /// A document of it has been loaded.
    Loaded,
    /// The app's page is in front again.
    Closed,
    /// It panicked inside the engine.
    Crashed,
}

impl SyncsPageNews {
    /// Its name for programs.
    fn name(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Loaded => "loaded",
            Self::Closed => "closed",
            Self::Crashed => "crashed",
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The engine runs and commands are taken.
    Ready,
    /// A page or worker wrote to its console.
    Console(ConsoleSource, ConsoleLogLevel, String),
    /// `alert()`.
    Alert(String),
    /// A page started or finished loading.
    Load(LoadStatus, Option<Url>),
    /// The page's address is another now: it was left for another page, or changed it itself.
    Address(Url),
    /// A page opened a window of its own.
    AuxiliaryWindowOpened,
    /// A window that a page had opened was closed by a page.
    AuxiliaryWindowClosed,
    /// The page called `window.close()`.
    PageClosedItself,
    /// A page or worker panicked inside the engine.
    Crashed(WindowKind, String),
    /// The network was cut or restored, or it came or went.
    Network(Network),
    /// A load was refused because the network is cut or absent.
    LoadRefused(RefusedLoad, Url),
    /// A window with a page was opened.
    WindowOpened,
    /// The window and its page were closed.
    WindowClosed,
    /// A script has run.
    Evaluated(Requester, Result<Value, String>),
    /// All keys of a text have been handled.
    Typed(Requester, Result<(), String>),
    /// A click has been handled.
    Clicked(Requester, Result<(), String>),
    /// A screenshot was written to a file, or not.
    Screenshot(Requester, PathBuf, Result<(), String>),
    /// The sync registrations, as JSON.
    Syncs(Requester, Value),
    /// Background sync has something to tell.
    Sync(SyncNotice),
    /// Something has become of a notification.
    #[cfg(feature = "offline")]
    Notification(NotificationEvent),
    /// The outbox app's server has something to tell.
    Server(ServerEvent),
    /// The kiosk has done something by itself.
    Unattended(UnattendedEvent),
    /// `kiosk:syncs` is shown, or is not any more.
    SyncsPage(SyncsPageNews),
    /// Metrics are served here from now on.
    MetricsServed(SocketAddr),
    /// A line on the control channel could not be followed.
    CommandFailed(Requester, String),
}

impl Event {
    /// As it goes to the control channel.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Ready => json!({"event": "ready", "version": env!("CARGO_PKG_VERSION")}),
            Self::Console(source, level, text) => json!({
                "event": "console", "source": source_name(*source), "level": level_name(level), "text": text,
            }),
            Self::Alert(text) => json!({"event": "alert", "text": text}),
            Self::Load(status, url) => {
                json!({"event": "load", "status": status_name(*status), "url": url})
            }
            Self::Address(url) => json!({"event": "address", "url": url}),
            Self::AuxiliaryWindowOpened => json!({"event": "auxiliary-window-opened"}),
            Self::AuxiliaryWindowClosed => json!({"event": "auxiliary-window-closed"}),
            Self::PageClosedItself => json!({"event": "page-closed-itself"}),
            Self::Crashed(window, reason) => {
                json!({"event": "crashed", "window": window.name(), "reason": reason})
            }
            Self::Network(network) => {
                json!({"event": "network", "online": *network == Network::Up, "state": network.name()})
            }
            Self::LoadRefused(load, url) => json!({
                "event": "load-refused", "page": *load == RefusedLoad::Page, "url": url,
            }),
            Self::WindowOpened => json!({"event": "window-opened"}),
            Self::WindowClosed => json!({"event": "window-closed"}),
            Self::Evaluated(requester, result) => answer(
                "eval",
                *requester,
                result.as_ref().map(|value| json!({"value": value})),
            ),
            Self::Syncs(requester, list) => {
                answer("syncs", *requester, Ok(json!({"registrations": list})))
            }
            Self::Typed(requester, result) => {
                answer("typed", *requester, result.as_ref().map(|()| json!({})))
            }
            Self::Clicked(requester, result) => {
                answer("clicked", *requester, result.as_ref().map(|()| json!({})))
            }
            Self::Screenshot(requester, path, result) => answer(
                "screenshot",
                *requester,
                result.as_ref().map(|()| json!({"path": path})),
            ),
            Self::Sync(notice) => notice_to_json(notice),
            #[cfg(feature = "offline")]
            Self::Notification(event) => event.to_json(),
            Self::Server(event) => server_to_json(event),
            Self::Unattended(event) => event.to_json(),
            Self::SyncsPage(news) => json!({"event": "syncs-page", "state": news.name()}),
            Self::MetricsServed(address) => {
                json!({"event": "metrics-served", "address": address.to_string()})
            }
            Self::CommandFailed(requester, reason) => answer("error", *requester, Err(reason)),
        }
    }
}

fn answer(name: &str, requester: Requester, result: Result<Value, &String>) -> Value {
    let mut answer = match result {
        Ok(fields) => fields,
        Err(error) => json!({"error": error}),
    };
    answer["event"] = name.into();
    if let Requester::CommandLine(number) = requester {
        answer["command"] = number.into();
    }
    answer
}

fn server_to_json(event: &ServerEvent) -> Value {
    let (kind, message) = match event {
        ServerEvent::Accepted(message) => ("accepted", message),
        ServerEvent::AcceptedAgain(message) => ("accepted-again", message),
        ServerEvent::Refused(message) => ("refused", message),
        ServerEvent::Malformed(reason) => {
            return json!({"event": "server", "kind": "malformed", "reason": reason});
        }
    };
    json!({"event": "server", "kind": kind, "id": message.id, "text": message.text})
}

fn source_name(source: ConsoleSource) -> &'static str {
    match source {
        ConsoleSource::Page => "page",
        ConsoleSource::Worker => "worker",
    }
}

fn level_name(level: &ConsoleLogLevel) -> &'static str {
    match level {
        ConsoleLogLevel::Log => "log",
        ConsoleLogLevel::Debug => "debug",
        ConsoleLogLevel::Info => "info",
        ConsoleLogLevel::Warn => "warn",
        ConsoleLogLevel::Error => "error",
        ConsoleLogLevel::Trace => "trace",
        ConsoleLogLevel::Dir => "dir",
    }
}

fn status_name(status: LoadStatus) -> &'static str {
    match status {
        LoadStatus::Started => "started",
        LoadStatus::HeadParsed => "head-parsed",
        LoadStatus::Complete => "complete",
    }
}
