//! `./mach test-wpt --unpatched`: upstream's tests of service workers in Servo as published, then in the kiosk, both
//! driven by the stock runner alike. Nothing that passes in the first may fail in the second.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, ensure};

use super::comparison::{Comparison, Runs};
use super::results::{self, Results};
use super::runner::{Browser, Product, Runner, TestWpt, find_kiosk, kiosk_at};
use crate::command;
use crate::files;
use crate::kiosk::{self, Profile};
use crate::paths::{self, Paths};
use crate::setup;

/// What is run if no paths are given.
const DEFAULT_PATH: &str = "/service-workers";
/// How many more times the tests with subtests that seem lost are run, at most.
const REPEATS: usize = 2;
/// The embedder of Servo as published, in the source tree and in its own workspace alike.
const EMBEDDER: &str = "tests/unpatched";
/// That workspace. The profile is the one of the patched tree: what both have in common is compiled once.
const WORKSPACE: &str = "\
# Written by `./mach test-wpt --unpatched`. Edit the source tree instead.
[workspace]
resolver = \"3\"
members = [\"tests/unpatched\"]

[profile.dev]
debug = 0

[profile.dev.package.ipc-channel]
debug-assertions = false

[profile.release]
debug = 0
opt-level = 3
lto = \"thin\"
";

/// The browsers, and what runs tests in them.
struct Browsers<'a> {
    runner: Runner<'a>,
    unpatched: Browser,
    patched: Browser,
    verbose: bool,
}

/// Runs the tests in both, prints what differs, and succeeds only if nothing is lost and more passes.
pub fn compare(paths: &Paths, arguments: &TestWpt) -> Result<ExitCode> {
    let runner = Runner::prepare(paths, arguments.wpt_root.as_deref())?;
    let patched = find_kiosk(paths, arguments, Product::Servo)?;
    let browsers = Browsers {
        unpatched: kiosk_at(build(paths, Profile::Dev)?, Product::Servo)?,
        patched,
        runner,
        verbose: arguments.verbose,
    };
    let urls = match arguments.paths.as_slice() {
        [] => vec![DEFAULT_PATH.to_owned()],
        paths => paths.to_vec(),
    };
    let mut comparison = Comparison::new(Runs {
        unpatched: match &arguments.report_unpatched {
            Some(file) => browsers.recall_or_run(&urls, file)?,
            None => browsers.run(&browsers.unpatched, &urls, &browsers.report("unpatched"))?,
        },
        patched: browsers.run(&browsers.patched, &urls, &browsers.report("patched"))?,
    })?;
    for _ in 0..REPEATS {
        let tests = comparison.tests_to_repeat();
        if tests.is_empty() {
            break;
        }
        eprintln!("Running {} tests again: something seems lost.", tests.len());
        comparison.add(Runs {
            unpatched: browsers.run(
                &browsers.unpatched,
                &tests,
                &browsers.report("unpatched-again"),
            )?,
            patched: browsers.run(&browsers.patched, &tests, &browsers.report("patched-again"))?,
        })?;
    }
    print!("{}", comparison.summary());
    Ok(command::exit_code(comparison.is_good()))
}

impl Browsers<'_> {
    fn report(&self, name: &str) -> PathBuf {
        self.runner.cache.join(format!("report-{name}.json"))
    }

    /// The report of an earlier run in Servo as published, which no change of ours makes stale.
    fn recall_or_run(&self, urls: &[String], file: &Path) -> Result<Results> {
        let file = paths::absolute(file)?;
        if file.is_file() {
            eprintln!("Taking {} for Servo as published.", file.display());
            return results::read(&file);
        }
        self.run(&self.unpatched, urls, &file)
    }

    fn run(&self, browser: &Browser, urls: &[String], report: &Path) -> Result<Results> {
        let mut command = self.runner.command(browser, report)?;
        command.arg("--for-comparison");
        if self.verbose {
            command.arg("--verbose");
        }
        command.args(urls);
        ensure!(
            command::status(&mut command)?.success(),
            "wptrunner could not run the tests in {}; its log is {}.log, or with --verbose above",
            browser.binary.display(),
            report.display()
        );
        results::read(report)
    }
}

/// Builds Servo as published, and its embedder, in a workspace of their own that shares the kiosk's target folder.
/// Where the kiosk was built before, this compiles what depends on patched crates, about 50 of them.
pub fn build(paths: &Paths, profile: Profile) -> Result<PathBuf> {
    let llvm = setup::ensure_ready()?;
    let _held = paths.hold_cache()?;
    let workspace = paths.cache.join("unpatched");
    assemble(paths, &workspace)?;
    let mut build = kiosk::cargo(paths, &llvm, profile);
    // Not locked: cargo adds the embedder to Servo's lock file.
    build.current_dir(&workspace).arg("build");
    build.args(["--profile", profile.name()]);
    ensure!(
        command::status(&mut build)?.success(),
        "Servo as published could not be built in {}",
        workspace.display()
    );
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Release => "release",
    };
    Ok(paths.target().join(folder).join("unpatched"))
}

fn assemble(paths: &Paths, workspace: &Path) -> Result<()> {
    let embedder = workspace.join(EMBEDDER);
    fs_err::create_dir_all(&embedder)?;
    files::mirror(&paths.root.join(EMBEDDER), &embedder, |_, content| {
        Ok(content)
    })?;
    files::write_if_different(&workspace.join("Cargo.toml"), WORKSPACE.as_bytes())?;
    // What cargo has made of it stays until there is another one.
    let lock = paths.pin().with_file_name("Cargo.lock");
    if files::copy_if_different(&lock, &workspace.join("pin.lock"))? {
        files::copy_if_different(&lock, &workspace.join("Cargo.lock"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    /// The texts in a list of preferences. Ours is a constant elsewhere in the kiosk, so it is not among them.
    fn list<'a>(source: &'a str, name: &str) -> Result<Vec<&'a str>> {
        let (_, rest) = source
            .split_once(&format!("const {name}: &[&str] = &["))
            .with_context(|| format!("no list {name}"))?;
        let (list, _) = rest.split_once("];").context("no end")?;
        Ok(list
            .lines()
            .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","))
            .collect())
    }

    #[test]
    fn both_browsers_turn_on_the_same_features() -> Result<()> {
        let paths = Paths::find()?;
        let read = |file: &str| fs_err::read_to_string(paths.root.join(file));
        let kiosk = read("ports/kiosk/src/preferences.rs")?;
        let unpatched = read("tests/unpatched/src/arguments.rs")?;
        for name in ["KIOSK_PREFERENCES", "EXPERIMENTAL_PREFERENCES"] {
            let wanted = list(&kiosk, name)?;
            assert!(wanted.contains(&"dom_indexeddb_enabled"), "{wanted:?}");
            assert_eq!(list(&unpatched, name)?, wanted);
        }
        Ok(())
    }

    #[test]
    fn the_workspace_is_made_once_and_keeps_what_cargo_adds() -> Result<()> {
        let paths = Paths::find()?;
        let folder = tempfile::tempdir()?;
        assemble(&paths, folder.path())?;
        let lock = folder.path().join("Cargo.lock");
        let manifest = folder.path().join(EMBEDDER).join("Cargo.toml");
        assert!(manifest.is_file() && lock.is_file());
        fs_err::write(&lock, "with the embedder")?;
        assemble(&paths, folder.path())?;
        assert_eq!(fs_err::read_to_string(&lock)?, "with the embedder");
        Ok(())
    }
}
