//! `./mach package --try`: the package as a new user has it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::command;
use crate::paths::Paths;
use crate::programs;

/// The program of the end-to-end tests that does it.
const PROGRAM: &str = "--package background_sync_e2e --bin try_package";

/// Tries a package; fails if something is not as the guide says.
pub fn run(paths: &Paths, package: &Path) -> Result<ExitCode> {
    let root = paths.cache.join("debian");
    let arguments = [
        "--guide".into(),
        paths.root.join("docs/kiosk.md").into(),
        "--package".into(),
        package.into(),
        "--cache".into(),
        root.into(),
    ];
    let is_good = programs::run(paths, PROGRAM, arguments, None)?;
    Ok(command::exit_code(is_good))
}
