//! A run without a window: what is due is delivered, then the kiosk ends.

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::json;

use super::plan::Direction;
use crate::browser::Browser;
use crate::browser::background_sync::{EventOutcome, NextStep, SyncNotice};
use crate::event::{Event, Network};
use crate::failure::FailureKind;
use crate::fleet::due::{Due, due, next_due};
use crate::fleet::event_key::event_key;

/// What is due within this time is waited for: to end and to be started again would take longer.
const SOON: Duration = Duration::from_secs(10);

/// How long the network is waited for, if something waits for it: a device that has just woken up has none for a while.
const NETWORK_PATIENCE: Duration = Duration::from_secs(30);

/// How long a worker may take to be there, from when something was last told: the first event of an app has its worker read
/// and started.
const WORKER_PATIENCE: Duration = Duration::from_secs(10);

/// How long the registrations may take to be read.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// After this time only events that run already are waited for, which have a limit of their own: a server that fails again and
/// again does not keep the device awake.
const LONGEST_RUN: Duration = Duration::from_secs(15 * 60);

/// What is worked on is looked at again after this time, if nothing is told of it.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// A run without a window.
pub struct SyncOnlyRun {
    start: Instant,
    /// Whether the registrations have been read.
    has_begun: bool,
    has_news: bool,
    next_look: Instant,
    last_notice: Instant,
    done: Done,
}

/// What it has done so far, in events.
#[derive(Default)]
struct Done {
    delivered: u64,
    failed: u64,
    given_up: u64,
    /// What has failed and has not been delivered since.
    undelivered: HashSet<String>,
}

impl SyncOnlyRun {
    /// If the kiosk is there for that.
    pub fn start(direction: Direction, start: Instant) -> Option<Self> {
        (direction == Direction::SyncOnly).then(|| Self {
            start,
            has_begun: false,
            has_news: false,
            next_look: start + START_PATIENCE,
            last_notice: start,
            done: Done::default(),
        })
    }

    /// When it looks again, if nothing happens before.
    pub fn deadline(&self) -> Instant {
        self.next_look
    }

