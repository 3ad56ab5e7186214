//! `./mach bench`: builds the benchmarks, optimized, and runs them. Each is a program with its own options; here they get what
//! they need besides: an optimized kiosk, Chromium, and a folder on the disk.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Args;
use fs_err as fs;

use crate::command;
use crate::kiosk::{self, Profile};
use crate::paths::{self, Paths};
use crate::programs;
use crate::wpt::{self, unpatched};

/// The package that measures the component.
const CORE: &str = "background_sync_bench";
/// The package that plays a fleet of devices.
const FLEET: &str = "background_sync_fleet";
/// The package that measures the kiosk and Chromium side by side.
const BROWSERS: &str = "background_sync_bench_browsers";
/// The package that measures what a service worker costs a page.
const PAGES: &str = "background_sync_bench_pages";
/// The package that measures how soon the kiosk has started.
const START: &str = "background_sync_bench_start";
/// The package that drives both for a long time.
const SOAK: &str = "background_sync_soak";
/// The plot in the README of what the soak has measured.
const SOAK_PLOT: &str = "docs/soak.svg";
/// The plot in the README of what the comparison has measured.
const BROWSERS_PLOT: &str = "docs/browsers.svg";
/// Where in the cache the profiles of both are: the system's folder for temporary files may be kept in memory, where a durable
/// write costs nothing.
const BROWSERS_PROFILES: &str = "profiles";

/// What to measure; the component and the fleet if nothing is named.
#[derive(Args)]
pub struct Benchmarks {
    /// How fast the component is, against the floor that the machine sets in the same run
    #[arg(long)]
    core: bool,
    /// Write the figures of `--core`, `--browsers`, `--pages` or `--start` to this file, as a list of {name, value, unit, reference, ratio,
    /// goal, met, note}; or every reading of `--soak`
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What a server sees when 100,000 devices get their network back at once, for each preset
    #[arg(long)]
    fleet: bool,
    /// The same page in the optimized kiosk and in Chromium, side by side
    #[arg(long, group = "beside")]
    browsers: bool,
    /// What a service worker costs a page, in the optimized kiosk and in Chromium, side by side
    #[arg(long, group = "beside")]
    pages: bool,
    /// With `--pages`: another kiosk, built in the same way: how much slower is a page without a worker than in it?
    #[arg(long, value_name = "PATH", requires = "pages")]
    baseline: Option<PathBuf>,
    /// How soon the optimized kiosk asks for its page and sends a due sync, beside Servo as published
    #[arg(long, group = "beside")]
    start: bool,
    /// With `--start`: take this embedder of Servo as published instead of building it
    #[arg(long, value_name = "PATH", requires = "start")]
    unpatched: Option<PathBuf>,
    /// Whether the optimized kiosk grows, after an hour's work of each kind; with Chromium beside it
    #[arg(long, group = "beside")]
    soak: bool,
    /// With `--soak`: spend about so many minutes on each browser, and do no more in them
    #[arg(long, value_name = "COUNT", requires = "soak", value_parser = clap::value_parser!(u32).range(1..))]
    minutes: Option<u32>,
    /// With `--soak`: do a twentieth of everything
    #[arg(long, requires = "soak", conflicts_with = "readme")]
    quick: bool,
    /// With `--soak`: only what has this in its name
    #[arg(
        long,
        value_name = "TEXT",
        requires = "soak",
        conflicts_with = "readme"
    )]
    only: Option<String>,
    /// With `--browsers`, `--pages` or `--start`: how often each browser is measured; medians count
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 5,
        requires = "beside",
        conflicts_with = "soak"
    )]
    rounds: u16,
    /// With `--browsers`, `--pages`, `--start` or `--soak`: measure this kiosk instead of building the optimized one
    #[arg(long, value_name = "PATH", requires = "beside")]
    kiosk: Option<PathBuf>,
    /// With `--browsers`, `--pages` or `--soak`: bring the README's table and its plot, docs/browsers.svg or
    /// docs/soak.svg, up to date
    #[arg(long, requires = "beside", conflicts_with = "svg")]
    readme: bool,
    /// Draw the fleet's requests per second, the comparison of `--browsers`, or the memory of `--soak`, to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Runs them; fails if one misses its goal.
pub fn run(paths: &Paths, benchmarks: &Benchmarks) -> Result<ExitCode> {
    let Benchmarks {
        core,
        fleet,
        browsers,
        pages,
        start,
        soak,
        ..
    } = *benchmarks;
    // The browsers need Servo, optimized: an hour that nobody should spend without having asked.
    let nothing_named = ![core, fleet, browsers, pages, start, soak].contains(&true);
    let named = [core, fleet, browsers, pages, start, soak]
        .map(usize::from)
        .iter()
        .sum::<usize>();
    ensure!(
        named < 2 || (benchmarks.json.is_none() && benchmarks.svg.is_none()),
        "one file is for one benchmark: name one of --core, --fleet, --browsers, --pages, --start and --soak"
    );
    let mut all_met = true;
    if core || nothing_named {
        all_met &= run_package(paths, CORE, file("--json", &benchmarks.json)?)?;
    }
    if fleet || nothing_named {
        all_met &= run_package(paths, FLEET, file("--svg", &benchmarks.svg)?)?;
    }
    if browsers {
        all_met &= run_package(paths, BROWSERS, browsers_arguments(paths, benchmarks)?)?;
    }
    if pages {
        all_met &= run_package(paths, PAGES, pages_arguments(paths, benchmarks)?)?;
    }
    if start {
        all_met &= run_package(paths, START, start_arguments(paths, benchmarks)?)?;
    }
    if soak {
        all_met &= run_package(paths, SOAK, soak_arguments(paths, benchmarks)?)?;
    }
    Ok(command::exit_code(all_met))
}

