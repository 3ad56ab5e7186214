//! What happened, as a line of the log: how important it is, what it is about, and a sentence.

use log::Level;

use crate::browser::background_sync::{EventOutcome, NextStep, SyncNotice};
use crate::event::{Event, Network};
use crate::operator::text::printable;
use crate::sync_report::api::api_name;
use crate::sync_report::in_words::ahead;
use crate::sync_report::journal::outcome_code;
use crate::unattended_event::UnattendedEvent;

#[cfg(feature = "offline")]
use crate::browser::notifications::NotificationEvent;

/// A line of the log.
#[derive(Debug, PartialEq, Eq)]
pub struct EventLine {
    /// How important it is.
    pub level: Level,
    /// What it is about.
    pub target: &'static str,
    /// One line, whatever pages choose.
    pub text: String,
}

/// The line for an event, if it is worth one.
pub fn event_line(event: &Event) -> Option<EventLine> {
    let (level, target, text) = match event {
        Event::Sync(notice) => {
            let (level, text) = sync_line(notice)?;
            (level, "sync", text)
        }
        Event::Network(network) => {
            let text = match network {
                Network::Up => "there is a network",
                Network::Cut => "the network is cut for all pages",
                Network::Absent => "the machine has no network",
            };
            (Level::Info, "network", text.to_owned())
        }
        Event::Crashed(_, reason) => (Level::Error, "page", format!("a page crashed: {reason}")),
        Event::Unattended(event) => (unattended_level(event), "page", event.to_string()),
        Event::Screenshot(.., Err(reason)) => (Level::Warn, "page", reason.clone()),
        Event::MetricsServed(address) => (
            Level::Info,
            "metrics",
            format!("served at http://{address}/metrics"),
        ),
        #[cfg(feature = "offline")]
        Event::Notification(NotificationEvent::Desktop(_, Err(reason))) => (
            Level::Warn,
            "notifications",
            format!("the desktop does not show one, the window does: {reason}"),
        ),
        _ => return None,
    };
    Some(EventLine {
        level,
        target,
        text: printable(&text),
    })
}

fn unattended_level(event: &UnattendedEvent) -> Level {
    match event {
        UnattendedEvent::NavigationBlocked { .. } | UnattendedEvent::LoadFailed { .. } => {
            Level::Warn
        }
        UnattendedEvent::ReloadPlanned { .. }
        | UnattendedEvent::VisitEnded
        | UnattendedEvent::RestartDue { .. }
        | UnattendedEvent::DisplayAwaited
        | UnattendedEvent::DisplayCame { .. }
        | UnattendedEvent::Restarting => Level::Info,
    }
}

fn sync_line(notice: &SyncNotice) -> Option<(Level, String)> {
    let what = what(notice);
    Some(match notice {
        SyncNotice::Restored { count: 0 } => return None,
        SyncNotice::Restored { count } => (
            Level::Info,
            format!("{count} registrations were read from the profile"),
        ),
        SyncNotice::SetAside { records, .. } => (
            Level::Error,
            format!("{records} registrations could not be read and are set aside"),
        ),
        SyncNotice::Registered {
            duplicate: true, ..
        } => (Level::Debug, format!("{what} is registered again")),
        SyncNotice::Registered { .. } => (Level::Info, format!("{what} is registered")),
        SyncNotice::Rejected { reason, .. } => {
            (Level::Warn, format!("{what} is refused: {reason}"))
        }
        SyncNotice::HeldBack { why, .. } => (Level::Debug, format!("{what} is held back: {why}")),
        SyncNotice::Dispatched {
            attempt,
            last_chance,
            ..
        } => {
            let last = if *last_chance { ", the last one" } else { "" };
            (
                Level::Info,
                format!("{what} fires, attempt {attempt}{last}"),
            )
        }
        SyncNotice::Finished {
            attempt,
            outcome,
            next,
            ..
        } => {
            let level = match outcome {
                // The first event of an app after the kiosk's start has its worker started, and fires again.
                EventOutcome::Fulfilled | EventOutcome::NotStarted => Level::Info,
                EventOutcome::Rejected | EventOutcome::WorkerGone | EventOutcome::TimedOut => {
                    Level::Warn
                }
            };
            let ended = outcome_code(*outcome);
            let text = format!(
                "{what}: attempt {attempt} ended, {ended}{}",
                next_words(*next)
            );
            (level, text)
        }
        SyncNotice::Removed { reason, .. } => {
            (Level::Warn, format!("{what} is removed: {reason:?}"))
        }
        SyncNotice::StorageFailed { fault, .. } => {
            (Level::Error, format!("{what} could not be stored: {fault}"))
        }
        _ => return None,
    })
}

/// `"outbox" of https://app.example/ (one-shot)`
fn what(notice: &SyncNotice) -> String {
    let tag = notice.tag().map(ToString::to_string).unwrap_or_default();
    match (notice.scope(), notice.api()) {
        (Some(scope), Some(api)) => format!("{tag:?} of {scope} ({})", api_name(api)),
        _ => String::new(),
    }
}

fn next_words(next: NextStep) -> String {
    match next {
        NextStep::Removed => ", and it is done".to_owned(),
        NextStep::RetryIn { ms } => format!("; the next one {}", ahead(ms)),
        NextStep::FiresAgain => "; it fires again, since it was registered again".to_owned(),
        NextStep::Parked => "; it waits for an active worker".to_owned(),
        NextStep::IntervalOf { ms } => format!("; the next event {}", ahead(ms)),
        NextStep::Suspended => "; it is suspended".to_owned(),
    }
}
