//! What is counted of background sync. Its labels are names of ours only: no tag, no address, no origin.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use servo::background_sync::{RegistrationInfo, RegistrationState, RemovalReason, SyncApi};

use super::due::next_due;
use super::event_key::event_key;
use crate::browser::background_sync::{EventOutcome, NextStep, SyncNotice};
use crate::sync_report::api::{API_NAMES, api_name};
use crate::sync_report::journal::outcome_code;
use crate::sync_report::rows::state_name;

/// Events whose duration is being measured. More than run at the same time under any policy that makes sense; those beyond are
/// counted, but not measured.
const MAX_MEASURED_EVENTS: usize = 4_096;

/// Upper ends of the buckets of durations, in seconds: from a request on a fast network to the longest event by default.
const DURATION_BUCKETS_S: [f64; 11] = [
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 180.0, 300.0,
];

const OUTCOMES: [EventOutcome; 5] = [
    EventOutcome::Fulfilled,
    EventOutcome::Rejected,
    EventOutcome::WorkerGone,
    EventOutcome::TimedOut,
    EventOutcome::NotStarted,
];

const STATES: [RegistrationState; 4] = [
    RegistrationState::Pending,
    RegistrationState::Waiting,
    RegistrationState::Firing,
    RegistrationState::ReregisteredWhileFiring,
];

/// Why something that was registered will never be sent, though its app has not taken it back.
const LOSSES: [&str; 5] = [
    "given-up",
    "interrupted-too-often",
    "worker-unregistered",
    "permission-denied",
    "cleared",
];

/// A name and a value.
type Label = (&'static str, &'static str);

type ByApi = Family<[Label; 1], Counter>;
type ByApiAndMore = Family<[Label; 2], Counter>;
type DurationByApi = Family<[Label; 1], Histogram, fn() -> Histogram>;

/// What is counted of background sync.
pub struct SyncMetrics {
    registrations: Family<[Label; 2], Gauge>,
    oldest_age: Gauge<f64, AtomicU64>,
    /// Without a value while nothing is due.
    next_due: Family<[Label; 0], Gauge<f64, AtomicU64>>,
    registered: ByApi,
    refused: ByApi,
    attempts: ByApi,
    last_chances: ByApi,
    events: ByApiAndMore,
    lost: ByApiAndMore,
    durations: DurationByApi,
    unreadable: Counter,
    storage_failures: ByApi,
    /// Events that run.
    running: HashMap<String, Running>,
}

struct Running {
    since: Instant,
    is_last_chance: bool,
}

