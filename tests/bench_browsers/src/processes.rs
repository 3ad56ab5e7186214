//! A process and all that descend from it.

use anyhow::{Context, Result};
use procfs::process::all_processes;

/// The ids of a process and of all that descend from it now; its own comes first, even if it has ended.
pub fn tree(root: u32) -> Result<Vec<i32>> {
    let root = i32::try_from(root).context("a process id out of range")?;
    let family = parents()?;
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(&parent) = tree.get(next) {
        let children = family.iter().filter(|(_, of)| *of == parent);
        tree.extend(children.map(|(child, _)| *child));
        next += 1;
    }
    Ok(tree)
}

/// Each process and its parent.
fn parents() -> Result<Vec<(i32, i32)>> {
    let processes = all_processes().context("cannot list the processes")?;
    let stats = processes.filter_map(|process| process.ok()?.stat().ok());
    Ok(stats.map(|stat| (stat.pid, stat.ppid)).collect())
}
