//! A day in the life of a device, in minutes: a day is what happens in it, so its hours are as long as their visitors need.
//!
//! In the first part one process runs through all hours: visitors come and leave, the network goes and comes, the server
//! fails. Memory, threads, files, log and journal must be as large in the last hour as in the second. In the second part each
//! hour ends in an accident: a kill, a power cut, a planned restart. In both, each message that the app has promised to
//! deliver must arrive.

mod accidents;
mod app;
mod figures;
mod report;
mod server;
mod shift;
mod trend;

use std::path::Path;

use crate::power_cut::can_cut_power;

pub use self::accidents::Accident;
pub use self::figures::Figures;
pub use self::report::Report;

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
    /// How much memory may grow between the second hour and the last, in percent.
    pub most_growth_percent: f64,
}

/// Plays both parts. `folder` is for the profiles and the logs.
///
/// # Panics
/// If the kiosk does not do as it is told.
pub fn run(day: &Day, folder: &Path) -> Report {
    println!("{day:?}");
    let mut report = Report::new(*day);
    shift::run(day, folder, &mut report);
    let may_cut = can_cut_power();
    if let Err(reason) = &may_cut {
        println!("no power cuts, kills instead: {reason}");
    }
    accidents::run(day, folder, may_cut.is_ok(), &mut report);
    report
}