impl SyncMetrics {
    /// All at zero.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            registrations: Family::default(),
            oldest_age: Gauge::default(),
            next_due: Family::default(),
            registered: Family::default(),
            refused: Family::default(),
            attempts: Family::default(),
            last_chances: Family::default(),
            events: Family::default(),
            lost: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS_S)),
            unreadable: Counter::default(),
            storage_failures: Family::default(),
            running: HashMap::new(),
        };
        metrics.register(registry);
        metrics.begin_at_zero();
        metrics
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "registrations",
            "Sync registrations by API and state",
            self.registrations.clone(),
        );
        registry.register_with_unit(
            "oldest_pending_age",
            "Age of the oldest one-shot registration that has not been sent, 0 if there is none",
            Unit::Seconds,
            self.oldest_age.clone(),
        );
        registry.register_with_unit(
            "next_due_timestamp",
            "When background sync is due next by itself, by the wall clock; absent while nothing is",
            Unit::Seconds,
            self.next_due.clone(),
        );
        for (name, help, counter) in [
            (
                "registered",
                "Registrations that were accepted and stored, without repeated ones",
                &self.registered,
            ),
            ("refused", "Registrations that were refused", &self.refused),
            (
                "attempts",
                "Events that were given to a service worker",
                &self.attempts,
            ),
            (
                "last_chances",
                "Attempts that were the last one of their registration",
                &self.last_chances,
            ),
            (
                "storage_failures",
                "Operations of the store of registrations that failed",
                &self.storage_failures,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
        registry.register(
            "events",
            "Events that ended, by outcome",
            self.events.clone(),
        );
        registry.register(
            "lost",
            "Registrations that will never be sent, though their app has not taken them back",
            self.lost.clone(),
        );
        registry.register(
            "unreadable",
            "Stored registrations that could not be read and are set aside",
            self.unreadable.clone(),
        );
        registry.register_with_unit(
            "event_duration",
            "How long events ran",
            Unit::Seconds,
            self.durations.clone(),
        );
    }

    /// A series that appears with its first event would hide that event from `rate()`.
    fn begin_at_zero(&self) {
        for api in API_NAMES {
            let label = ("api", api);
            for counter in [
                &self.registered,
                &self.refused,
                &self.attempts,
                &self.last_chances,
                &self.storage_failures,
            ] {
                counter.get_or_create_owned(&[label]);
            }
            self.durations.get_or_create_owned(&[label]);
            for outcome in OUTCOMES {
                let outcome = ("outcome", outcome_code(outcome));
                self.events.get_or_create_owned(&[label, outcome]);
            }
            for reason in LOSSES {
                self.lost.get_or_create_owned(&[label, ("reason", reason)]);
            }
        }
    }

    /// Counts what the engine tells.
    pub fn note(&mut self, notice: &SyncNotice) {
        let label = notice.api().map(api_label);
        match (notice, label) {
            (
                SyncNotice::Registered {
                    duplicate: false, ..
                },
                Some(api),
            ) => {
                self.registered.get_or_create(&[api]).inc();
            }
            (SyncNotice::Rejected { .. }, Some(api)) => {
                self.refused.get_or_create(&[api]).inc();
            }
            (SyncNotice::Dispatched { last_chance, .. }, Some(api)) => {
                self.attempts.get_or_create(&[api]).inc();
                if *last_chance {
                    self.last_chances.get_or_create(&[api]).inc();
                }
                if let Some(key) = event_key(notice)
                    && self.running.len() < MAX_MEASURED_EVENTS
                {
                    let running = Running {
                        since: Instant::now(),
                        is_last_chance: *last_chance,
                    };
                    self.running.insert(key, running);
                }
            }
            (SyncNotice::Finished { outcome, next, .. }, Some(api)) => {
                let outcome_label = ("outcome", outcome_code(*outcome));
                self.events.get_or_create(&[api, outcome_label]).inc();
                let ran = event_key(notice).and_then(|key| self.running.remove(&key));
                if let Some(ran) = &ran {
                    let seconds = ran.since.elapsed().as_secs_f64();
                    self.durations.get_or_create(&[api]).observe(seconds);
                }
                let was_last = ran.is_some_and(|ran| ran.is_last_chance);
                if was_last && *next == NextStep::Removed && *outcome != EventOutcome::Fulfilled {
                    self.lose(api, "given-up");
                }
            }
            (SyncNotice::Removed { reason, .. }, Some(api)) => {
                match reason {
                    RemovalReason::InterruptedTooOften => self.lose(api, "interrupted-too-often"),
                    RemovalReason::WorkerUnregistered => self.lose(api, "worker-unregistered"),
                    RemovalReason::PermissionDenied => self.lose(api, "permission-denied"),
                    RemovalReason::Cleared => self.lose(api, "cleared"),
                    // The app wants it so, or the same is registered still.
                    RemovalReason::Unregistered | RemovalReason::StoredTwice => {}
                }
            }
            (SyncNotice::StorageFailed { .. }, Some(api)) => {
                self.storage_failures.get_or_create(&[api]).inc();
            }
            (SyncNotice::SetAside { records, .. }, _) => {
                self.unreadable.inc_by(*records);
            }
            _ => {}
        }
    }

    fn lose(&self, api: Label, reason: &'static str) {
        self.lost.get_or_create(&[api, ("reason", reason)]).inc();
    }

    /// Takes what is registered now.
    pub fn measure(&self, registrations: &[RegistrationInfo]) {
        for api in API_NAMES {
            for state in STATES {
                let state = state_name(state);
                let count = registrations
                    .iter()
                    .filter(|it| api_name(it.api) == api && state_name(it.state) == state)
                    .count();
                self.registrations
                    .get_or_create(&[("api", api), ("state", state)])
                    .set(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        // One that repeats stays for ever, and is not late for that.
        let once = registrations
            .iter()
            .filter(|it| it.api != SyncApi::Periodic);
        let oldest = once
            .map(|it| Duration::from_millis(it.registered_at.0))
            .min();
        // A clock that was set back makes it new.
        let age = oldest.map_or(Duration::ZERO, |at| now.saturating_sub(at));
        self.oldest_age.set(age.as_secs_f64());
        match next_due(registrations) {
            Some(time) => {
                self.next_due
                    .get_or_create(&[])
                    .set((now + time).as_secs_f64());
            }
            None => self.next_due.clear(),
        }
    }
}

fn api_label(api: SyncApi) -> Label {
    ("api", api_name(api))
}
