//! A day in the life of a device, in minutes: a day is what happens in it, so its hours are as long as their visitors need.
//!
//! In the first part one process runs through all hours: visitors come and leave, the network goes and comes, the server
//! fails. Memory, threads, files, log and journal must be as large in the last hour as in the second. In the second part each
//! hour ends in an accident: a kill, a power cut, a planned restart. In both, each message that the app has promised to
//! deliver must arrive.

mod accidents;
mod app;
mod figures;
mod plan;
mod report;
mod server;
mod shift;
mod site;

use std::path::Path;

use crate::power_cut::can_cut_power;

pub use self::figures::Figures;
pub use self::plan::{Accident, Day};
pub use self::report::Report;

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
