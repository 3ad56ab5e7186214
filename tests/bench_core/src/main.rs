//! Measures the component against the floor that the machine sets in the same run.
//!
//! Everything goes through the real manager, over ipc-channel, with the store on disk. References
//! and measurements take turns, so that both have the same weather.

mod browser;
mod dispatch;
mod fill;
mod idle;
mod raw;
mod register;
mod scale;
mod written;

use std::alloc::System;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use background_sync_bench_report as report;
use clap::Parser;
use stats_alloc::StatsAlloc;

use crate::report::Line;

/// Counts what is allocated. It costs some nanoseconds an allocation, here and in the references.
#[global_allocator]
static ALLOCATOR: StatsAlloc<System> = StatsAlloc::system();

/// Measure the component against the floor that the machine sets in the same run
#[derive(Parser)]
#[command(name = "./mach bench --core")]
struct Arguments {
    /// Write a list of {name, value, unit, reference, ratio, goal, met, note} to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Keep the stores in this folder while measuring: it decides the medium
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// How long to watch the component sleep
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    idle: u64,
    /// Only these: register, written, outstanding, dispatch, scale, idle
    #[arg(value_name = "NAME")]
    only: Vec<String>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let folder = match &arguments.folder {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    };
    let folder = folder.context("no folder for the stores")?;
    report::print_head();
    let lines = measure(&arguments, folder.path())?;
    if let Some(file) = &arguments.json {
        report::write_json(file, &lines)?;
    }
    Ok(report::sum_up(&lines))
}

fn measure(arguments: &Arguments, folder: &Path) -> Result<Vec<Line>> {
    let wanted =
        |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|other| other == name);
    let mut lines = Vec::new();
    let mut add = |line: Line| {
        line.print();
        lines.push(line);
    };
    if wanted("register") {
        add(register::strict(folder)?);
        add(register::relaxed(folder)?);
    }
    if wanted("written") {
        written::lines(folder)?.into_iter().for_each(&mut add);
    }
    if wanted("outstanding") {
        add(register::outstanding(folder)?);
    }
    if wanted("dispatch") {
        add(dispatch::line(folder)?);
    }
    if wanted("scale") {
        scale::lines(folder, &ALLOCATOR)?
            .into_iter()
            .for_each(&mut add);
    }
    if wanted("idle") {
        add(idle::line(folder, Duration::from_secs(arguments.idle))?);
    }
    Ok(lines)
}
