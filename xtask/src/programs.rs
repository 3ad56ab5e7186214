//! Runs what the source tree's own packages have: tests, and programs that drive the kiosk.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::kiosk;
use crate::paths::Paths;

/// Tells the end-to-end tests where the kiosk is.
pub const KIOSK_VARIABLE: &str = "BACKGROUND_SYNC_KIOSK";

/// Cargo in the source tree, as the user has configured it. Its arguments have spaces between them alone.
pub fn cargo(paths: &Paths, arguments: &str) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&paths.root).args(arguments.split(' '));
    if std::io::stdout().is_terminal() && std::env::var_os("CARGO_TERM_COLOR").is_none() {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
    cargo
}

/// Runs a program of ours on this terminal; returns whether it succeeded. `program` is what cargo is told of it.
pub fn run(
    paths: &Paths,
    program: &str,
    arguments: impl IntoIterator<Item = OsString>,
    kiosk: Option<&Path>,
) -> Result<bool> {
    let mut cargo = cargo(paths, &format!("run --quiet {program} --"));
    cargo.args(arguments);
    if let Some(kiosk) = kiosk {
        cargo.env(KIOSK_VARIABLE, kiosk);
    }
    // A kiosk without a display still wants a folder for its sockets.
    let cargo = kiosk::give_runtime_folder(&mut cargo, paths)?;
    let status = cargo.status();
    let status = status.map_err(|error| command::start_error(cargo, error))?;
    Ok(status.success())
}
