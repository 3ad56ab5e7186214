//! The project's own build tool: assembles Servo with our patches, builds the kiosk, runs the tests.
//!
//! | to find | see |
//! | --- | --- |
//! | the command line, and a module for each command | this file; `testing/` is `./mach test` |
//! | the patch series, the overlay, the assembled workspace | `servo/` |
//! | how the kiosk is built, and what is shown of it | `kiosk.rs`, `build_output.rs`, `build_progress.rs`, `spidermonkey.rs` |
//! | the package of Debian's | `package.rs` |
//! | what the system must have | `setup.rs` |
//! | web-platform-tests | `wpt/` |
//! | tests of the source tree's own rules | `circles.rs`, `module_graph.rs`, `dependencies.rs`, `documents.rs`, `publishable.rs`, `sizes.rs` |
//! | other programs | `command.rs`, `git.rs`, `metadata.rs` for cargo's, `programs.rs` for ours |

mod bench;
mod build_output;
mod build_progress;
#[cfg(test)]
mod circles;
mod command;
mod day;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod documents;
mod files;
mod fuzz;
mod git;
mod kiosk;
mod metadata;
#[cfg(test)]
mod module_graph;
mod package;
mod paths;
mod pictures;
mod power_cuts;
mod programs;
#[cfg(test)]
mod publishable;
mod servo;
mod setup;
#[cfg(test)]
mod sizes;
mod spidermonkey;
mod test_apps;
mod testing;
mod wpt;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};

use crate::kiosk::Profile;
use crate::paths::Paths;
use crate::servo::{Brought, Group, LocalWork, Offsets};

#[derive(Parser)]
#[command(
    name = "mach",
    bin_name = "./mach",
    about,
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything that is missing, then start the kiosk
    Run {
        /// Build and start the optimized kiosk
        #[arg(long)]
        release: bool,
        /// What the kiosk gets: a URL and its own options (`--help` after `--` lists them)
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "URL|OPTION"
        )]
        arguments: Vec<OsString>,
    },
    /// Build the kiosk, and print the path of its binary last
    Build {
        /// Optimize it
        #[arg(long)]
        release: bool,
        /// Leave out a group of patches: offline
        #[arg(long, value_name = "GROUP", value_parser = Group::parse_left_out)]
        without: Option<Group>,
    },
    /// Make a package of Debian's of the optimized kiosk, and print its path last
    Package(package::Package),
    /// Run every check and test
    Test {
        /// Leave out what needs Servo
        #[arg(long)]
        core: bool,
        /// Run what does not need a group of patches in a kiosk without it: offline
        #[arg(long, value_name = "GROUP", value_parser = Group::parse_left_out, conflicts_with = "core")]
        without: Option<Group>,
    },
    /// Format every Rust file
    Fmt,
    /// Run the stock wptrunner on web-platform-tests and on ours
    TestWpt(wpt::TestWpt),
    /// Offline apps of libraries as their authors published them, in the kiosk and in Chromium
    TestApps(test_apps::TestApps),
    /// Measure, and compare with what was promised
    Bench(bench::Benchmarks),
    /// Cut the power of a kiosk on a file system of its own again and again, and see what is left (needs root)
    PowerCuts(power_cuts::PowerCuts),
    /// Take the pictures of the documentation anew, by the kiosk
    Pictures(pictures::Pictures),
    /// A day in the life of a device, in minutes: visitors, networks, servers that fail, kills, power cuts, restarts
    Day(day::Day),
    /// Send hostile messages and records to the component (needs nightly Rust and cargo-fuzz)
    Fuzz(fuzz::Fuzz),
    /// Assemble the patched Servo, or keep the patch series in step with it
    #[command(subcommand)]
    Servo(ServoTask),
}

