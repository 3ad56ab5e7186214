//! The restart at a time of day: when it is due, and how long it waits for sync events.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, TimeZone};

use crate::time_of_day::TimeOfDay;

/// The clock may be set meanwhile, and nobody tells: it is looked at after so long, at the latest.
const LOOK_AGAIN: Duration = Duration::from_secs(10 * 60);

/// A time that is past by longer than this was passed by when the clock was set. The next one counts.
const LATE_MINUTES: i64 = 15;

/// What is to be done about the restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing.
    Wait,
    /// It is due from now on, and waits for sync events.
    Due,
    /// The restart.
    Restart,
}

/// A restart that is planned.
#[derive(Debug)]
pub struct PlannedRestart<Z: TimeZone> {
    at: TimeOfDay,
    /// The event cap of the sync policy: none runs for longer.
    longest_event: Duration,
    next: Option<DateTime<Z>>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// It is time to look at the clock.
    Ahead(Instant),
    /// Events are waited for until then.
    Due(Instant),
}

impl<Z: TimeZone> PlannedRestart<Z> {
    /// The next time is the first one after `clock`.
    pub fn new(at: TimeOfDay, longest_event: Duration, now: Instant, clock: &DateTime<Z>) -> Self {
        let mut planned = Self {
            at,
            longest_event,
            next: None,
            phase: Phase::Ahead(now),
        };
        planned.plan(now, clock);
        planned
    }

    /// When [`Self::look`] is to be asked.
    pub fn deadline(&self) -> Instant {
        match self.phase {
            Phase::Ahead(time) | Phase::Due(time) => time,
        }
    }

    /// What is to be done, while so many sync events run.
    pub fn look(&mut self, now: Instant, clock: &DateTime<Z>, running_events: u64) -> Look {
        match self.phase {
            Phase::Due(limit) if running_events == 0 || limit <= now => Look::Restart,
            Phase::Due(_) => Look::Wait,
            Phase::Ahead(time) if now < time => Look::Wait,
            Phase::Ahead(_) if !self.is_due(clock) => {
                self.plan(now, clock);
                Look::Wait
            }
            Phase::Ahead(_) => {
                self.phase = Phase::Due(now.checked_add(self.longest_event).unwrap_or(now));
                Look::Due
            }
        }
    }

    fn is_due(&self, clock: &DateTime<Z>) -> bool {
        self.next.as_ref().is_some_and(|next| {
            let late = clock.clone().signed_duration_since(next.clone());
            late >= TimeDelta::zero() && late <= TimeDelta::minutes(LATE_MINUTES)
        })
    }

    fn plan(&mut self, now: Instant, clock: &DateTime<Z>) {
        self.next = self.at.next_after(clock);
        let left = self
            .next
            .as_ref()
            .and_then(|next| {
                next.clone()
                    .signed_duration_since(clock.clone())
                    .to_std()
                    .ok()
            })
            .map_or(LOOK_AGAIN, |left| left.min(LOOK_AGAIN));
        self.phase = Phase::Ahead(now.checked_add(left).unwrap_or(now));
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    const CAP: Duration = Duration::from_secs(30);

    fn clock(text: &str) -> DateTime<Utc> {
        format!("2026-11-29T{text}Z").parse().expect("a time")
    }

    fn planned(now: Instant, time: &str) -> PlannedRestart<Utc> {
        let at = "03:30".parse().expect("a time of day");
        PlannedRestart::new(at, CAP, now, &clock(time))
    }

    #[test]
    fn it_comes_at_its_time() {
        let now = Instant::now();
        let mut restart = planned(now, "03:29:55");
        assert_eq!(restart.deadline(), now + Duration::from_secs(5));
        assert_eq!(restart.look(now, &clock("03:29:55"), 0), Look::Wait);
        let now = restart.deadline();
        assert_eq!(restart.look(now, &clock("03:30:00"), 0), Look::Due);
        assert_eq!(restart.look(now, &clock("03:30:00"), 0), Look::Restart);
    }

    #[test]
    fn it_waits_for_events_but_not_for_ever() {
        let now = Instant::now();
        let mut restart = planned(now, "03:29:55");
        let now = restart.deadline();
        assert_eq!(restart.look(now, &clock("03:30:00"), 2), Look::Due);
        assert_eq!(restart.look(now, &clock("03:30:01"), 1), Look::Wait);
        assert_eq!(restart.deadline(), now + CAP);
        assert_eq!(
            restart.look(now + CAP, &clock("03:30:30"), 1),
            Look::Restart
        );
    }

    #[test]
    fn a_clock_that_is_set_is_noticed() {
        let now = Instant::now();
        let mut restart = planned(now, "00:00:00");
        assert_eq!(restart.deadline(), now + LOOK_AGAIN);
        // It was three hours slow, or ten.
        let now = restart.deadline();
        assert_eq!(restart.look(now, &clock("03:20:00"), 0), Look::Wait);
        assert_eq!(restart.deadline(), now + LOOK_AGAIN);
        let mut late = planned(now, "00:00:00");
        let now = late.deadline();
        assert_eq!(
            late.look(now, &clock("10:00:00"), 0),
            Look::Wait,
            "tomorrow"
        );
        // The thread woke late.
        let now = restart.deadline() + Duration::from_secs(60);
        assert_eq!(restart.look(now, &clock("03:31:00"), 0), Look::Due);
    }
}
