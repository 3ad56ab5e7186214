//! Drives the kiosk, and Chromium beside it, for a long time, and looks whether they grow.
//!
//! Each phase does one thing again and again in a new process with a new profile, so that what grows is known by what it
//! grows with. Nothing collects garbage by hand.

mod phase;
mod plot;
mod recording;
mod report;
mod sample;
mod site;
mod verdict;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use background_sync_bench_browsers::browser::Browser;
use background_sync_bench_browsers::chromium::Chromium;
use background_sync_bench_browsers::kiosk::{Kiosk, Settings};
use background_sync_bench_browsers::table::Table;
use clap::Parser;

use crate::phase::{PHASES, Phase, Scale};
use crate::recording::{End, Extent, INTERRUPTED, Recording};
use crate::report::{Product, Row};

/// What writes the table.
const COMMAND: &str = "./mach bench --soak --readme";
/// Where a browser's profile is in its folder; the rest of the folder is not what a browser stores.
const PROFILE: &str = "profile";

/// Drive the kiosk and Chromium for a long time, and look whether they grow
#[derive(Parser)]
#[command(name = "./mach bench --soak")]
struct Arguments {
    /// The kiosk's binary
    #[arg(long, value_name = "PATH")]
    kiosk: PathBuf,
    /// Chromium's binary, to have it beside the kiosk
    #[arg(long, value_name = "PATH")]
    chromium: Option<PathBuf>,
    /// Keep the profiles in this folder meanwhile
    #[arg(long, value_name = "FOLDER")]
    folder: PathBuf,
    /// Spend about so long on each browser, and do no more in it; the last minute of each phase is extra
    #[arg(long, value_name = "COUNT")]
    minutes: Option<u32>,
    /// Do a twentieth of everything
    #[arg(long)]
    quick: bool,
    /// Only the phases with this in their names
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Write every reading to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw memory to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Put the table into this Markdown file, between the two comments that mark its place
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let phases: Vec<&Phase> = PHASES
        .iter()
        .filter(|phase| phase.name.contains(&arguments.only))
        .collect();
    ensure!(
        !phases.is_empty(),
        "no phase has `{}` in its name; they are: {}",
        arguments.only,
        PHASES.map(|phase| phase.name).join("; ")
    );
    // What would be in vain without it comes first.
    let table = arguments.markdown.as_deref();
    let table = table.map(|file| Table::find(file, COMMAND)).transpose()?;
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed))
        .context("cannot listen to interrupts")?;

    let rows = measure(&arguments, &phases)?;
    if let Some(file) = &arguments.json {
        background_sync_bench_report::write_json(file, &rows)?;
    }
    if let Some(file) = &arguments.svg {
        plot::draw(file, &rows)?;
        println!("Plot: {}", file.display());
    }
    let is_whole = rows.len() == phases.len() * arguments.products().len();
    // What is in the README stays there until a run has everything.
    if let Some(table) = table.filter(|_| is_whole) {
        let mut content = report::markdown(&rows);
        // Writing to a String cannot fail.
        let _ = writeln!(content, "\n{}", conditions(&arguments));
        let title = "Memory of the kiosk and Chromium in the course of each phase";
        table.replace(&content, title, arguments.svg.as_deref())?;
        println!("Table: {}", table.file().display());
    }
    let broken = rows.iter().filter(|row| !row.complaints().is_empty());
    let broken = broken.count();
    println!(
        "{} of {} phases within their bounds",
        rows.len() - broken,
        rows.len()
    );
    Ok(match broken == 0 && is_whole {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

impl Arguments {
    fn products(&self) -> Vec<Product> {
        match self.chromium {
            Some(_) => vec![Product::Kiosk, Product::Chromium],
            None => vec![Product::Kiosk],
        }
    }

    fn scale(&self, product: Product) -> Scale {
        match (self.quick, product) {
            (true, _) => Scale::Quick,
            (false, Product::Kiosk) => Scale::Full,
            (false, Product::Chromium) => Scale::Beside,
        }
    }
}

/// Prints each row as soon as it is there; ends early, with what there is, if it is interrupted.
fn measure(arguments: &Arguments, phases: &[&Phase]) -> Result<Vec<Row>> {
    let site = site::start()?;
    let parts = u32::try_from(phases.len()).unwrap_or(u32::MAX);
    let most = arguments
        .minutes
        .map(|minutes| Duration::from_secs(60) * minutes / parts);
    println!("{}", conditions(arguments));
    report::print_head();
    let mut rows = Vec::new();
    for phase in phases {
        for product in arguments.products() {
            if INTERRUPTED.load(Ordering::Relaxed) {
                return Ok(rows);
            }
            let scale = arguments.scale(product);
            let extent = Extent { scale, most };
            let row = Row {
                name: phase.name,
                product,
                recording: record(arguments, product, phase, &site.url(), extent)?,
            };
            row.print();
            rows.push(row);
        }
    }
    Ok(rows)
}

/// One phase in one new browser. A browser that does not even start is no reason to end the run.
fn record(
    arguments: &Arguments,
    product: Product,
    phase: &Phase,
    url: &str,
    extent: Extent,
) -> Result<Recording> {
    let folder = tempfile::tempdir_in(&arguments.folder).context("no folder for a profile")?;
    Ok(match start(arguments, product, folder.path(), url) {
        Ok(mut browser) => {
            let profile = match product {
                Product::Kiosk => folder.path().join(PROFILE),
                Product::Chromium => folder.path().to_owned(),
            };
            Recording::make(browser.as_mut(), phase, url, &profile, extent)
        }
        Err(error) => Recording {
            end: End::Failed(format!("{error:#}")),
            ..Recording::default()
        },
    })
}

fn start(
    arguments: &Arguments,
    product: Product,
    folder: &std::path::Path,
    url: &str,
) -> Result<Box<dyn Browser>> {
    Ok(match (product, &arguments.chromium) {
        (Product::Chromium, Some(binary)) => Box::new(Chromium::start(binary, folder, url)?),
        _ => {
            // As by default: with every limit and every time-out.
            let settings = Settings::default();
            Box::new(Kiosk::start(&arguments.kiosk, folder, url, &settings)?)
        }
    })
}

/// How it was measured, in a sentence or two.
fn conditions(arguments: &Arguments) -> String {
    let much = match (arguments.quick, arguments.minutes) {
        (false, None) => "the whole of it in the kiosk, a tenth in Chromium".to_owned(),
        (true, None) => "a twentieth".to_owned(),
        (_, Some(minutes)) => format!("at most {minutes} minutes a browser"),
    };
    format!(
        "Each phase has a new process and a new profile ({much}). Memory of all processes, without pages of files. \
         1/10: the medians of the tenth that follows the first; end: those of the last tenth; idle: {} s later. \
         Bounds: end / 1/10 at most 1.05, idle / start at most 1.10, threads, descriptors and profile as after the \
         first tenth.",
        arguments.scale(Product::Kiosk).idleness().as_secs()
    )
}
