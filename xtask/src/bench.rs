//! `./mach bench`: builds the benchmarks, optimized, and runs them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::command;
use crate::paths::Paths;
use crate::testing;

/// The package that measures the component.
const CORE: &str = "background_sync_bench";
/// The package that plays a fleet of devices.
const FLEET: &str = "background_sync_fleet";

/// What to measure; everything if nothing is named.
#[derive(Args)]
pub struct Benchmarks {
    /// How fast the component is, against the floor that the machine sets in the same run
    #[arg(long)]
    core: bool,
    /// Write the component's figures to this file, as a list of {name, value, unit, reference, ratio,
    /// goal, met, note}
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What a server sees when 100,000 devices get their network back at once, for each preset
    #[arg(long)]
    fleet: bool,
    /// Draw the fleet's requests per second to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Runs them; fails if one misses its goal.
pub fn run(paths: &Paths, benchmarks: &Benchmarks) -> Result<ExitCode> {
    let everything = !benchmarks.core && !benchmarks.fleet;
    let mut code = ExitCode::SUCCESS;
    let mut run = |package, option, file: &Option<PathBuf>| -> Result<()> {
        if !run_package(paths, package, option, file.as_deref())? {
            code = ExitCode::FAILURE;
        }
        Ok(())
    };
    if benchmarks.core || everything {
        run(CORE, "--json", &benchmarks.json)?;
    }
    if benchmarks.fleet || everything {
        run(FLEET, "--svg", &benchmarks.svg)?;
    }
    Ok(code)
}

/// Returns whether every goal was met.
fn run_package(paths: &Paths, package: &str, option: &str, file: Option<&Path>) -> Result<bool> {
    // Optimized, as the embedder's build is.
    let mut cargo = testing::cargo(
        paths,
        &["run", "--quiet", "--release", "--package", package, "--"],
    );
    if let Some(file) = file {
        // The benchmark runs in the source tree, the user may be elsewhere.
        cargo.arg(option).arg(std::path::absolute(file)?);
    }
    let status = cargo.status();
    let status = status.map_err(|error| command::start_error(&cargo, error))?;
    Ok(status.success())
}
