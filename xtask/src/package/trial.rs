//! `./mach package --try`: the package as a new user has it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::command;
use crate::paths::Paths;
use crate::programs;

/// The version that is installed first, to be upgraded.
pub const OLDER_VERSION: &str = "0.0.9-1";

/// The program of the end-to-end tests that does it.
const PROGRAM: &str = "--package background_sync_e2e --bin try_package";

/// Tries these packages; fails if something is not as the guide says.
pub fn run(paths: &Paths, older: &Path, newer: &Path) -> Result<ExitCode> {
    let root = paths.cache.join("debian");
    let arguments = [
        "--guide".into(),
        paths.root.join("docs/kiosk.md").into(),
        "--older".into(),
        older.into(),
        "--newer".into(),
        newer.into(),
        "--cache".into(),
        root.into(),
    ];
    let is_good = programs::run(paths, PROGRAM, arguments, None)?;
    Ok(command::exit_code(is_good))
}
