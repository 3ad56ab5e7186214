//! What a browser's processes hold in memory.

use anyhow::{Context, Result};
use procfs::process::{Process, all_processes};

/// How often the memory is read: browsers free some of it in the background.
const READINGS: usize = 20;

/// The least of some readings of [`of_tree`], in bytes.
pub fn settled(root: u32) -> Result<f64> {
    let mut least = f64::INFINITY;
    for _ in 0..READINGS {
        least = least.min(of_tree(root)?);
    }
    Ok(least)
}

/// Bytes of a process and all that descend from it, where a page that several processes share counts as one (the sum of
/// their proportional set sizes).
fn of_tree(root: u32) -> Result<f64> {
    let root = i32::try_from(root).context("a process id out of range")?;
    let family = parents()?;
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(&parent) = tree.get(next) {
        let children = family.iter().filter(|(_, of)| *of == parent);
        tree.extend(children.map(|(child, _)| *child));
        next += 1;
    }
    tree.into_iter().map(proportional_bytes).sum()
}

/// Each process and its parent.
fn parents() -> Result<Vec<(i32, i32)>> {
    let processes = all_processes().context("cannot list the processes")?;
    let stats = processes.filter_map(|process| process.ok()?.stat().ok());
    Ok(stats.map(|stat| (stat.pid, stat.ppid)).collect())
}

fn proportional_bytes(id: i32) -> Result<f64> {
    let rollup = Process::new(id).and_then(|process| process.smaps_rollup());
    let Ok(rollup) = rollup else {
        // It has ended since.
        return Ok(0.0);
    };
    let maps = rollup.memory_map_rollup.0;
    let bytes = maps.first().and_then(|map| map.extension.map.get("Pss"));
    Ok(*bytes.context("no proportional set size")? as f64)
}
