//! `./mach day`: a day in the life of a device, in minutes: the kiosk must lose nothing, and must not grow.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::command;
use crate::kiosk::{self, Profile};
use crate::paths::Paths;
use crate::programs;

/// The program of the end-to-end tests that plays it.
const PROGRAM: &str = "--package background_sync_e2e --bin day";

/// How much of it.
#[derive(Args)]
pub struct Day {
    /// How many hours
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(3..))]
    hours: u32,
    /// How many visitors an hour
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    visitors: u32,
    /// Draw the same lots as the run that has printed this
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Try this kiosk instead of building one
    #[arg(long, value_name = "PATH")]
    kiosk: Option<PathBuf>,
}

/// Plays it; fails if something was lost or has grown.
pub fn run(paths: &Paths, day: &Day) -> Result<ExitCode> {
    let kiosk = kiosk::named_or_built(paths, day.kiosk.as_deref(), Profile::Dev)?;
    let mut arguments: Vec<OsString> = Vec::new();
    for (option, value) in [
        ("--hours", Some(u64::from(day.hours))),
        ("--visitors", Some(u64::from(day.visitors))),
        ("--seed", day.seed),
    ] {
        if let Some(value) = value {
            arguments.extend([option.into(), value.to_string().into()]);
        }
    }
    let is_good = programs::run(paths, PROGRAM, arguments, Some(&kiosk))?;
    Ok(command::exit_code(is_good))
}
