//! The journal, line by line.

use background_sync_core::{
    Connectivity, EventOutcome, ExtraInterval, JournalEntry, NextStep, SyncApi, SyncNotification,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::api::{api_name, words};
use super::in_words::{ahead, roughly};
use super::reason::of_running;
use super::refusal::{of_removal, of_request};
use crate::browser::sync_notice::notice_to_json;

/// An entry of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalRow {
    /// Its place in the journal; grows, also across restarts.
    pub sequence: u64,
    /// When it happened (the last time), in milliseconds since 1970 by the wall clock.
    pub at_ms: u64,
    /// How often in a row.
    pub times: u32,
    /// For people.
    pub sentence: String,
    /// `kind`, `api`, `scope`, `tag` and others, as on the control channel but for the name of the API.
    #[serde(flatten)]
    pub what: Map<String, Value>,
}

impl JournalRow {
    /// The row for an entry.
    pub fn new(entry: &JournalEntry) -> Self {
        let mut what = match notice_to_json(&entry.what) {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        // That of the control channel, where there are others.
        what.remove("event");
        if let Some(api) = entry.what.api() {
            what.insert("api".to_owned(), api_name(api).into());
        }
        Self {
            sequence: entry.sequence,
            at_ms: entry.at.0,
            times: entry.times,
            sentence: tell(&entry.what),
            what,
        }
    }

    /// What it is about; empty if it is about the kiosk as a whole.
    pub fn tag(&self) -> &str {
        self.what.get("tag").and_then(Value::as_str).unwrap_or("")
    }
}

/// In a few words, for people.
fn tell(what: &SyncNotification) -> String {
    match what {
        SyncNotification::Restored { count } => {
            format!("the kiosk started; {count} were waiting")
        }
        SyncNotification::SetAside { records, file } => match file {
            Some(file) => {
                format!("storage was damaged: {records} are lost, the file is kept as {file}")
            }
            None => format!("storage was damaged: {records} are lost"),
        },
        SyncNotification::Registered { api, duplicate, .. } => match duplicate {
            false => format!("stored, waits to be {}", words(*api).sent),
            true => "asked for again while it waited".to_owned(),
        },
        SyncNotification::Rejected { api, reason, .. } => {
            format!("not accepted: {}", of_request(*api, reason).1)
        }
        SyncNotification::HeldBack { api, why, .. } => {
            format!("waits for {}", of_running(*api, why).short)
        }
        SyncNotification::Dispatched {
            api,
            attempt,
            last_chance,
            ..
        } => {
            let last = if *last_chance { ", the last one" } else { "" };
            format!("is being {}, try {attempt}{last}", words(*api).sent)
        }
        SyncNotification::Finished {
            api, outcome, next, ..
        } => format!("{}{}", tell_outcome(*api, *outcome), tell_next(*next)),
        SyncNotification::Removed { api, reason, .. } => of_removal(*api, *reason).1,
        SyncNotification::ConnectivityChanged {
            connectivity,
            pending,
            waiting,
        } => {
            let waiting = pending + waiting;
            match connectivity {
                Connectivity::Online => format!("the network is there; {waiting} waited"),
                Connectivity::Offline => format!("the network is gone; {waiting} wait"),
            }
        }
        SyncNotification::StorageFailed { fault, .. } => {
            format!("could not be stored: {}", fault.reason)
        }
        SyncNotification::ExtraIntervalSet { extra, .. } => match extra {
            ExtraInterval::Ms(ms) => {
                format!("updates come less often from now on, by {}", roughly(*ms))
            }
            ExtraInterval::Never => "updates are switched off".to_owned(),
        },
        // There may be more in another version of the component.
        _ => "something happened that this kiosk can't tell".to_owned(),
    }
}

/// How an event ended: `sent`, say.
pub fn tell_outcome(api: SyncApi, outcome: EventOutcome) -> String {
    let sent = words(api).sent;
    match outcome {
        EventOutcome::Fulfilled => sent.to_owned(),
        EventOutcome::Rejected => format!("not {sent}"),
        EventOutcome::WorkerGone => format!("not {sent}: the app stopped meanwhile"),
        EventOutcome::TimedOut => format!("not {sent}: it took too long and was stopped"),
        EventOutcome::NotStarted => format!("not {sent}: the app could not be started"),
    }
}

/// By its name for programs.
pub fn outcome_code(outcome: EventOutcome) -> &'static str {
    match outcome {
        EventOutcome::Fulfilled => "fulfilled",
        EventOutcome::Rejected => "rejected",
        EventOutcome::WorkerGone => "worker-gone",
        EventOutcome::TimedOut => "timed-out",
        EventOutcome::NotStarted => "not-started",
    }
}

fn tell_next(next: NextStep) -> String {
    match next {
        NextStep::Removed => String::new(),
        NextStep::RetryIn { ms } => format!("; the next try {}", ahead(ms)),
        NextStep::FiresAgain => "; once more, since it was asked for again".to_owned(),
        NextStep::Parked => "; waits for its app's installation".to_owned(),
        NextStep::IntervalOf { ms } => format!("; the next one {}", ahead(ms)),
        NextStep::Suspended => "; switched off from now on".to_owned(),
    }
}
