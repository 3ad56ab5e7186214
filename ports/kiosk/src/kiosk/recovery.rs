//! When a page that crashed or could not be loaded is loaded again.

use std::time::{Duration, Instant};

/// After the first failure, the page is loaded again after so long; after each further one, after twice as long.
const FIRST_DELAY: Duration = Duration::from_secs(1);

/// But never after longer than this.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// A failure is a first one again if there was none before for so long.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(120);

/// A page that crashes so often in a row is given up for the start page.
pub const MAX_CRASHES: u32 = 3;

/// The failures in a row, and what follows from them.
#[derive(Debug, Default)]
pub struct Recovery {
    failures: u32,
    last_failure: Option<Instant>,
    due: Option<Instant>,
}

impl Recovery {
    /// A page has crashed, or could not be loaded. Returns after how long it is loaded again; `None` if that is planned
    /// already.
    pub fn note_failure(&mut self, now: Instant) -> Option<Duration> {
        if self.due.is_some() {
            return None;
        }
        let is_old = |last: Instant| now.saturating_duration_since(last) >= FORGOTTEN_AFTER;
        if self.last_failure.is_some_and(is_old) {
            self.failures = 0;
        }
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        let delay = FIRST_DELAY.saturating_mul(factor).min(LONGEST_DELAY);
        self.failures = self.failures.saturating_add(1);
        self.last_failure = Some(now);
        self.due = now.checked_add(delay);
        Some(delay)
    }

    /// How often it has failed in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The network is back: what waits is due, and back-off begins anew.
    pub fn hurry(&mut self, now: Instant) {
        self.failures = 0;
        if self.due.is_some() {
            self.due = Some(now);
        }
    }

    /// Nothing is to be loaded again.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// When [`Self::take_due`] has something.
    pub fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// Whether the page is to be loaded again now. Asked once.
    pub fn take_due(&mut self, now: Instant) -> bool {
        self.due.take_if(|due| *due <= now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_their_limit_and_begin_anew_after_a_while() {
        let (mut recovery, mut now) = (Recovery::default(), Instant::now());
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            assert_eq!(
                recovery.note_failure(now),
                Some(Duration::from_secs(seconds))
            );
            assert_eq!(recovery.note_failure(now), None, "planned already");
            assert!(!recovery.take_due(now));
            now = recovery.deadline().expect("planned");
            assert!(recovery.take_due(now) && !recovery.take_due(now));
        }
        now += FORGOTTEN_AFTER;
        assert_eq!(recovery.note_failure(now), Some(FIRST_DELAY));
        assert_eq!(recovery.failures(), 1);
    }

    #[test]
    fn a_hundred_failures_do_not_overflow() {
        let (mut recovery, now) = (Recovery::default(), Instant::now());
        for _ in 0..100 {
            recovery.note_failure(now);
            recovery.take_due(now + LONGEST_DELAY);
        }
        assert_eq!(recovery.note_failure(now), Some(LONGEST_DELAY));
    }

    #[test]
    fn the_network_s_return_makes_what_waits_due() {
        let (mut recovery, now) = (Recovery::default(), Instant::now());
        recovery.hurry(now);
        assert_eq!(recovery.deadline(), None, "nothing waits");
        for _ in 0..5 {
            recovery.note_failure(now);
            recovery.take_due(now + LONGEST_DELAY);
        }
        recovery.note_failure(now);
        recovery.hurry(now);
        assert!(recovery.take_due(now));
        assert_eq!(recovery.note_failure(now), Some(FIRST_DELAY));
        recovery.forget();
        assert!(!recovery.take_due(now + LONGEST_DELAY));
    }
}