    /// Follows an event.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::Sync(notice) => self.note_sync(notice),
            Event::Network(_) => self.has_news = true,
            _ => {}
        }
    }

    fn note_sync(&mut self, notice: &SyncNotice) {
        self.has_news = true;
        self.last_notice = Instant::now();
        match notice {
            SyncNotice::Restored { .. } => self.has_begun = true,
            // Its worker is started now.
            SyncNotice::Finished {
                outcome: EventOutcome::NotStarted,
                ..
            } => {}
            SyncNotice::Finished { outcome, next, .. } => {
                let key = event_key(notice).unwrap_or_default();
                let done = &mut self.done;
                if *outcome == EventOutcome::Fulfilled {
                    done.delivered += 1;
                    done.undelivered.remove(&key);
                    return;
                }
                done.undelivered.insert(key);
                match next {
                    NextStep::Removed => done.given_up += 1,
                    _ => done.failed += 1,
                }
            }
            _ => {}
        }
    }

    /// Ends the kiosk, if there is nothing left to wait for.
    pub fn look(&mut self, browser: &Browser) -> Option<ExitCode> {
        let now = Instant::now();
        if !std::mem::take(&mut self.has_news) && now < self.next_look {
            return None;
        }
        let Some(manager) = browser.sync_manager() else {
            eprintln!("kiosk: background sync is off in this configuration");
            return Some(FailureKind::Usage.exit_code());
        };
        if !self.has_begun {
            if now < self.start + START_PATIENCE {
                return None;
            }
            eprintln!("kiosk: what is to be sent could not be read in time");
            return Some(FailureKind::Environment.exit_code());
        }
        let registrations = manager.registrations();
        let dues: Vec<_> = registrations.iter().map(|it| due(&it.why)).collect();
        let network = browser.network();
        self.next_look = match self.wait(&dues, network, now) {
            Some(until) => until,
            None => {
                let next_due = next_due(&registrations);
                println!("{}", self.report(registrations.len(), next_due, network));
                return Some(self.exit_code());
            }
        };
        None
    }

    /// Until when there is something to wait for.
    fn wait(&self, dues: &[Due], network: Network, now: Instant) -> Option<Instant> {
        let is_late = now >= self.start + LONGEST_RUN;
        let end_of_network_patience = self.start + NETWORK_PATIENCE;
        let end_of_worker_patience = self.last_notice + WORKER_PATIENCE;
        let waits = dues.iter().filter_map(|due| match *due {
            Due::Running => Some(now + LOOK_AGAIN),
            _ if is_late => None,
            Due::Now => Some(now + LOOK_AGAIN),
            Due::In(time) if time <= SOON => Some(now + time.max(Duration::from_millis(1))),
            Due::WithNetwork if network == Network::Up => Some(now + LOOK_AGAIN),
            // Who has cut it will not restore it meanwhile.
            Due::WithNetwork if network == Network::Absent && now < end_of_network_patience => {
                Some(end_of_network_patience)
            }
            Due::WithWorker if now < end_of_worker_patience => Some(end_of_worker_patience),
            Due::In(_) | Due::WithNetwork | Due::WithWorker | Due::Never => None,
        });
        waits.min()
    }

    fn report(&self, left: usize, next_due: Option<Duration>, network: Network) -> String {
        let as_ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        json!({
            "event": "sync-only",
            "delivered": self.done.delivered,
            "failed": self.done.failed,
            "given_up": self.done.given_up,
            "left": left,
            "next_due_in_ms": next_due.map(as_ms),
            "network": network.name(),
            "ms": as_ms(self.start.elapsed()),
        })
        .to_string()
    }

    fn exit_code(&self) -> ExitCode {
        match self.done.undelivered.is_empty() {
            true => ExitCode::SUCCESS,
            false => FailureKind::Unsuccessful.exit_code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> SyncOnlyRun {
        SyncOnlyRun::start(Direction::SyncOnly, Instant::now()).expect("it is for that")
    }

    #[test]
    fn what_is_due_soon_is_waited_for() {
        let run = run();
        let now = run.start;
        let wait = |dues: &[Due], network| run.wait(dues, network, now);
        assert_eq!(wait(&[], Network::Up), None);
        assert_eq!(wait(&[Due::Never, Due::In(SOON * 2)], Network::Up), None);
        assert_eq!(
            wait(&[Due::In(SOON), Due::Running], Network::Up),
            Some(now + LOOK_AGAIN)
        );
        assert_eq!(wait(&[Due::In(SOON)], Network::Up), Some(now + SOON));
        assert_eq!(
            wait(&[Due::WithNetwork], Network::Absent),
            Some(now + NETWORK_PATIENCE)
        );
        assert_eq!(wait(&[Due::WithNetwork], Network::Cut), None);
        let later = now + NETWORK_PATIENCE;
        assert_eq!(run.wait(&[Due::WithNetwork], Network::Absent, later), None);
    }

    #[test]
    fn a_worker_is_waited_for_while_it_starts() {
        let run = run();
        let patience_ends = run.last_notice + WORKER_PATIENCE;
        let wait = |now| run.wait(&[Due::WithWorker], Network::Up, now);
        assert_eq!(wait(run.start), Some(patience_ends));
        assert_eq!(wait(patience_ends), None);
    }

    #[test]
    fn a_run_is_bounded() {
        let run = run();
        let late = run.start + LONGEST_RUN;
        let soon = Due::In(Duration::from_secs(1));
        assert_eq!(run.wait(&[soon, Due::Now], Network::Up, late), None);
        assert!(run.wait(&[soon, Due::Running], Network::Up, late).is_some());
    }

    #[test]
    fn a_failure_is_told() {
        let mut run = run();
        assert_eq!(run.exit_code(), ExitCode::SUCCESS);
        run.done.undelivered.insert("outbox".to_owned());
        assert_ne!(run.exit_code(), ExitCode::SUCCESS);
    }
}
