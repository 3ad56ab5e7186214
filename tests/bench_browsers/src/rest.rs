//! What a browser holds in memory that has been started with a profile and rests: without a page, so that no garbage of its
//! scripts is measured, and without a network, so that it sends nothing.

use std::collections::VecDeque;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use background_sync_bench_browsers::browser::Process;
use background_sync_bench_report::median;

use crate::memory;

/// It has rested once the kiosk has given back what is free: it does 10 and 11 s after its last activity.
const REST: Duration = Duration::from_secs(15);
/// How often the memory is read then ...
const PAUSE: Duration = Duration::from_millis(250);
/// ... until so many readings in a row ...
const READINGS: usize = 8;
/// ... differ by no more than this, in bytes.
const NOISE_BYTES: f64 = 262_144.0;
/// A browser that is busy for longer is taken as it is.
const PATIENCE: Duration = Duration::from_secs(60);

/// It is started so often.
const STARTS: usize = 5;

/// What its first process holds, in bytes: the middle of several starts, each with a copy of the profile in `folder`. They
/// are started at the same time: one that has the machine for itself holds a megabyte more at some times and less at
/// others, whatever is registered. `command` is what starts one with the profile in a folder.
pub fn first_process_bytes(
    folder: &Path,
    command: &dyn Fn(&Path) -> Result<Command>,
) -> Result<f64> {
    // The first start mends what a kill has left, and holds what that took for a while.
    of_starts(&[command(folder)?])?;
    let beside = folder.parent().unwrap_or(folder);
    let copies = tempfile::tempdir_in(beside).context("no folder for copies of a profile")?;
    let mut commands = Vec::with_capacity(STARTS);
    for number in 0..STARTS {
        let copy = copies.path().join(number.to_string());
        let copied = Command::new("cp")
            .args(["--archive", "--"])
            .args([folder, &copy])
            .status();
        let copied = copied.context("cannot start `cp`, which copies a profile")?;
        ensure!(
            copied.success(),
            "a profile could not be copied: is {} full?",
            copies.path().display()
        );
        commands.push(command(&copy)?);
    }
    Ok(median(&mut of_starts(&commands)?))
}

/// What the first process of each holds. All are ended by force.
fn of_starts(commands: &[Command]) -> Result<Vec<f64>> {
    let mut processes = Vec::with_capacity(commands.len());
    for browser in commands {
        let mut command = without_network(browser);
        let command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = command.spawn().context(
            "cannot start `unshare`, by which a browser has no network: it is in the package util-linux",
        )?;
        processes.push((Process(process), Readings::default(), None));
    }
    let started = Instant::now();
    loop {
        thread::sleep(PAUSE);
        let since_start = started.elapsed();
        for (process, readings, rested) in &mut processes {
            let reading = memory::of_tree(process.0.id()).context(
                "a browser that was started without a network has ended: see whether it starts at all, and whether \
                 `unshare --net --map-root-user true` is allowed here",
            )?;
            if since_start >= REST && rested.is_none() {
                *rested = readings.handle(reading.first_bytes, since_start >= PATIENCE);
            }
        }
        let rested = processes.iter().map(|(.., rested)| *rested);
        if let Some(bytes) = rested.collect() {
            return Ok(bytes);
        }
    }
}

/// The same command in a network of its own, where there is none.
fn without_network(command: &Command) -> Command {
    let mut without = Command::new("unshare");
    without.args(["--net", "--map-root-user", "--"]);
    without.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => without.env(name, value),
            None => without.env_remove(name),
        };
    }
    without
}

/// The last [`READINGS`].
#[derive(Default)]
struct Readings(VecDeque<f64>);

impl Readings {
    /// Returns the least of them once they are steady, or are to be taken as they are.
    fn handle(&mut self, reading: f64, is_last: bool) -> Option<f64> {
        if self.0.len() == READINGS {
            self.0.pop_front();
        }
        self.0.push_back(reading);
        let least = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.0.iter().copied().fold(0.0, f64::max);
        let is_steady = self.0.len() == READINGS && most - least <= NOISE_BYTES;
        (is_steady || is_last).then_some(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_rests_once_its_memory_neither_grows_nor_falls() {
        let mut readings = Readings::default();
        for step in 0..2 * READINGS {
            assert_eq!(readings.handle(step as f64 * 1e6, false), None);
        }
        for _ in 1..READINGS {
            assert_eq!(readings.handle(5e6, false), None);
        }
        assert_eq!(readings.handle(5.1e6, false), Some(5e6));
    }

    #[test]
    fn one_that_never_rests_is_taken_as_it_is() {
        let mut readings = Readings::default();
        assert_eq!(readings.handle(5e6, false), None);
        assert_eq!(readings.handle(9e6, true), Some(5e6));
    }

    #[test]
    fn a_browser_that_cannot_be_started_is_an_error() {
        let error =
            of_starts(&[Command::new("/no/such/browser")]).expect_err("there is no such browser");
        assert!(error.to_string().contains("unshare"), "{error}");
    }

    #[test]
    fn it_has_no_network_and_the_environment_of_the_command() {
        let mut command = Command::new("sh");
        // `lo` is all there is.
        let script = "test \"$HERE\" = yes && test $(grep -c : /proc/net/dev) -eq 1";
        command.args(["-c", script]).env("HERE", "yes");
        let status = without_network(&command)
            .status()
            .expect("it can be started");
        assert!(status.success());
    }
}
