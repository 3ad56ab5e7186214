//! Measures the same page in the kiosk and in Chromium, side by side.
//!
//! The browsers take turns, also at going first, each time with a new process and a new profile, so that both have the
//! same weather. The kiosk stores as it does by default: what `register()` has promised survives a power cut.

mod bound;
mod calls;
mod figures;
mod floor;
mod lines;
mod medium;
mod memory;
mod plot;
mod rest;
mod round;
mod scale;
mod site;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use background_sync_bench_browsers::browser::{Browser, Network};
use background_sync_bench_browsers::chromium::{self, Chromium};
use background_sync_bench_browsers::kiosk::{self, Kiosk, Settings};
use background_sync_bench_browsers::table::{self, Table};
use background_sync_bench_report::{self as report, median};
use clap::Parser;
use serde::Serialize;
use tempfile::TempDir;

use crate::calls::Calls;
use crate::floor::Times;
use crate::lines::Measured;
use crate::medium::Medium;
use crate::round::Round;
use crate::scale::{STEP, STEPS};

/// What writes the table.
const COMMAND: &str = "./mach bench --browsers --readme";
/// Everything as by default, except for how many registrations an origin may have, and that its garbage can be collected.
const KIOSK_SETTINGS: Settings<'_> = Settings {
    configuration: "[background_sync]\nmax_registrations_per_origin = 20000\n",
    flags: &["--pref", "expose_servointernals_globally"],
};
/// How often each browser is started in a round for single calls: where its threads run differs from start to start.
const STARTS: usize = 3;
/// Flushes, and ways from thread to thread, after each of those of the kiosk, for the floors.
const FLOORS: usize = 200;

/// Measure the same page in the kiosk and in Chromium, side by side
#[derive(Parser)]
#[command(name = "./mach bench --browsers")]
struct Arguments {
    /// The kiosk's binary
    #[arg(long, value_name = "PATH")]
    kiosk: PathBuf,
    /// Chromium's binary
    #[arg(long, value_name = "PATH")]
    chromium: PathBuf,
    /// How often each browser is measured; medians count
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    rounds: usize,
    /// Keep the profiles in this folder while measuring: it decides the medium
    #[arg(long, value_name = "FOLDER")]
    folder: PathBuf,
    /// Write a list of {name, value, unit, reference, ratio, goal, met, note} to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write what each round has measured to this file
    #[arg(long, value_name = "FILE")]
    rounds_json: Option<PathBuf>,
    /// Draw the growth and the ratios to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Put the table into this Markdown file, between the two comments that mark its place
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    ensure!(arguments.rounds > 0, "`--rounds` must be at least 1");
    // What measuring would be in vain without comes first.
    let medium = Medium::of(&arguments.folder)?;
    println!("profiles: {} ({medium})", arguments.folder.display());
    let table = arguments.markdown.as_deref();
    let table = table.map(|file| Table::find(file, COMMAND)).transpose()?;
    ensure!(
        table.is_none() || !medium.is_memory(),
        "{} is kept in memory ({medium}), where a synchronized write costs nothing: the table wants profiles on a disk, \
         where registrations survive a power cut; set BACKGROUND_SYNC_CACHE to a folder that is on one",
        arguments.folder.display()
    );
    let measured = measure(&arguments)?;
    let lines = measured.lines();
    println!(
        "value: the kiosk; reference: Chromium; medians of {} rounds",
        arguments.rounds
    );
    report::print_head();
    lines.iter().for_each(report::Line::print);
    println!(
        "A page appended and flushed takes {:.3} ms; by another thread, and back, {:.3} ms; by one of {} that a byte passes, \
         {:.3} ms.",
        measured.flush_ms,
        measured.durable_answer_ms,
        floor::THREADS_TO_THE_STORE,
        measured.durable_way_ms
    );
    if let Some(file) = &arguments.json {
        report::write_json(file, &lines)?;
    }
    if let Some(file) = &arguments.rounds_json {
        #[derive(Serialize)]
        struct Rounds<'a> {
            kiosk: &'a [Round],
            chromium: &'a [Round],
        }
        let (kiosk, chromium) = (&measured.kiosk, &measured.chromium);
        report::write_json(file, &Rounds { kiosk, chromium })?;
    }
    match &arguments.svg {
        Some(file) => {
            plot::draw(file, &measured, &lines)?;
            println!("Plot: {}", file.display());
        }
        None => println!("For a plot: `--svg FILE`; for the README's plot and table: `--readme`."),
    }
    if let Some(table) = &table {
        let conditions = format!(
            "Medians of {} rounds; profiles on {medium}, where a page appended and flushed takes {} ms; memory of \
             all processes, without pages of files.",
            arguments.rounds,
            report::number(measured.flush_ms)
        );
        let mut content = table::markdown(&lines);
        // Writing to a String cannot fail.
        let _ = writeln!(content, "\n{conditions}");
        let title = "The kiosk and Chromium, side by side";
        table.replace(&content, title, arguments.svg.as_deref())?;
        println!("Table: {}", table.file().display());
    }
    Ok(report::sum_up(&lines))
}

