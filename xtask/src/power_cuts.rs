//! `./mach power-cuts`: a kiosk loses its power again and again, and must lose nothing that it has promised to keep.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::command;
use crate::kiosk::{self, Profile};
use crate::paths::Paths;
use crate::programs;

/// The program of the end-to-end tests that does it.
const PROGRAM: &str = "--package background_sync_e2e --bin power_cuts";

/// How long, and how.
#[derive(Args)]
pub struct PowerCuts {
    /// How often
    #[arg(long, value_name = "N", default_value_t = 100)]
    rounds: u32,
    /// Kill the kiosk instead: needs neither root nor a loop device, and what the system had is kept
    #[arg(long)]
    sigkill: bool,
    /// Draw the same lots as the run that has printed this
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Try this kiosk instead of building one
    #[arg(long, value_name = "PATH")]
    kiosk: Option<PathBuf>,
}

/// Runs all rounds; fails if something was lost.
pub fn run(paths: &Paths, power_cuts: &PowerCuts) -> Result<ExitCode> {
    let kiosk = kiosk::named_or_built(paths, power_cuts.kiosk.as_deref(), Profile::Dev)?;
    let is_good = programs::run(paths, PROGRAM, arguments(power_cuts), Some(&kiosk))?;
    Ok(command::exit_code(is_good))
}

fn arguments(power_cuts: &PowerCuts) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["--rounds".into()];
    arguments.push(power_cuts.rounds.to_string().into());
    if power_cuts.sigkill {
        arguments.push("--sigkill".into());
    }
    if let Some(seed) = power_cuts.seed {
        arguments.extend(["--seed".into(), seed.to_string().into()]);
    }
    arguments
}
