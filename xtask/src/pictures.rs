//! `./mach pictures`: takes the pictures in `docs/pictures/` anew.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::command;
use crate::kiosk::{self, Profile};
use crate::paths::Paths;
use crate::programs;

/// The program that takes them.
const PROGRAM: &str = "--package background_sync_pictures";

/// Where they are.
const FOLDER: &str = "docs/pictures";

/// By which kiosk.
#[derive(Args)]
pub struct Pictures {
    /// Take them by this kiosk instead of building one
    #[arg(long, value_name = "PATH")]
    kiosk: Option<PathBuf>,
}

/// Takes all of them; fails if they are too large.
pub fn run(paths: &Paths, pictures: &Pictures) -> Result<ExitCode> {
    let kiosk = kiosk::named_or_built(paths, pictures.kiosk.as_deref(), Profile::Dev)?;
    let folder = paths.root.join(FOLDER).into_os_string();
    let is_good = programs::run(paths, PROGRAM, [folder], Some(&kiosk))?;
    Ok(command::exit_code(is_good))
}
