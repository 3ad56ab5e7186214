//! `./mach test`: every check and test in turn, and one line that sums them up.

use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};

use crate::command;
use crate::files;
use crate::kiosk::{self, Profile};
use crate::paths::Paths;
use crate::servo::{Group, bundle, check};
use crate::setup;
use crate::wpt::{self, Product};

/// Tells the end-to-end tests where the kiosk is.
pub const KIOSK_VARIABLE: &str = "BACKGROUND_SYNC_KIOSK";
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
/// The package of the end-to-end tests, and where it is.
const END_TO_END: (&str, &str) = ("background_sync_e2e", "tests/e2e");
/// The package of the apps, which need a kiosk, too.
const APPS: &str = "background_sync_apps";
/// End-to-end tests that need a group of patches which may be left out: their files' names.
const NEED_OFFLINE: [&str; 12] = [
    "cache_storage",
    "client_windows",
    "desktop_notifications",
    "fetch_events",
    "growth",
    "indexed_db",
    "indexed_db_libraries",
    "navigation_preload",
    "notifications",
    "power_cuts",
    "scenario",
    "second_embedder",
];
/// What of web-platform-tests needs no such group.
const SYNC_SUITES: [&str; 2] = ["background-sync", "periodic-background-sync"];
/// Rust files that are in no package of the root workspace; rustfmt follows their modules.
const OTHER_ROOTS: [&str; 34] = [
    "ports/kiosk/src/main.rs",
    "tests/embedder/src/main.rs",
    "tests/unpatched/src/main.rs",
    "components/constellation/background_sync.rs",
    "components/script/backgroundsync/mod.rs",
    "components/script/serviceworkers/mod.rs",
    "components/script/serviceworkers/notificationparts.rs",
    "components/servo/memory.rs",
    "components/servo/notifications.rs",
    "components/servo/service_worker_windows.rs",
    "components/shared/embedder/service_workers.rs",
    "components/script/indexeddb/cursor.rs",
    "components/script/indexeddb/index.rs",
    "components/script/indexeddb/index_fill.rs",
    "components/script/indexeddb/index_keys.rs",
    "components/script/indexeddb/queries.rs",
    "components/script/indexeddb/record.rs",
    "components/script/indexeddb/storing.rs",
    "components/script/indexeddb/transaction_operations.rs",
    "components/script/indexeddb/values.rs",
    "components/storage/indexeddb/transactions.rs",
    "components/storage/indexeddb/engine/operations.rs",
    "components/storage/indexeddb/engine/queries.rs",
    "components/storage/indexeddb/engine/records.rs",
    "components/storage/indexeddb/engine/schema.rs",
    "components/storage/indexeddb/engine/writer.rs",
    "components/shared/storage/record_query.rs",
    "components/servo/background_sync.rs",
    "tests/fuzz/fuzz_targets/caches.rs",
    "tests/fuzz/fuzz_targets/notifications.rs",
    "tests/fuzz/fuzz_targets/records.rs",
    "tests/fuzz/fuzz_targets/wire.rs",
    "tests/fuzz/src/lib.rs",
    "tests/fuzz/tests/seeds.rs",
];

/// What the test runners counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Count {
    passed: u64,
    failed: u64,
}

impl Count {
    /// Adds a line such as `test result: ok. 3 passed; 0 failed; 0 ignored; ...`.
    fn handle_line(&mut self, line: &str) {
        let Some((_, result)) = line.split_once("test result:") else {
            return;
        };
        let number_before = |word: &str| -> u64 {
            let before = result.split(word).next().unwrap_or_default();
            before
                .rsplit(' ')
                .next()
                .and_then(|number| number.parse().ok())
                .unwrap_or(0)
        };
        self.passed += number_before(" passed");
        self.failed += number_before(" failed");
    }
}

/// A test run.
struct Run<'a> {
    paths: &'a Paths,
    count: Count,
    /// The titles of the steps that failed.
    failed: Vec<String>,
}

/// Formats every Rust file.
pub fn format(paths: &Paths) -> Result<()> {
    for mut program in [cargo(paths, &["fmt", "--all"]), rustfmt(paths, &[])] {
        let status = command::status(&mut program)?;
        ensure!(status.success(), "{} failed", command::describe(&program));
    }
    Ok(())
}

