//! Tells a collector of OpenTelemetry of each attempt to send something: one span an attempt, one trace a registration. Nothing
//! in a span is chosen by a page: no tag, no address, no origin.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::event_key::event_key;
use super::otlp::{Exporter, Span, SpanStatus, TraceId};
use super::trace_settings::TraceSettings;
use crate::browser::background_sync::{EventOutcome, NextStep, SyncNotice};
use crate::event::Event;
use crate::sync_report::api::api_name;
use crate::sync_report::journal::outcome_code;

/// Registrations whose attempts are put into one trace, and events that run. What is beyond is not told.
const MAX_FOLLOWED: usize = 4_096;

/// Follows attempts.
pub struct Traces {
    exporter: Exporter,
    followed: HashMap<String, Followed>,
}

struct Followed {
    trace: TraceId,
    running_since: Option<SystemTime>,
    is_last_chance: bool,
}

impl Traces {
    /// Tells the collector from now on.
    pub fn start(settings: &TraceSettings) -> std::io::Result<Self> {
        Ok(Self {
            exporter: Exporter::start(settings)?,
            followed: HashMap::new(),
        })
    }

    /// Follows an event.
    pub fn note(&mut self, event: &Event) {
        let Event::Sync(notice) = event else { return };
        let Some(key) = event_key(notice) else { return };
        match notice {
            SyncNotice::Dispatched { last_chance, .. } => self.begin(key, *last_chance),
            SyncNotice::Finished { next, .. } => {
                self.end(&key, notice);
                if *next == NextStep::Removed {
                    self.followed.remove(&key);
                }
            }
            SyncNotice::Removed { .. } => {
                // Its event may run still, and ends later.
                if let Some(followed) = self.followed.get(&key)
                    && followed.running_since.is_none()
                {
                    self.followed.remove(&key);
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, key: String, is_last_chance: bool) {
        if self.followed.len() >= MAX_FOLLOWED && !self.followed.contains_key(&key) {
            return;
        }
        let followed = self.followed.entry(key).or_insert_with(|| Followed {
            trace: TraceId::random(),
            running_since: None,
            is_last_chance,
        });
        followed.running_since = Some(SystemTime::now());
        followed.is_last_chance = is_last_chance;
    }

    fn end(&mut self, key: &str, notice: &SyncNotice) {
        let SyncNotice::Finished {
            api,
            attempt,
            outcome,
            next,
            ..
        } = notice
        else {
            return;
        };
        let Some(followed) = self.followed.get_mut(key) else {
            return;
        };
        let Some(start) = followed.running_since.take() else {
            return;
        };
        self.exporter.export(Span {
            trace: followed.trace,
            api: api_name(*api),
            attempt: *attempt,
            is_last_chance: followed.is_last_chance,
            outcome: outcome_code(*outcome),
            status: match outcome {
                EventOutcome::Fulfilled => SpanStatus::Ok,
                EventOutcome::NotStarted => SpanStatus::Unset,
                EventOutcome::Rejected | EventOutcome::WorkerGone | EventOutcome::TimedOut => {
                    SpanStatus::Error
                }
            },
            next: next_code(*next),
            start,
            // A clock that was set back meanwhile makes it short, not negative.
            end: SystemTime::now().max(start),
        });
    }

    /// Waits a short while for the collector to take what is left, at the kiosk's end.
    pub fn finish(self, patience: Duration) {
        self.exporter.finish(patience);
    }
}

fn next_code(next: NextStep) -> &'static str {
    match next {
        NextStep::Removed => "removed",
        NextStep::RetryIn { .. } => "retry",
        NextStep::FiresAgain => "fires-again",
        NextStep::Parked => "parked",
        NextStep::IntervalOf { .. } => "interval",
        NextStep::Suspended => "suspended",
    }
}
