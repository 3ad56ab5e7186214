//! How much is played.

use std::time::Duration;

/// How much of a day.
#[derive(Clone, Copy, Debug)]
pub struct Day {
    /// Hours of each part, at least 3: there must be one between the second and the last.
    pub hours: u32,
    /// Visitors before the first hour: until then the engine compiles and caches what it will.
    pub early_visitors: u32,
    /// Visitors in each hour of the first part.
    pub visitors_an_hour: u32,
    /// Decides what happens, though not how fast.
    pub seed: u64,
    /// For how long nobody comes after the second hour and after the last one, when memory is read. While visitors come, up to
    /// half of it is garbage, more or less by chance; the engine's threads at rest collect it in their own time, and nobody is
    /// told when.
    pub rest: Duration,
    /// How much memory at rest may grow between the second hour and the last, in percent.
    pub most_growth_percent: f64,
    /// How many more descriptors there may be in the last hour than in the second: connections come and go.
    pub spare_descriptors: usize,
}

impl Day {
    /// Whether memory is read at rest after this hour, from 0.
    pub fn is_read_after(&self, hour: u32) -> bool {
        hour == 1 || hour + 1 == self.hours
    }

    /// For how long nobody comes after this hour, from 0.
    pub fn rest_after(&self, hour: u32) -> Duration {
        match self.is_read_after(hour) {
            true => self.rest,
            false => Duration::ZERO,
        }
    }
}

/// What ends an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Accident {
    /// The process is killed.
    Kill,
    /// The power is cut: what was not flushed is lost.
    PowerCut,
    /// None: the kiosk restarts itself, as planned.
    PlannedRestart,
}

impl Accident {
    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Kill => "kills",
            Self::PowerCut => "power cuts",
            Self::PlannedRestart => "planned restarts",
        }
    }
}