/// Runs everything; `core_only` leaves out what needs Servo.
pub fn run(paths: &Paths, core_only: bool) -> Result<ExitCode> {
    let mut run = Run::new(paths);
    run.core()?;
    if !core_only {
        setup::ensure_ready_for_tests()?;
        run.more_of_core()?;
        run.servo()?;
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
        let (package, folder) = END_TO_END;
        let mut cargo = cargo(paths, &["test", "--no-fail-fast", "--package", package]);
        for test in end_to_end_tests(&paths.root.join(folder))? {
            if !NEED_OFFLINE.contains(&test.as_str()) {
                cargo.args(["--test", &test]);
            }
        }
        cargo.env(KIOSK_VARIABLE, &binary);
        kiosk::give_runtime_folder(&mut cargo, paths)?;
        run.step("end-to-end tests", cargo)?;
        run.web_platform_tests("web-platform-tests", Product::Kiosk, &binary, &SYNC_SUITES);
    }
    Ok(run.sum_up())
}

/// The names of test files, without their extension.
fn end_to_end_tests(package: &Path) -> Result<Vec<String>> {
    let files = files::list(&package.join("tests"))?;
    let names = files.iter().filter_map(|file| file.file_stem()?.to_str());
    Ok(names.map(str::to_owned).collect())
}

impl<'a> Run<'a> {
    fn new(paths: &'a Paths) -> Self {
        Self {
            paths,
            count: Count::default(),
            failed: Vec::new(),
        }
    }

    fn sum_up(&self) -> ExitCode {
        for title in &self.failed {
            eprintln!("failed: {title}");
        }
        println!("{} passed, {} failed", self.count.passed, self.count.failed);
        match self.failed.is_empty() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }
}

impl Run<'_> {
    /// What needs no Servo.
    fn core(&mut self) -> Result<()> {
        self.step(
            "formatting",
            cargo(self.paths, &["fmt", "--all", "--check"]),
        )?;
        self.step(
            "formatting of what Servo compiles",
            rustfmt(self.paths, &["--check"]),
        )?;
        let clippy = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ];
        self.step("clippy", cargo(self.paths, &clippy))?;
        let mut doc = cargo(self.paths, &["doc", "--workspace", "--no-deps"]);
        doc.env("RUSTDOCFLAGS", "--deny warnings");
        self.step("documentation", doc)?;
        let test = [
            "test",
            "--no-fail-fast",
            "--workspace",
            "--exclude",
            END_TO_END.0,
            "--exclude",
            APPS,
        ];
        self.step("core tests", cargo(self.paths, &test))?;
        self.deny()
    }

    /// What needs no Servo, but takes long to compile, or needs Python.
    fn more_of_core(&mut self) -> Result<()> {
        let fuzz = [
            "test",
            "--locked",
            "--no-fail-fast",
            "--manifest-path",
            "tests/fuzz/Cargo.toml",
            "--target-dir",
            "target",
        ];
        self.step(
            "seeds and judges of the fuzz targets",
            cargo(self.paths, &fuzz),
        )?;
        let mut python = Command::new("python3");
        python.current_dir(&self.paths.root).args([
            "-m",
            "unittest",
            "discover",
            "--start-directory",
            "wpt/runner/tests",
        ]);
        self.step("tests of the runner for web-platform-tests", python)
    }

    /// What runs in Servo.
    fn servo(&mut self) -> Result<()> {
        self.checked("patch series", |paths| {
            let _held = paths.hold_cache()?;
            check::check(paths).map(|report| eprint!("{}", report.table(false)))
        });
        let mut binary = None;
        self.checked("build of the kiosk", |paths| {
            binary = Some(kiosk::build(paths, Profile::Dev)?);
            Ok(())
        });
        let Some(binary) = binary else { return Ok(()) };
        if let Some(llvm) = setup::find_llvm() {
            let mut cargo = kiosk::cargo(self.paths, &llvm, Profile::Dev);
            cargo.args(["test", "--locked", "--no-fail-fast"]);
            self.step("kiosk tests", cargo)?;
        }
        self.checked("overlay for other embedders", |paths| {
            let _held = paths.hold_cache()?;
            bundle::try_out(paths)
        });
        let mut embedder = None;
        self.checked("build of the second embedder", |paths| {
            embedder = Some(kiosk::build_embedder(paths)?);
            Ok(())
        });
        let (package, folder) = END_TO_END;
        if !self.paths.root.join(folder).exists() {
            eprintln!("skipped: end-to-end tests, because {folder} does not exist yet");
            return Ok(());
        }
        for (title, flags) in RUNS {
            let mut cargo = cargo(
                self.paths,
                &[
                    "test",
                    "--no-fail-fast",
                    "--package",
                    package,
                    "--package",
                    APPS,
                ],
            );
            cargo
                .env(KIOSK_VARIABLE, &binary)
                .env(KIOSK_FLAGS_VARIABLE, flags);
            if let Some(embedder) = &embedder {
                cargo.env(EMBEDDER_VARIABLE, embedder);
            }
            kiosk::give_runtime_folder(&mut cargo, self.paths)?;
            self.step(title, cargo)?;
        }
        for (title, product) in WPT_RUNS {
            self.web_platform_tests(title, product, &binary, &[]);
        }
        Ok(())
    }

    /// Counts subtests. Those that an expectation in `wpt/meta` says can't pass are neither passed nor failed.
    fn web_platform_tests(&mut self, title: &str, product: Product, kiosk: &Path, suites: &[&str]) {
        announce(title);
        let before = self.count;
        let is_as_expected = match wpt::run_in_kiosk(self.paths, kiosk, product, suites) {
            Ok((tally, is_as_expected)) => {
                self.count.passed += tally.passed;
                self.count.failed += tally.unexpected;
                is_as_expected
            }
            Err(error) => {
                eprintln!("error: {error:#}");
                false
            }
        };
        if !is_as_expected {
            self.note_failure(title, before);
        }
    }

    fn deny(&mut self) -> Result<()> {
        let present = command::output(&mut cargo(self.paths, &["deny", "--version"])).is_ok();
        if !present {
            eprintln!(
                "skipped: cargo deny, which is not installed (cargo install cargo-deny --locked)"
            );
            return Ok(());
        }
        self.step(
            "cargo deny",
            cargo(
                self.paths,
                &["deny", "check", "bans", "licenses", "sources"],
            ),
        )?;
        // The list of advisories is on the network, which a test machine may not have.
        if command::output(&mut cargo(self.paths, &["deny", "fetch", "db"])).is_err() {
            eprintln!("skipped: advisories, because their list cannot be downloaded here");
            return Ok(());
        }
        self.step(
            "advisories",
            cargo(self.paths, &["deny", "check", "advisories"]),
        )
    }

    /// Runs a program, passing on what it prints, and counts its tests.
    fn step(&mut self, title: &str, mut program: Command) -> Result<()> {
        announce(title);
        program.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = program
            .spawn()
            .map_err(|error| command::start_error(&program, error))?;
        let before = self.count;
        if let Some(stdout) = child.stdout.take() {
            let mut reader = BufReader::new(stdout);
            let mut line = Vec::new();
            while reader
                .read_until(b'\n', &mut line)
                .context("cannot read a test's output")?
                > 0
            {
                std::io::stdout().write_all(&line).context("cannot print")?;
                self.count.handle_line(&String::from_utf8_lossy(&line));
                line.clear();
            }
        }
        if !child.wait().context("cannot wait for a test")?.success() {
            self.note_failure(title, before);
        }
        Ok(())
    }

    /// Runs a check of this tool itself.
    fn checked(&mut self, title: &str, check: impl FnOnce(&Paths) -> Result<()>) {
        announce(title);
        if let Err(error) = check(self.paths) {
            eprintln!("error: {error:#}");
            self.note_failure(title, self.count);
        }
    }

    /// A step that failed without a failed test, say because it did not compile, counts as one.
    fn note_failure(&mut self, title: &str, before: Count) {
        if self.count.failed == before.failed {
            self.count.failed += 1;
        }
        self.failed.push(title.to_owned());
    }
}

