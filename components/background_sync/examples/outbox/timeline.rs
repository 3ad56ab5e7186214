//! What a person reads.

use std::io::IsTerminal;
use std::sync::mpsc::Sender;
use std::time::Instant;

use background_sync::{Embedder, EventOutcome, NextStep, SyncNotification};

/// Prints one line per thing that happens, with the time since the start.
#[derive(Clone)]
pub struct Timeline {
    start: Instant,
    in_color: bool,
}

impl Timeline {
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
            in_color: std::io::stdout().is_terminal(),
        }
    }

    pub fn say(&self, who: &str, what: &str) {
        let seconds = self.start.elapsed().as_secs_f32();
        let color = match who {
            "page" => 36,
            "worker" => 35,
            "server" => 33,
            "network" => 34,
            "sync" => 32,
            _ => 1,
        };
        if self.in_color {
            println!("\x1b[2m{seconds:7.3} s\x1b[0m  \x1b[{color}m{who:8}\x1b[0m {what}");
        } else {
            println!("{seconds:7.3} s  {who:8} {what}");
        }
    }
}

/// Puts the manager's notifications on the timeline.
pub struct Watcher {
    timeline: Timeline,
    notifications: Sender<SyncNotification>,
}

impl Watcher {
    pub fn new(timeline: Timeline, notifications: Sender<SyncNotification>) -> Self {
        Self {
            timeline,
            notifications,
        }
    }
}

impl Embedder for Watcher {
    fn notify(&self, notification: &SyncNotification) {
        if let Some(text) = describe(notification) {
            self.timeline.say("sync", &text);
        }
        let _ = self.notifications.send(notification.clone());
    }
}

fn describe(notification: &SyncNotification) -> Option<String> {
    Some(match notification {
        SyncNotification::Restored { count: 0 } => return None,
        SyncNotification::Restored { count } => format!("{count} registration(s) found on disk"),
        SyncNotification::Registered {
            tag,
            duplicate: false,
            ..
        } => {
            format!("‘{tag}’ is registered, durably")
        }
        SyncNotification::Registered {
            tag,
            duplicate: true,
            ..
        } => {
            format!("‘{tag}’ was registered already: one event will do")
        }
        SyncNotification::Rejected { reason, .. } => format!("register() is refused: {reason}"),
        SyncNotification::HeldBack { tag, why, .. } => format!("‘{tag}’ is held back: {why}"),
        SyncNotification::Dispatched {
            tag,
            attempt,
            last_chance,
            ..
        } => {
            let last = if *last_chance {
                ", the last chance"
            } else {
                ""
            };
            format!("‘{tag}’ fires, attempt {attempt}{last}")
        }
        SyncNotification::Finished {
            tag, outcome, next, ..
        } => {
            let outcome = match outcome {
                EventOutcome::Fulfilled => "has succeeded",
                EventOutcome::Rejected => "has failed",
                EventOutcome::WorkerGone => "has lost its worker",
                EventOutcome::TimedOut => "took too long",
                EventOutcome::NotStarted => "found no worker",
            };
            let next = match next {
                NextStep::Removed => "done".to_owned(),
                NextStep::RetryIn { ms } => format!("next attempt in {ms} ms"),
                NextStep::FiresAgain => "it fires again".to_owned(),
                NextStep::Parked => "it waits for a worker".to_owned(),
                // This page registers nothing that repeats.
                NextStep::IntervalOf { .. } | NextStep::Suspended => {
                    "fires again some time".to_owned()
                }
            };
            format!("‘{tag}’ {outcome}; {next}")
        }
        SyncNotification::ConnectivityChanged {
            connectivity,
            pending,
            waiting,
        } => {
            format!("{connectivity:?} now; {pending} pending, {waiting} waiting for a retry")
        }
        other => format!("{other:?}"),
    })
}
