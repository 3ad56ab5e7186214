//! `./mach test-apps`: offline apps made of what others have published, in the kiosk and in Chromium.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::command;
use crate::kiosk::{self, Profile};
use crate::paths::Paths;
use crate::programs;
use crate::wpt;

/// The program that plays them.
const PROGRAM: &str = "--package background_sync_apps --bin apps";

/// Which apps, and where.
#[derive(Args)]
pub struct TestApps {
    /// Only in this browser (Chromium's needs root or user namespaces)
    #[arg(long)]
    browser: Option<Browser>,
    /// Try this kiosk instead of building one
    #[arg(long, value_name = "PATH")]
    kiosk: Option<PathBuf>,
    /// Only these apps: folders of tests/apps/sites
    #[arg(value_name = "NAME")]
    apps: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Browser {
    Kiosk,
    Chromium,
}

/// Plays all; fails if one does not come to its end.
pub fn run(paths: &Paths, arguments: &TestApps) -> Result<ExitCode> {
    let is_wanted = |browser| arguments.browser.is_none_or(|only| only == browser);
    let mut program: Vec<OsString> = Vec::new();
    // First, because it takes no time to find out.
    if is_wanted(Browser::Chromium) {
        program.extend(["--chromium".into(), wpt::chromium_on_path()?.into()]);
    }
    let mut kiosk = None;
    if is_wanted(Browser::Kiosk) {
        kiosk = Some(kiosk::named_or_built(
            paths,
            arguments.kiosk.as_deref(),
            Profile::Dev,
        )?);
        program.push("--kiosk".into());
    }
    program.extend(arguments.apps.iter().map(Into::into));
    let is_good = programs::run(paths, PROGRAM, program, kiosk.as_deref())?;
    Ok(command::exit_code(is_good))
}
