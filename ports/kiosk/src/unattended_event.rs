//! What the kiosk has done by itself, while nobody looked after it.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

/// Which window something is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowKind {
    /// That of the page.
    Page,
    /// One that a page has opened.
    Auxiliary,
}

impl WindowKind {
    /// As the control channel names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Auxiliary => "auxiliary",
        }
    }
}

/// What is shown in place of a page that may not be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// The page that was there before.
    Page,
    /// A page that says so, because there was none before.
    Notice,
    /// The start page: the window was at the other page already.
    StartPage,
    /// Nothing: the window was opened for it, and is closed.
    Nothing,
}

/// What the kiosk has done by itself.
#[derive(Clone, Debug)]
pub enum UnattendedEvent {
    /// A page outside the allowed origins is not shown.
    NavigationBlocked {
        /// Its address.
        url: Url,
        /// Where it was to be shown.
        window: WindowKind,
        /// What is there.
        instead: Instead,
    },
    /// A page could not be loaded.
    LoadFailed {
        /// Its address.
        url: Url,
        /// What the engine says.
        reason: String,
    },
    /// A page will be loaded again.
    ReloadPlanned {
        /// After so long, or when the network returns.
        delay: Duration,
    },
    /// Nobody has touched the kiosk for so long that the start page has returned.
    VisitEnded,
    /// It is time for the planned restart.
    RestartDue {
        /// So many sync events run, which are waited for.
        running_events: u64,
    },
    /// There is no display yet: the kiosk runs without a window meanwhile.
    DisplayAwaited,
    /// There is a display now, and the kiosk restarts on it.
    DisplayCame {
        /// So many sync events run, which are waited for.
        running_events: u64,
    },
    /// The kiosk begins again.
    Restarting,
}

impl UnattendedEvent {
    /// As it goes to the control channel.
    pub fn to_json(&self) -> Value {
        match self {
            Self::NavigationBlocked {
                url,
                window,
                instead,
            } => json!({
                "event": "navigation-blocked", "url": url, "window": window.name(), "instead": match instead {
                    Instead::Page => "page",
                    Instead::Notice => "notice",
                    Instead::StartPage => "start-page",
                    Instead::Nothing => "nothing",
                },
            }),
            Self::LoadFailed { url, reason } => {
                json!({"event": "load-failed", "url": url, "reason": reason})
            }
            Self::ReloadPlanned { delay } => json!({
                "event": "reload-planned",
                "in_ms": u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            }),
            Self::VisitEnded => json!({"event": "visit-ended"}),
            Self::RestartDue { running_events } => {
                json!({"event": "restart-due", "running_events": running_events})
            }
            Self::DisplayAwaited => json!({"event": "display-awaited"}),
            Self::DisplayCame { running_events } => {
                json!({"event": "display-came", "running_events": running_events})
            }
            Self::Restarting => json!({"event": "restarting"}),
        }
    }
}

/// One line for a log.
impl fmt::Display for UnattendedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NavigationBlocked { url, instead, .. } => {
                let instead = match instead {
                    Instead::Page => "the page stays",
                    Instead::Notice => "a notice is shown",
                    Instead::StartPage => "the start page returns",
                    Instead::Nothing => "no window is opened",
                };
                write!(f, "{url} is not of an allowed origin: {instead}")
            }
            Self::LoadFailed { url, reason } => write!(f, "{url} could not be loaded: {reason}"),
            Self::ReloadPlanned { delay } => write!(
                f,
                "the page is loaded again in {} s, or when the network returns",
                delay.as_secs()
            ),
            Self::VisitEnded => {
                f.write_str("nobody has touched the kiosk for a while: the start page returns")
            }
            Self::RestartDue { running_events: 0 } => f.write_str("the planned restart is due"),
            Self::RestartDue { running_events } => {
                let count = running_events;
                write!(
                    f,
                    "the planned restart is due; it waits for sync events that run: {count}"
                )
            }
            Self::DisplayAwaited => f.write_str(
                "there is no display yet: the kiosk runs without a window until there is one",
            ),
            Self::DisplayCame { running_events } => write!(
                f,
                "the display is there; the kiosk restarts on it once no sync event runs (now: {running_events})"
            ),
            Self::Restarting => f.write_str("the kiosk restarts"),
        }
    }
}
