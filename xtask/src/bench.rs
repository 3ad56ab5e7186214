//! `./mach bench`: builds the benchmarks, optimized, and runs them.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Args;

use crate::command;
use crate::paths::Paths;
use crate::testing;

/// The package that plays a fleet of devices.
const FLEET: &str = "background_sync_fleet";

/// What to measure; everything if nothing is named.
#[derive(Args)]
pub struct Benchmarks {
    /// What a server sees when 100,000 devices get their network back at once, for each preset
    #[arg(long)]
    fleet: bool,
    /// Draw the fleet's requests per second to this file
    #[arg(long, value_name = "FILE", requires = "fleet")]
    svg: Option<PathBuf>,
}

/// Runs them; fails if one misses its goal.
pub fn run(paths: &Paths, benchmarks: &Benchmarks) -> Result<ExitCode> {
    run_package(paths, FLEET, &[("--svg", benchmarks.svg.as_deref())])
}

fn run_package(paths: &Paths, package: &str, files: &[(&str, Option<&Path>)]) -> Result<ExitCode> {
    // Optimized, as the embedder's build is.
    let mut cargo = testing::cargo(
        paths,
        &["run", "--quiet", "--release", "--package", package, "--"],
    );
    for (option, file) in files {
        if let Some(file) = file {
            // The benchmark runs in the source tree, the user may be elsewhere.
            cargo.arg(option).arg(std::path::absolute(file)?);
        }
    }
    status(&mut cargo)
}

fn status(cargo: &mut Command) -> Result<ExitCode> {
    let status = cargo
        .status()
        .map_err(|error| command::start_error(cargo, error))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
