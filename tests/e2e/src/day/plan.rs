//! How much is played.

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
    /// How much memory at rest may grow between the second hour and the last, in percent.
    pub most_growth_percent: f64,
    /// How many more descriptors there may be in the last hour than in the second: connections come and go.
    pub spare_descriptors: usize,
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
