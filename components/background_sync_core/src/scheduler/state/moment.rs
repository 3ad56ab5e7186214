//! Points in time on both clocks, and what is known about the wall clock.

use crate::{MonoTime, Now, WallTime};

/// A point in time on both clocks. Unlike [`MonoTime`] it may lie before the start of the monotonic
/// one: what was restored from the store does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    mono_ms: i64,
    /// What is stored of it.
    pub wall: WallTime,
    source: Source,
}

/// Which clock knows when it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    /// The wall clock of an earlier run, which showed this.
    Stored(WallTime),
    /// The monotonic clock.
    Measured,
}

impl Moment {
    pub fn at(now: Now) -> Self {
        Self {
            mono_ms: mono_ms(now),
            wall: now.wall,
            source: Source::Measured,
        }
    }

    /// If the clock was wrong, or is, nobody knows how long ago it was: it counts as now. Its `wall`
    /// differs from the one given if it is to be stored anew.
    pub fn restore(now: Now, wall: WallTime) -> Self {
        let credible = now.wall.is_credible();
        if credible && !wall.is_credible() {
            return Self::at(now);
        }
        let ahead = wall > now.wall;
        let age_ms = now.wall.0.saturating_sub(wall.0);
        let age_ms = i64::try_from(age_ms).unwrap_or(i64::MAX);
        Self {
            mono_ms: mono_ms(now).saturating_sub(age_ms),
            // Or it would count as now at each start.
            wall: if ahead && credible { now.wall } else { wall },
            source: Source::Stored(wall),
        }
    }

    /// The wall clock was set, and is credible now. Returns whether it is to be stored anew.
    pub fn rebase(&mut self, now: Now) -> bool {
        let old = self.wall;
        match self.source {
            Source::Stored(wall) if wall.is_credible() && wall <= now.wall => {
                *self = Self::restore(now, wall);
            }
            Source::Stored(_) | Source::Measured => {
                let age_ms = mono_ms(now).saturating_sub(self.mono_ms);
                let age_ms = u64::try_from(age_ms).unwrap_or(0);
                self.wall = WallTime(now.wall.0.saturating_sub(age_ms));
            }
        }
        self.wall != old
    }

    pub fn after_ms(self, ms: u64) -> MonoTime {
        let after = i128::from(self.mono_ms) + i128::from(ms);
        MonoTime(u64::try_from(after.max(0)).unwrap_or(u64::MAX))
    }
}

fn mono_ms(now: Now) -> i64 {
    i64::try_from(now.mono.0).unwrap_or(i64::MAX)
}

/// What is known of the wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// How far it is ahead of the monotonic one, in milliseconds. `None`: it is wrong.
    pub ahead_ms: Option<i128>,
    /// It may be wrong: until when to look at it.
    pub doubted_until: Option<MonoTime>,
    /// When to look at it again.
    pub check: Option<MonoTime>,
}
