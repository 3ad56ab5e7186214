//! Points in time. The scheduler never reads a clock: it is told the time, as [`Now`].

use serde::{Deserialize, Serialize};

/// A clock that shows less is wrong, in milliseconds since 1970: this is the start of 2026.
const EARLIEST_CREDIBLE_WALL: WallTime = WallTime(1_767_225_600_000);

/// Milliseconds since the Unix epoch, from a clock that may jump. Only for what is stored or shown.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
pub struct WallTime(pub u64);

/// Milliseconds since some start, normally the boot of the machine, from a clock that never goes
/// backwards. All deadlines in memory are of this kind. Means nothing after a restart.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
pub struct MonoTime(pub u64);

/// Both clocks, read at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Now {
    /// What the wall clock shows.
    pub wall: WallTime,
    /// What the monotonic clock shows.
    pub mono: MonoTime,
}

impl MonoTime {
    /// This point plus `ms` milliseconds; stops at the end of time.
    #[must_use]
    pub fn after_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this point; 0 if it is not earlier.
    #[must_use]
    pub fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl WallTime {
    /// This point plus `ms` milliseconds; stops at the end of time.
    #[must_use]
    pub fn after_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Whether the clock had been set when it showed this.
    pub(crate) fn is_credible(self) -> bool {
        self >= EARLIEST_CREDIBLE_WALL
    }
}

impl Now {
    /// The deadline that a stored wall-clock deadline stands for, never further away than
    /// `longest_ms`: if the wall clock jumped meanwhile, the deadline is late by no more than that.
    #[must_use]
    pub fn restore_deadline(self, stored: WallTime, longest_ms: u64) -> MonoTime {
        let left_ms = stored.0.saturating_sub(self.wall.0).min(longest_ms);
        self.mono.after_ms(left_ms)
    }
}
