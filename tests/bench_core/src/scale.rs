//! A million registrations.

use std::alloc::System;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use background_sync::Durability;
use background_sync_core::RegistrationState;
use background_sync_store::FILE_NAME;
use stats_alloc::StatsAlloc;

use crate::browser::Browser;
use crate::fill::{Filling, fill};
use crate::raw;
use crate::register::rate;
use crate::report::{Goal, Line, median};

const MANY: usize = 1_000_000;
const FEW: usize = 1_000;
const PER_ORIGIN: usize = 1_000;
const CALLS_PER_ROUND: usize = 2_000;
const ROUNDS: usize = 7;

/// Starting with them, what they weigh, and what a call costs beside them.
pub fn lines(folder: &Path, allocator: &StatsAlloc<System>) -> Result<Vec<Line>> {
    let filling = |registrations| Filling {
        registrations,
        origins: registrations / PER_ORIGIN,
        state: RegistrationState::Pending,
    };
    let (many_folder, few_folder) = (folder.join("many"), folder.join("few"));
    fill(&few_folder, filling(FEW))?;
    fill(&many_folder, filling(MANY))?;

    let reading = raw::read_all(&many_folder.join(FILE_NAME))?;
    let before = live_bytes(allocator);
    let resident_before = resident_bytes()?;
    let start = Instant::now();
    let many = Browser::start(Some(&many_folder), Durability::Strict)?;
    let read = start.elapsed().as_secs_f64();
    let tags = many.page(3)?.tags()?;
    let loading = start.elapsed().as_secs_f64();
    anyhow::ensure!(tags == PER_ORIGIN, "{tags} tags instead of {PER_ORIGIN}");
    let each = (live_bytes(allocator) - before) / MANY as f64;
    let resident_each = (resident_bytes()? - resident_before) / MANY as f64;

    let few = Browser::start(Some(&few_folder), Durability::Strict)?;
    // An origin that has none yet.
    let (mut many_page, mut few_page) = (many.page(MANY)?, few.page(MANY)?);
    let (mut values, mut references) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let prefix = format!("round-{round}");
        values.push(1e6 / rate(&mut many_page, &prefix, CALLS_PER_ROUND)?);
        references.push(1e6 / rate(&mut few_page, &prefix, CALLS_PER_ROUND)?);
    }
    many.shutdown();
    few.shutdown();
    let goal = Goal::RatioAtMost(1.5);
    let (value, reference) = (median(&mut values), median(&mut references));
    Ok(vec![
        Line::new(
            "register() beside 1,000,000",
            value,
            "us each",
            Some(reference),
            goal,
        )
        .note("the same beside 1,000; strict, 256 outstanding"),
        Line::new(
            "start with 1,000,000, to an answer",
            loading,
            "s",
            Some(reading),
            Goal::ValueAtMost(2.0),
        )
        .note(format!(
            "the store needs {read:.2} s of it; the reference reads and decodes the file one by one"
        )),
        Line::new(
            "memory of 1,000,000",
            each,
            "bytes each",
            None,
            Goal::ValueAtMost(300.0),
        )
        .note(format!(
            "live on the heap, the store's cache included; the process grew by {resident_each:.0} each"
        )),
    ])
}

fn live_bytes(allocator: &StatsAlloc<System>) -> f64 {
    let stats = allocator.stats();
    // Both include what reallocations add and take.
    stats.bytes_allocated as f64 - stats.bytes_deallocated as f64
}

fn resident_bytes() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: f64 = kilobytes.context("no VmRSS")?.parse()?;
    Ok(kilobytes * 1024.0)
}