#[derive(Subcommand)]
enum ServoTask {
    /// Assemble the workspace from Servo as published, the series, the overlay and our crates
    Apply {
        /// Put edits that the series does not have aside on a backup branch
        #[arg(long)]
        force: bool,
        /// Accept patches whose line numbers are off, to export them again
        #[arg(long)]
        allow_offsets: bool,
        /// Leave out a group of patches: offline. The workspace is another one, and can't be exported
        #[arg(long, value_name = "GROUP", value_parser = Group::parse_left_out, conflicts_with_all = ["force", "allow_offsets"])]
        without: Option<Group>,
    },
    /// Write the patch files and the series from the commits in the patched tree
    Export,
    /// Write what another embedder of Servo needs into a folder
    ExportOverlay {
        /// The folder, which must not exist or be empty
        folder: PathBuf,
    },
    /// Check the series, and print how many lines of Servo are patched
    Check {
        /// Print the table as Markdown
        #[arg(long)]
        markdown: bool,
        /// Have cargo check what the groups need, and each topic that can be left out alone: half an hour
        #[arg(long, conflicts_with = "markdown")]
        each: bool,
    },
    /// Bring servo/Cargo.lock in step with the manifests
    Lock,
    /// Bring the sources that servo/pin names into the patched tree as the branch `upstream`
    Upstream,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    let paths = Paths::find()?;
    match task {
        Task::Run { release, arguments } => {
            let kiosk = kiosk::build(&paths, Profile::new(release))?;
            // The kiosk takes this process's place, so that signals reach it.
            let error = kiosk::give_runtime_folder(&mut Command::new(&kiosk), &paths)?
                .args(arguments)
                .exec();
            bail!("cannot start {}: {error}", kiosk.display());
        }
        Task::Build { release, without } => {
            let kiosk = match without {
                None => kiosk::build(&paths, Profile::new(release))?,
                Some(group) => kiosk::build_without(&paths, Profile::new(release), group)?,
            };
            println!("{}", kiosk.display());
            Ok(ExitCode::SUCCESS)
        }
        Task::Test {
            without: Some(group),
            ..
        } => testing::run_without(&paths, group),
        Task::Test { core, .. } => testing::run(&paths, core),
        Task::Package(package) => package::run(&paths, &package),
        Task::Fmt => testing::format(&paths).map(|()| ExitCode::SUCCESS),
        Task::TestWpt(arguments) => wpt::run(&paths, &arguments),
        Task::TestApps(arguments) => test_apps::run(&paths, &arguments),
        Task::Bench(benchmarks) => bench::run(&paths, &benchmarks),
        Task::PowerCuts(power_cuts) => power_cuts::run(&paths, &power_cuts),
        Task::Pictures(pictures) => pictures::run(&paths, &pictures),
        Task::Day(day) => day::run(&paths, &day),
        Task::Fuzz(fuzz) => fuzz::run(&paths, &fuzz),
        Task::Servo(task) => run_servo(&paths, task),
    }
}

fn run_servo(paths: &Paths, task: ServoTask) -> Result<ExitCode> {
    let _held = paths.hold_cache()?;
    match task {
        ServoTask::Apply {
            without: Some(group),
            ..
        } => {
            let workspace = servo::apply_without(paths, group)?;
            println!("Assembled in {}", workspace.display());
        }
        ServoTask::Apply {
            force,
            allow_offsets,
            without: None,
        } => {
            let local = if force {
                LocalWork::Drop
            } else {
                LocalWork::Refuse
            };
            let offsets = if allow_offsets {
                Offsets::Allow
            } else {
                Offsets::Refuse
            };
            if let Brought::WithBackup(branch) = servo::apply(paths, local, offsets)? {
                println!("What the series did not have is on the branch {branch}.");
            }
            println!("Assembled in {}", paths.tree().display());
        }
        ServoTask::Export => {
            let changed = servo::export(paths)?;
            for path in &changed {
                println!("{}", path.display());
            }
            println!("{} files changed", changed.len());
        }
        ServoTask::ExportOverlay { folder } => {
            let folder = paths::absolute(&folder)?;
            servo::export_overlay::export(paths, &folder)?;
            println!("What to do with it: {}", folder.join("README.md").display());
        }
        ServoTask::Check { each: true, .. } => {
            servo::check::check(paths)?;
            servo::check_each::check_each(paths)?;
        }
        ServoTask::Check { markdown, .. } => {
            print!("{}", servo::check::check(paths)?.table(markdown));
        }
        ServoTask::Lock => {
            let changed = servo::lock(paths)?;
            println!(
                "servo/Cargo.lock {}",
                if changed { "changed" } else { "is up to date" }
            );
        }
        ServoTask::Upstream => {
            let (version, before) = servo::upstream(paths)?;
            println!("The branch `upstream` is Servo {version} as published.");
            if let Some(before) = before {
                println!("To move the series: git rebase --onto upstream {before}");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