fn browsers_arguments(paths: &Paths, benchmarks: &Benchmarks) -> Result<Vec<OsString>> {
    let mut arguments = both_arguments(paths, benchmarks, Some(BROWSERS_PLOT))?;
    arguments.extend(["--rounds".into(), benchmarks.rounds.to_string().into()]);
    Ok(arguments)
}

fn pages_arguments(paths: &Paths, benchmarks: &Benchmarks) -> Result<Vec<OsString>> {
    ensure!(
        benchmarks.svg.is_none(),
        "`--pages` draws nothing: leave `--svg` out"
    );
    let mut arguments = both_arguments(paths, benchmarks, None)?;
    arguments.extend(["--rounds".into(), benchmarks.rounds.to_string().into()]);
    arguments.extend(file("--baseline", &benchmarks.baseline)?);
    Ok(arguments)
}

fn start_arguments(paths: &Paths, benchmarks: &Benchmarks) -> Result<Vec<OsString>> {
    ensure!(
        benchmarks.svg.is_none() && !benchmarks.readme,
        "`--start` draws and writes nothing: leave `--svg` and `--readme` out"
    );
    let kiosk = kiosk::named_or_built(paths, benchmarks.kiosk.as_deref(), Profile::Release)?;
    let unpatched = match &benchmarks.unpatched {
        Some(path) => paths::absolute(path)?,
        None => unpatched::build(paths, Profile::Release)?,
    };
    let profiles = paths.cache.join(BROWSERS_PROFILES);
    fs::create_dir_all(&profiles)?;
    let mut arguments: Vec<OsString> = vec!["--kiosk".into(), kiosk.into()];
    arguments.extend(["--unpatched".into(), unpatched.into()]);
    arguments.extend(["--folder".into(), profiles.into()]);
    arguments.extend(["--rounds".into(), benchmarks.rounds.to_string().into()]);
    arguments.extend(file("--json", &benchmarks.json)?);
    Ok(arguments)
}

fn soak_arguments(paths: &Paths, benchmarks: &Benchmarks) -> Result<Vec<OsString>> {
    let mut arguments = both_arguments(paths, benchmarks, Some(SOAK_PLOT))?;
    if let Some(minutes) = benchmarks.minutes {
        arguments.extend(["--minutes".into(), minutes.to_string().into()]);
    }
    if benchmarks.quick {
        arguments.push("--quick".into());
    }
    if let Some(only) = &benchmarks.only {
        arguments.extend(["--only".into(), only.into()]);
    }
    Ok(arguments)
}

/// What any benchmark needs that has the kiosk and Chromium do the same.
fn both_arguments(
    paths: &Paths,
    benchmarks: &Benchmarks,
    plot: Option<&str>,
) -> Result<Vec<OsString>> {
    // First, because it takes no time to find out, and the kiosk an hour to build.
    let chromium = wpt::chromium_on_path()?;
    let kiosk = kiosk::named_or_built(paths, benchmarks.kiosk.as_deref(), Profile::Release)?;
    let profiles = paths.cache.join(BROWSERS_PROFILES);
    fs::create_dir_all(&profiles)?;
    let mut arguments: Vec<OsString> = vec!["--kiosk".into(), kiosk.into()];
    arguments.extend(["--folder".into(), profiles.into()]);
    arguments.extend(["--chromium".into(), chromium.into()]);
    arguments.extend(file("--json", &benchmarks.json)?);
    arguments.extend(file("--svg", &benchmarks.svg)?);
    if benchmarks.readme {
        arguments.extend(["--markdown".into(), paths.root.join("README.md").into()]);
        if let Some(plot) = plot {
            arguments.extend(["--svg".into(), paths.root.join(plot).into()]);
        }
    }
    Ok(arguments)
}

/// An option that names a file, if there is one.
fn file(option: &str, file: &Option<PathBuf>) -> Result<Vec<OsString>> {
    Ok(match file {
        // The benchmark runs in the source tree, the user may be elsewhere.
        Some(file) => vec![option.into(), paths::absolute(file)?.into()],
        None => Vec::new(),
    })
}

/// Returns whether every goal was met.
fn run_package(paths: &Paths, package: &str, arguments: Vec<OsString>) -> Result<bool> {
    // Optimized, as the embedder's build is.
    let program = format!("--release --package {package}");
    programs::run(paths, &program, arguments, None)
}