fn measure(arguments: &Arguments) -> Result<Measured> {
    let site = site::start()?;
    let url = site.url();
    let mut floors = Floors::default();
    let (mut kiosk, mut chromium) = (Vec::new(), Vec::new());
    for number in 1..=arguments.rounds {
        eprintln!("round {number} of {}", arguments.rounds);
        let (mut of_kiosk, mut of_chromium) = (Vec::new(), Vec::new());
        for start in 1..=STARTS {
            for product in order(number + start) {
                let (starts, rounds) = match product {
                    Product::Kiosk => (&mut of_kiosk, &mut kiosk),
                    Product::Chromium => (&mut of_chromium, &mut chromium),
                };
                let folder = profile(arguments)?;
                let in_product = || format!("in {}", product.name());
                if start < STARTS {
                    let calls = product.measure_calls(arguments, folder.path(), &url);
                    starts.push(calls.with_context(in_product)?);
                } else {
                    let round = product.measure(arguments, folder.path(), &url);
                    let round = round.with_context(in_product)?;
                    starts.push(round.calls.clone());
                    let calls = calls::middle(starts);
                    rounds.push(Round { calls, ..round });
                }
                if product == Product::Kiosk
                    && let Some(calls) = starts.last()
                {
                    floors.measure(folder.path(), calls)?;
                }
            }
        }
    }
    Ok(Measured {
        kiosk,
        chromium,
        flush_ms: median(&mut floors.flushes),
        durable_answer_ms: median(&mut floors.answers),
        durable_way_ms: median(&mut floors.ways),
    })
}

/// What the machine needed between the kiosk's starts, in milliseconds.
#[derive(Default)]
struct Floors {
    flushes: Vec<f64>,
    answers: Vec<f64>,
    ways: Vec<f64>,
}

impl Floors {
    /// With the pauses that the page had.
    fn measure(&mut self, folder: &Path, calls: &Calls) -> Result<()> {
        let times = |pause_ms: f64| Times {
            count: FLOORS,
            pause: Duration::from_secs_f64(pause_ms / 1e3),
        };
        let registers = times(calls.before_register_ms);
        self.flushes.extend(floor::flushes_ms(folder, registers)?);
        self.answers
            .extend(floor::durable_answers_ms(folder, registers)?);
        let returns = times(calls.before_return_ms);
        self.ways.extend(floor::durable_ways_ms(folder, returns)?);
        Ok(())
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Product {
    Kiosk,
    Chromium,
}

impl Product {
    fn name(self) -> &'static str {
        match self {
            Self::Kiosk => "the kiosk",
            Self::Chromium => "Chromium",
        }
    }

    /// Single calls in a browser with a new profile in this folder.
    fn measure_calls(self, arguments: &Arguments, folder: &Path, url: &str) -> Result<Calls> {
        calls::measure(&mut *self.start(arguments, folder, url)?)
    }

    /// One round, with new profiles in this folder.
    fn measure(self, arguments: &Arguments, folder: &Path, url: &str) -> Result<Round> {
        let mut browser = self.start(arguments, folder, url)?;
        let mut round = round::measure(&mut *browser)?;
        drop(browser);
        let rest = |name: &str, tags| self.rest_with(arguments, &folder.join(name), url, tags);
        let without = rest("without-tags", 0)?;
        let with = rest("with-tags", STEP * STEPS)?;
        round.tags_bytes = with - without;
        Ok(round)
    }

    /// What its first process holds at rest with so many tags, all of them or none, in a new profile.
    fn rest_with(
        self,
        arguments: &Arguments,
        folder: &Path,
        url: &str,
        tags: usize,
    ) -> Result<f64> {
        fs::create_dir(folder).context("no folder for a profile")?;
        let mut browser = self.start(arguments, folder, url)?;
        if tags > 0 {
            browser.set_network(Network::Offline)?;
            round::register_all(&mut *browser)?;
        }
        browser.kill();
        let bytes = self.resting_bytes(arguments, folder)?;
        self.check_tags(arguments, folder, tags)?;
        Ok(bytes)
    }

    fn start(self, arguments: &Arguments, folder: &Path, url: &str) -> Result<Box<dyn Browser>> {
        Ok(match self {
            Self::Kiosk => Box::new(Kiosk::start(
                &arguments.kiosk,
                folder,
                url,
                &KIOSK_SETTINGS,
            )?),
            Self::Chromium => Box::new(Chromium::start(&arguments.chromium, folder, url)?),
        })
    }

    /// What its first process holds at rest, with the profile in this folder.
    fn resting_bytes(self, arguments: &Arguments, folder: &Path) -> Result<f64> {
        const PAGE: &str = "about:blank";
        rest::first_process_bytes(folder, &|folder| match self {
            Self::Kiosk => {
                let mut command = kiosk::command(&arguments.kiosk, folder, PAGE, &KIOSK_SETTINGS)?;
                // It does not ask the machine for a blank page, and would send what waits.
                command.arg("--offline");
                Ok(command)
            }
            Self::Chromium => {
                let mut command = chromium::command(&arguments.chromium, folder);
                command.arg(PAGE);
                Ok(command)
            }
        })
    }

    /// What has rested still has so many tags. Chromium tells nobody: it has no network of which it could know.
    fn check_tags(self, arguments: &Arguments, folder: &Path, tags: usize) -> Result<()> {
        if self == Self::Chromium {
            return Ok(());
        }
        let registered = kiosk::registered(&arguments.kiosk, folder)?;
        ensure!(
            registered == tags,
            "the kiosk has {registered} tags after its rest instead of {tags}"
        );
        Ok(())
    }
}

/// Who goes first at this turn, and who follows; they take turns, because the second finds another machine: a warmer
/// one, and a disk that still writes.
fn order(turn: usize) -> [Product; 2] {
    match turn % 2 {
        1 => [Product::Kiosk, Product::Chromium],
        _ => [Product::Chromium, Product::Kiosk],
    }
}

/// A folder for one browser's profile.
fn profile(arguments: &Arguments) -> Result<TempDir> {
    tempfile::tempdir_in(&arguments.folder).context("no folder for a profile")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_measured_in_each_round_and_take_turns_at_going_first() {
        assert_eq!(order(1), [Product::Kiosk, Product::Chromium]);
        assert_eq!(order(2), [Product::Chromium, Product::Kiosk]);
        assert_eq!(order(3), order(1));
    }
}
