//! Measures what a service worker costs a page, in the kiosk and in Chromium.

mod memory;
mod round;
mod site;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use background_sync_bench_browsers::chromium::Chromium;
use background_sync_bench_browsers::kiosk::{Kiosk, Settings};
use background_sync_bench_browsers::table::{self, Table};
use background_sync_bench_report::{self as report, Goal, Line, median};
use clap::Parser;
use tempfile::TempDir;

use crate::round::Round;
use crate::site::Site;

/// What writes the table.
const COMMAND: &str = "./mach bench --pages --readme";
const MIB: f64 = 1_048_576.0;

/// Measure what a service worker costs a page, in the kiosk and in Chromium
#[derive(Parser)]
#[command(name = "./mach bench --pages")]
struct Arguments {
    /// The kiosk's binary
    #[arg(long, value_name = "PATH")]
    kiosk: PathBuf,
    /// Chromium's binary
    #[arg(long, value_name = "PATH")]
    chromium: PathBuf,
    /// Another kiosk, built in the same way: how much slower is a page without a worker than in it?
    #[arg(long, value_name = "PATH")]
    baseline: Option<PathBuf>,
    /// Keep the profiles in this folder meanwhile
    #[arg(long, value_name = "FOLDER")]
    folder: PathBuf,
    /// How often each browser is measured; medians count
    #[arg(long, value_name = "COUNT")]
    rounds: u16,
    /// Write the figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Put the table into this Markdown file, between the two comments that mark its place
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// What each browser took, a round each.
#[derive(Default)]
struct Measured {
    kiosk: Vec<Round>,
    chromium: Vec<Round>,
    /// Loads of the page that no worker controls, in the other kiosk and in this one.
    baseline: Vec<(f64, f64)>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    ensure!(arguments.rounds > 0, "`--rounds` must be at least 1");
    // What measuring would be in vain without comes first.
    let table = arguments.markdown.as_deref();
    let table = table.map(|file| Table::find(file, COMMAND)).transpose()?;
    let measured = measure(&arguments)?;
    let lines = measured.lines();
    let rounds = arguments.rounds;
    println!(
        "value: the kiosk; reference: Chromium, or what the line names; medians of {rounds} rounds"
    );
    report::print_head();
    lines.iter().for_each(Line::print);
    if let Some(file) = &arguments.json {
        report::write_json(file, &lines)?;
    }
    if let Some(table) = &table {
        let mut content = table::markdown(&lines);
        // Writing to a String cannot fail.
        let _ = writeln!(
            content,
            "\nMedians of {rounds} rounds. Memory of all processes, without pages of files, at most while the body is on \
             its way, above what it was before."
        );
        table.replace(&content, "", None)?;
        println!("Table: {}", table.file().display());
    }
    Ok(report::sum_up(&lines))
}

fn measure(arguments: &Arguments) -> Result<Measured> {
    let site = Site::start()?;
    let mut measured = Measured::default();
    for number in 1..=arguments.rounds {
        eprintln!("round {number} of {}", arguments.rounds);
        measured.kiosk.push({
            let folder = profile(arguments)?;
            let mut kiosk = start(&arguments.kiosk, folder.path(), &site)?;
            round::measure(&mut kiosk, &site).context("in the kiosk")?
        });
        measured.chromium.push({
            let folder = profile(arguments)?;
            let mut chromium =
                Chromium::start(&arguments.chromium, folder.path(), &site.app_url())?;
            round::measure(&mut chromium, &site).context("in Chromium")?
        });
        if let Some(baseline) = &arguments.baseline {
            let plain = |binary: &Path| {
                let folder = profile(arguments)?;
                let settings = Settings::default();
                let url = site.plain_url();
                let mut kiosk = Kiosk::start(binary, folder.path(), &url, &settings)?;
                round::plain_ms(&mut kiosk, &site)
            };
            let before = plain(baseline).context("in the other kiosk")?;
            let now = plain(&arguments.kiosk).context("in the kiosk")?;
            measured.baseline.push((before, now));
        }
    }
    Ok(measured)
}

fn start(binary: &Path, folder: &Path, site: &Site) -> Result<Kiosk> {
    // As by default: with every limit and every time-out.
    Kiosk::start(binary, folder, &site.app_url(), &Settings::default())
}

/// A folder for one browser's profile.
fn profile(arguments: &Arguments) -> Result<TempDir> {
    tempfile::tempdir_in(&arguments.folder).context("no folder for a profile")
}

impl Measured {
    fn lines(&self) -> Vec<Line> {
        let line = |name, unit, goal, figure: fn(&Round) -> f64| {
            let (kiosk, chromium) = (of(&self.kiosk, figure), of(&self.chromium, figure));
            let chromium = Some(chromium).filter(|figure| figure.is_finite());
            Line::new(name, kiosk, unit, chromium, goal)
        };
        let mut lines = vec![
            line("page, 200 files, no worker", "ms", Goal::None, |round| {
                round.plain_ms
            }),
            line(
                "page, 200 files, from the cache",
                "ms",
                Goal::RatioAtMost(0.334),
                |round| round.cached_ms,
            ),
            line(
                "match() in 10,000 / in 100",
                "times",
                Goal::ValueAtMost(1.5),
                |round| round.match_many_ms / round.match_few_ms,
            ),
            line("match() in 100 entries", "ms", Goal::None, |round| {
                round.match_few_ms
            }),
            line(
                "200 MB, respondWith(fetch())",
                "MiB",
                Goal::ValueAtMost(16.0),
                |round| round.stream_bytes / MIB,
            ),
            line(
                "200 MB, cache.put()",
                "MiB",
                Goal::ValueAtMost(16.0),
                |round| round.put_bytes / MIB,
            ),
            line("200 MB, first byte", "ms", Goal::None, |round| {
                round.first_byte_ms
            }),
            line("200 MB, last byte", "ms", Goal::None, |round| {
                round.last_byte_ms
            }),
            line(
                "200 MB, first byte / last byte",
                "times",
                Goal::ValueAtMost(0.2),
                |round| round.first_byte_ms / round.last_byte_ms,
            ),
        ];
        if !self.baseline.is_empty() {
            let mut before: Vec<f64> = self.baseline.iter().map(|(before, _)| *before).collect();
            let mut now: Vec<f64> = self.baseline.iter().map(|(_, now)| *now).collect();
            let (before, now) = (median(&mut before), median(&mut now));
            let goal = Goal::RatioAtMost(1.02);
            let name = "page, 200 files, no worker";
            let line = Line::new(name, now, "ms", Some(before), goal);
            lines.push(line.note("beside the other kiosk"));
        }
        lines
    }
}

/// The median of a figure over the rounds.
fn of(rounds: &[Round], figure: fn(&Round) -> f64) -> f64 {
    let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
    median(&mut figures)
}
