//! `./mach test`: every check and test in turn, and one line that sums them up.

mod formatting;
mod run;

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Result;

pub use self::formatting::format;
use self::run::{Count, Run};
use crate::command;
use crate::kiosk::{self, Profile};
use crate::paths::Paths;
use crate::programs::{KIOSK_VARIABLE, cargo};
use crate::servo::{Group, check, export_overlay};
use crate::setup;
use crate::wpt::{self, Product};

/// Tells the end-to-end tests where the second embedder is.
const EMBEDDER_VARIABLE: &str = "BACKGROUND_SYNC_EMBEDDER";
/// Flags that the end-to-end tests start each kiosk with.
const KIOSK_FLAGS_VARIABLE: &str = "BACKGROUND_SYNC_KIOSK_FLAGS";
/// The end-to-end tests, and then once more as if threads were processes.
const RUNS: [(&str, &str); 2] = [
    ("end-to-end tests", ""),
    (
        "end-to-end tests with every channel serialized",
        "--force-ipc",
    ),
];
/// Web-platform-tests, first with everything, then as anybody has them.
const WPT_RUNS: [(&str, Product); 3] = [
    ("web-platform-tests", Product::Kiosk),
    ("upstream's suites by `wpt run servo`", Product::Servo),
    (
        "upstream's suites by `wpt run servodriver`",
        Product::Servodriver,
    ),
];
/// The package of the end-to-end tests. Those that need the group `offline` say so in their first lines.
const END_TO_END: &str = "background_sync_e2e";
/// The package of the apps, which need a kiosk, too.
const APPS: &str = "background_sync_apps";
/// What of web-platform-tests needs no such group.
const SYNC_SUITES: [&str; 2] = ["background-sync", "periodic-background-sync"];

/// Runs everything; `core_only` leaves out what needs Servo.
pub fn run(paths: &Paths, core_only: bool) -> Result<ExitCode> {
    let mut run = Run::new(paths);
    core(&mut run)?;
    if !core_only {
        setup::ensure_ready_for_tests()?;
        more_of_core(&mut run)?;
        servo(&mut run)?;
    }
    Ok(run.sum_up())
}

/// Builds the kiosk without a group of patches, and runs in it what does not need the group.
pub fn run_without(paths: &Paths, group: Group) -> Result<ExitCode> {
    let mut run = Run::new(paths);
    let mut binary = None;
    run.checked("build of the kiosk", |paths| {
        binary = Some(kiosk::build_without(paths, Profile::Dev, group)?);
        Ok(())
    });
    if let Some(binary) = binary {
        // The package's features are the groups.
        let tests =
            format!("test --no-fail-fast --package {END_TO_END} --no-default-features --test *");
        let mut cargo = cargo(paths, &tests);
        cargo.env(KIOSK_VARIABLE, &binary);
        kiosk::give_runtime_folder(&mut cargo, paths)?;
        run.step("end-to-end tests", cargo)?;
        let title = "web-platform-tests";
        web_platform_tests(&mut run, title, Product::Kiosk, &binary, &SYNC_SUITES);
    }
    Ok(run.sum_up())
}

/// What needs no Servo.
fn core(run: &mut Run) -> Result<()> {
    run.step("formatting", cargo(run.paths, "fmt --all --check"))?;
    run.step(
        "formatting of what Servo compiles",
        formatting::rustfmt(run.paths, &["--check"])?,
    )?;
    let clippy = "clippy --workspace --all-targets -- --deny warnings";
    run.step("clippy", cargo(run.paths, clippy))?;
    let mut doc = cargo(run.paths, "doc --workspace --no-deps");
    doc.env("RUSTDOCFLAGS", "--deny warnings");
    run.step("documentation", doc)?;
    let test = format!("test --no-fail-fast --workspace --exclude {END_TO_END} --exclude {APPS}");
    run.step("core tests", cargo(run.paths, &test))?;
    deny(run)
}

/// What needs no Servo, but takes long to compile, or needs Python.
fn more_of_core(run: &mut Run) -> Result<()> {
    let fuzz =
        "test --locked --no-fail-fast --manifest-path tests/fuzz/Cargo.toml --target-dir target";
    run.step(
        "seeds and judges of the fuzz targets",
        cargo(run.paths, fuzz),
    )?;
    let mut python = Command::new("python3");
    python
        .current_dir(&run.paths.root)
        .args("-m unittest discover --start-directory wpt/runner/tests".split(' '));
    run.step("tests of the runner for web-platform-tests", python)
}

/// What runs in Servo.
fn servo(run: &mut Run) -> Result<()> {
    run.checked("patch series", |paths| {
        let _held = paths.hold_cache()?;
        check::check(paths).map(|report| eprint!("{}", report.table(false)))
    });
    let mut binary = None;
    run.checked("build of the kiosk", |paths| {
        binary = Some(kiosk::build(paths, Profile::Dev)?);
        Ok(())
    });
    let Some(binary) = binary else { return Ok(()) };
    if let Some(llvm) = setup::find_llvm() {
        let mut cargo = kiosk::cargo(run.paths, &llvm, Profile::Dev);
        cargo.args(["test", "--locked", "--no-fail-fast"]);
        run.step("kiosk tests", cargo)?;
    }
    run.checked("overlay for other embedders", |paths| {
        let _held = paths.hold_cache()?;
        export_overlay::try_out(paths)
    });
    let mut embedder = None;
    run.checked("build of the second embedder", |paths| {
        embedder = Some(kiosk::build_embedder(paths)?);
        Ok(())
    });
    end_to_end_tests(run, &binary, embedder.as_deref())?;
    for (title, product) in WPT_RUNS {
        web_platform_tests(run, title, product, &binary, &[]);
    }
    Ok(())
}

fn end_to_end_tests(run: &mut Run, kiosk: &Path, embedder: Option<&Path>) -> Result<()> {
    for (title, flags) in RUNS {
        let tests = format!("test --no-fail-fast --package {END_TO_END} --package {APPS}");
        let mut cargo = cargo(run.paths, &tests);
        cargo
            .env(KIOSK_VARIABLE, kiosk)
            .env(KIOSK_FLAGS_VARIABLE, flags);
        if let Some(embedder) = embedder {
            cargo.env(EMBEDDER_VARIABLE, embedder);
        }
        kiosk::give_runtime_folder(&mut cargo, run.paths)?;
        run.step(title, cargo)?;
    }
    Ok(())
}

/// Counts subtests. Those that an expectation in `wpt/meta` says can't pass are neither passed nor failed.
fn web_platform_tests(run: &mut Run, title: &str, product: Product, kiosk: &Path, suites: &[&str]) {
    run.counted(title, |paths| {
        let (tally, is_as_expected) = wpt::run_in_kiosk(paths, kiosk, product, suites)?;
        let count = Count {
            passed: tally.passed,
            failed: tally.unexpected,
        };
        Ok((count, is_as_expected))
    });
}

fn deny(run: &mut Run) -> Result<()> {
    if command::output(&mut cargo(run.paths, "deny --version")).is_err() {
        eprintln!(
            "skipped: cargo deny, which is not installed (cargo install cargo-deny --locked)"
        );
        return Ok(());
    }
    run.step(
        "cargo deny",
        cargo(run.paths, "deny check bans licenses sources"),
    )?;
    // The list of advisories is on the network, which a test machine may not have.
    if command::output(&mut cargo(run.paths, "deny fetch db")).is_err() {
        eprintln!("skipped: advisories, because their list cannot be downloaded here");
        return Ok(());
    }
    run.step("advisories", cargo(run.paths, "deny check advisories"))
}
