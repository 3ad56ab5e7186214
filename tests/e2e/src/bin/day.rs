//! `./mach day`: a day in the life of a device, in minutes.

use std::process::ExitCode;
use std::time::Duration;

use background_sync_e2e::day::{self, Day};
use background_sync_e2e::{again_in_namespace, power_cut};
use clap::Parser;

/// Play a day in the life of a device: visitors, networks, servers, kills, power cuts and restarts
#[derive(Parser)]
#[command(name = "./mach day")]
struct Arguments {
    /// How much of a day
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(3..))]
    hours: u32,
    /// Visitors an hour
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    visitors: u32,
    /// Draw the same lots as the run that has printed this
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

/// Before the first hour.
const EARLY_VISITORS: u32 = 60;

/// Each thread at rest collects its garbage at least every 10 s, and for at most a thousandth of its time.
const REST: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match again_in_namespace() {
        Ok(Some(status)) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            return code.map_or(ExitCode::FAILURE, ExitCode::from);
        }
        Ok(None) => {}
        // Then there are no power cuts, which is said.
        Err(reason) => eprintln!("note: {reason}"),
    }
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => {
            eprintln!("error: no folder for the profiles: {error}");
            return ExitCode::FAILURE;
        }
    };
    let report = day::run(
        &Day {
            hours: arguments.hours,
            early_visitors: EARLY_VISITORS,
            visitors_an_hour: arguments.visitors,
            seed: arguments.seed.unwrap_or_else(power_cut::any_seed),
            rest: REST,
            most_growth_percent: 5.0,
            spare_descriptors: 8,
        },
        folder.path(),
    );
    print!("{report}");
    match report.complaints().is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