/// Cargo in the source tree, as the user has configured it.
pub fn cargo(paths: &Paths, arguments: &[&str]) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&paths.root).args(arguments);
    if std::io::stdout().is_terminal() && std::env::var_os("CARGO_TERM_COLOR").is_none() {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
    cargo
}

fn rustfmt(paths: &Paths, arguments: &[&str]) -> Command {
    let mut rustfmt = Command::new("rustfmt");
    rustfmt
        .current_dir(&paths.root)
        .args(["--config-path", "rustfmt.toml"])
        .args(arguments);
    rustfmt.args(
        OTHER_ROOTS
            .iter()
            .filter(|file| paths.root.join(file).is_file()),
    );
    rustfmt
}

fn announce(title: &str) {
    eprintln!("\n== {title}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_need_a_group_exist() -> Result<()> {
        let known = end_to_end_tests(&Paths::find()?.root.join(END_TO_END.1))?;
        for test in NEED_OFFLINE {
            assert!(known.iter().any(|known| known == test), "{test}");
        }
        Ok(())
    }

    #[test]
    fn test_results_are_summed() {
        let mut count = Count::default();
        count.handle_line("test result: ok. 26 passed; 0 failed; 1 ignored; 0 measured\n");
        count.handle_line("test result: \u{1b}[31mFAILED\u{1b}[m. 3 passed; 12 failed; 0 ignored");
        count.handle_line("running 3 tests");
        assert_eq!(
            count,
            Count {
                passed: 29,
                failed: 12
            }
        );
    }
}
