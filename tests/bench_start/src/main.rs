//! Measures how soon after its start the kiosk asks for its page, and sends a sync that is due without one, beside an embedder
//! of Servo as published that shows the same page.

mod browsers;
mod site;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use background_sync_bench_report::{self as report, Goal, Line, median};
use clap::Parser;

use crate::browsers::{Embedder, Profile};
use crate::site::{Requested, Site};

/// How much longer than the embedder of Servo as published the kiosk may take.
const MOST: Goal = Goal::RatioAtMost(1.1);

/// Measure how soon the kiosk asks for its page, and sends a sync that is due
#[derive(Parser)]
#[command(name = "./mach bench --start")]
struct Arguments {
    /// The kiosk's binary
    #[arg(long, value_name = "PATH")]
    kiosk: PathBuf,
    /// That of the embedder of Servo as published, built in the same way
    #[arg(long, value_name = "PATH")]
    unpatched: PathBuf,
    /// Keep the profiles in this folder meanwhile
    #[arg(long, value_name = "FOLDER")]
    folder: PathBuf,
    /// How often each is started; medians count
    #[arg(long, value_name = "COUNT")]
    rounds: u16,
    /// Write the figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Milliseconds from the start of a process.
#[derive(Default)]
struct Measured {
    page: Vec<f64>,
    sync: Vec<f64>,
    unpatched: Vec<f64>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    ensure!(arguments.rounds > 0, "`--rounds` must be at least 1");
    let lines = measure(&arguments)?.lines();
    println!(
        "value: the kiosk; reference: Servo as published, to its page's first request; medians of {} starts",
        arguments.rounds
    );
    report::print_head();
    lines.iter().for_each(Line::print);
    if let Some(file) = &arguments.json {
        report::write_json(file, &lines)?;
    }
    Ok(report::sum_up(&lines))
}

fn measure(arguments: &Arguments) -> Result<Measured> {
    let site = Site::start()?;
    let kiosk = Embedder::Kiosk(&arguments.kiosk);
    let unpatched = Embedder::Unpatched(&arguments.unpatched);
    let profile = Profile::with_due_sync(&kiosk, &arguments.folder, &site)
        .context("no sync could be registered in the kiosk")?;
    let mut measured = Measured::default();
    // One start of each does not count: its files have to be read.
    for number in 0..=arguments.rounds {
        // Whoever comes second finds a warmer machine.
        let page_first = number % 2 == 0;
        let page = |embedder: &Embedder<'_>| {
            let used = profile.copy(&arguments.folder)?;
            let url = site.page_url();
            embedder.time_to(&used, &url, &site, Requested::Page)
        };
        let (of_kiosk, of_unpatched) = match page_first {
            true => (page(&kiosk)?, page(&unpatched)?),
            false => {
                let of_unpatched = page(&unpatched)?;
                (page(&kiosk)?, of_unpatched)
            }
        };
        let used = profile.copy(&arguments.folder)?;
        let sync = kiosk.time_to(&used, "about:blank", &site, Requested::Sync)?;
        if number > 0 {
            measured.page.push(of_kiosk);
            measured.unpatched.push(of_unpatched);
            measured.sync.push(sync);
        }
    }
    Ok(measured)
}

impl Measured {
    fn lines(mut self) -> Vec<Line> {
        let reference = Some(median(&mut self.unpatched));
        vec![
            Line::new(
                "start to the page's first request",
                median(&mut self.page),
                "ms",
                reference,
                MOST,
            )
            .note("with a profile in which a worker is stored and a sync waits"),
            Line::new(
                "start to the request of a due sync",
                median(&mut self.sync),
                "ms",
                reference,
                MOST,
            )
            .note(
                "of a service worker that is started without a page; Servo as published has none",
            ),
        ]
    }
}
