//! The lines on the control socket. Both sides are this program, maybe in two versions: what one does not know is an error
//! that says so.

use std::time::Duration;

use background_sync_core::{ScopeKey, SyncApi, Tag};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sync_report::api::api_name;

/// Bytes of a request, with its end of line: room for the longest tag and the longest scope.
pub const MAX_REQUEST_BYTES: u64 = 512 * 1024;

/// Bytes of one line of an answer: a registration and its history, with the longest names.
pub const MAX_ANSWER_LINE_BYTES: u64 = 16 * 1024 * 1024;

/// Bytes of a picture: the largest page without any compression.
pub const MAX_PICTURE_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// How long the kiosk may take for what it can answer at once, or once the page has been drawn.
const SHORT_WORK: Duration = Duration::from_secs(30);

/// How long it may take to send something, or to remove very many registrations durably.
const LONG_WORK: Duration = Duration::from_mins(15);

/// What a kiosk can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// How the kiosk is. `ok` is a [`Status`].
    Status,
    /// All registrations. An item for each, a `SyncRow`; `ok` is how many there are.
    Syncs,
    /// Why something has not been sent. An item for each that is meant, a `WhyRow`; `ok` is how many there are.
    Why(Selection),
    /// Send something now. `ok` has `outcome` and `sentence`.
    Dispatch(Selection),
    /// Remove the registrations of an origin. `ok` has `removed`, how many there were.
    Clear {
        /// `https://app.example`, say.
        origin: String,
    },
    /// What has happened. An item for each entry, a `JournalRow`; `ok` is how many there are.
    Journal {
        /// Only so many of the newest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<usize>,
    },
    /// As `journal`, and then without end what happens.
    FollowJournal {
        /// Only so many of what has happened already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<usize>,
    },
    /// What the page looks like. `ok` has `png_bytes`; so many bytes of a PNG file follow.
    Screenshot,
    /// Load the page again. `ok` is null.
    Reload,
    /// Load another page. `ok` is null.
    Open {
        /// Its address.
        url: String,
    },
}

impl Request {
    /// How long its answer may take to begin.
    pub fn limit(&self) -> Duration {
        match self {
            Self::Status
            | Self::Syncs
            | Self::Why(_)
            | Self::Journal { .. }
            | Self::FollowJournal { .. }
            | Self::Screenshot
            | Self::Reload
            | Self::Open { .. } => SHORT_WORK,
            Self::Dispatch(_) | Self::Clear { .. } => LONG_WORK,
        }
    }
}

/// Which registrations are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// The name; U+FFFD stands for each lone surrogate.
    pub tag: String,
    /// Only of this scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Only of this API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
}

impl Selection {
    /// Whether this one is meant.
    pub fn chooses(&self, api: SyncApi, scope: &ScopeKey, tag: &Tag) -> bool {
        let (wanted_scope, wanted_api) = (self.scope.as_deref(), self.api.as_deref());
        tag.to_string_lossy() == self.tag
            && wanted_scope.is_none_or(|wanted| wanted == scope.scope.as_str())
            && wanted_api.is_none_or(|wanted| wanted == api_name(api))
    }
}

/// One line of an answer. The last one is `ok` or `error`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// One of several things.
    Item(Value),
    /// That was all.
    Ok(Value),
    /// It is refused, or has failed: a sentence.
    Error(String),
}

/// How a running kiosk is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// That one runs. Without one, the profile answers with this and `syncs` only.
    pub running: bool,
    /// The kiosk's version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Milliseconds since its start.
    pub uptime_ms: u64,
    /// Its profile's folder.
    pub profile: String,
    /// The page's address; `None`: no window is open.
    pub url: Option<String>,
    /// `up`, `cut` (by hand) or `absent` (the machine has none).
    pub network: String,
    /// How many registrations there are.
    pub syncs: u64,
    /// In how many milliseconds background sync has something to do by itself: an event that is due, say.
    pub next_wakeup_in_ms: Option<u64>,
    /// Connections to the control socket that were accepted since the start.
    pub connections: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_as_lines() {
        for (line, request) in [
            (r#"{"request":"status"}"#, Request::Status),
            (
                r#"{"request":"why","tag":"a"}"#,
                Request::Why(Selection {
                    tag: "a".to_owned(),
                    scope: None,
                    api: None,
                }),
            ),
            (
                r#"{"request":"follow-journal","limit":10}"#,
                Request::FollowJournal { limit: Some(10) },
            ),
            (
                r#"{"request":"clear","origin":"https://a.example"}"#,
                Request::Clear {
                    origin: "https://a.example".to_owned(),
                },
            ),
        ] {
            assert_eq!(
                serde_json::from_str::<Request>(line).ok(),
                Some(request.clone())
            );
            assert_eq!(serde_json::to_string(&request).ok().as_deref(), Some(line));
        }
        for wrong in [
            "",
            "{}",
            r#"{"request":"fly"}"#,
            r#"{"request":"why"}"#,
            "[1]",
        ] {
            assert!(serde_json::from_str::<Request>(wrong).is_err(), "{wrong}");
        }
    }
}
