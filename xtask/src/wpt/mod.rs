//! `./mach test-wpt`: the stock wptrunner, on upstream's tests and ours, in the kiosk or in Chromium.

mod checkout;
mod comparison;
mod python;
mod readme;
mod results;
mod unpatched;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};

use self::readme::Column;
use self::results::Results;
pub use self::results::Tally;
use crate::command;
use crate::kiosk::{self, Profile};
use crate::paths::Paths;
use crate::setup;

/// Names a checkout on machines where none can be downloaded.
const ROOT_VARIABLE: &str = "BACKGROUND_SYNC_WPT_ROOT";

/// What to run, and where.
#[derive(Args)]
pub struct TestWpt {
    /// The browser
    #[arg(long, value_enum, default_value = "kiosk")]
    product: Product,
    /// A web-platform-tests checkout [default: $BACKGROUND_SYNC_WPT_ROOT, or one that is downloaded into the cache]
    #[arg(long, value_name = "DIR")]
    wpt_root: Option<PathBuf>,
    /// Write the standard report, as wpt.fyi takes it
    #[arg(long, value_name = "FILE")]
    log_wptreport: Option<PathBuf>,
    /// Run everything so many times; the results must be identical
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Test the optimized kiosk
    #[arg(long)]
    release: bool,
    /// Test this kiosk instead of building one
    #[arg(long, value_name = "BINARY", conflicts_with = "release")]
    kiosk: Option<PathBuf>,
    /// Show every subtest, and what the browser prints
    #[arg(long, short)]
    verbose: bool,
    /// Run everything in both browsers, and write the README's table of the results
    #[arg(long, conflicts_with_all = ["product", "log_wptreport", "repeat", "paths"])]
    write_readme: bool,
    /// Compare with Servo as published: no subtest of service-workers (or of PATH) may be lost
    #[arg(long, conflicts_with_all = ["product", "log_wptreport", "repeat", "release", "write_readme"])]
    unpatched: bool,
    /// What Servo as published passes: taken from this report if there is one, else written there
    #[arg(long, value_name = "FILE", requires = "unpatched")]
    report_unpatched: Option<PathBuf>,
    /// Only these tests: paths, or URL paths such as /background-sync
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
}

/// A browser that can be tested.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Product {
    /// Servo with Background Sync.
    Kiosk,
    /// The peer.
    Chromium,
    /// Any Servo, as the runner itself drives it.
    #[value(skip)]
    Stock,
}

impl Product {
    /// As wptrunner and the expectations name it.
    fn name(self) -> &'static str {
        match self {
            Self::Kiosk => "kiosk",
            Self::Chromium => "chromium",
            Self::Stock => "servo",
        }
    }

    /// As people know it.
    fn title(self) -> &'static str {
        match self {
            Self::Kiosk | Self::Stock => "Servo",
            Self::Chromium => "Chromium",
        }
    }
}

/// A browser that is there.
struct Browser {
    product: Product,
    binary: PathBuf,
    webdriver: Option<PathBuf>,
    version: String,
}

/// The runner, ready to test something.
struct Runner<'a> {
    paths: &'a Paths,
    cache: PathBuf,
    checkout: PathBuf,
    python: PathBuf,
}

/// Runs the tests; fails unless every result is as `wpt/meta` expects.
pub fn run(paths: &Paths, arguments: &TestWpt) -> Result<ExitCode> {
    if arguments.write_readme {
        return write_readme(paths, arguments);
    }
    if arguments.unpatched {
        return unpatched::compare(paths, arguments);
    }
    // What needs no time first: a missing browser is said before anything is downloaded.
    let chromium = match arguments.product {
        Product::Chromium => Some(find_chromium()?),
        Product::Kiosk | Product::Stock => None,
    };
    let runner = Runner::prepare(paths, arguments.wpt_root.as_deref())?;
    let browser = match chromium {
        Some(browser) => browser,
        None => find_kiosk(paths, arguments)?,
    };
    let report = match &arguments.log_wptreport {
        Some(file) => std::path::absolute(file)
            .with_context(|| format!("{} is not a usable path", file.display()))?,
        None => runner.report(browser.product),
    };
    let mut command = runner.command(&browser, &report)?;
    if arguments.verbose {
        command.arg("--verbose");
    }
    command.args(&arguments.paths);
    repeat(&mut command, &report, arguments.repeat)
}

/// Runs everything in a kiosk; what it came to, and whether all is as expected.
pub fn run_in_kiosk(paths: &Paths, binary: &Path) -> Result<(Tally, bool)> {
    let runner = Runner::prepare(paths, None)?;
    let (results, success) = runner.run_all(&kiosk_at(binary.to_owned())?)?;
    let (_, tally) = results.tally("/");
    Ok((tally, success))
}

fn write_readme(paths: &Paths, arguments: &TestWpt) -> Result<ExitCode> {
    let chromium = find_chromium()?;
    let runner = Runner::prepare(paths, arguments.wpt_root.as_deref())?;
    let mut columns = Vec::new();
    for browser in [find_kiosk(paths, arguments)?, chromium] {
        let (results, success) = runner.run_all(&browser)?;
        ensure!(
            success,
            "the README is left as it is, because not every result in {} is as expected",
            browser.product.title()
        );
        columns.push(Column {
            browser: format!("{} {}", browser.product.title(), browser.version),
            results,
        });
    }
    readme::write(&paths.root.join("README.md"), &columns)?;
    Ok(ExitCode::SUCCESS)
}

impl<'a> Runner<'a> {
    /// Downloads and installs what is missing.
    fn prepare(paths: &'a Paths, root: Option<&Path>) -> Result<Self> {
        setup::ensure_ready_for_wpt()?;
        let cache = paths.cache.join("wpt");
        let named = root
            .map(Path::to_owned)
            .or_else(|| std::env::var_os(ROOT_VARIABLE).map(PathBuf::from))
            .filter(|root| !root.as_os_str().is_empty());
        let checkout = match named {
            Some(root) => std::path::absolute(&root)
                .with_context(|| format!("{} is not a usable path", root.display()))?,
            None => checkout::ensure(&cache)?,
        };
        let python = python::ensure(&paths.root.join("wpt/runner/requirements.txt"), &cache)?;
        Ok(Self {
            paths,
            cache,
            checkout,
            python,
        })
    }

    /// Where the report goes if nobody says.
    fn report(&self, product: Product) -> PathBuf {
        self.cache.join(format!("report-{}.json", product.name()))
    }

    fn run_all(&self, browser: &Browser) -> Result<(Results, bool)> {
        let report = self.report(browser.product);
        let status = command::status(&mut self.command(browser, &report)?)?;
        Ok((results::read(&report)?, status.success()))
    }

    fn command(&self, browser: &Browser, report: &Path) -> Result<Command> {
        let mut command = Command::new(&self.python);
        command
            .arg(self.paths.root.join("wpt/runner/run.py"))
            .arg("--checkout")
            .arg(&self.checkout)
            .arg("--work")
            .arg(self.cache.join("work"))
            .args(["--product", browser.product.name()])
            .arg("--binary")
            .arg(&browser.binary)
            .args(["--browser-version", &browser.version])
            .arg("--log-wptreport")
            .arg(report);
        if let Some(webdriver) = &browser.webdriver {
            command.arg("--webdriver-binary").arg(webdriver);
        }
        kiosk::give_runtime_folder(&mut command, self.paths)?;
        eprintln!("Testing {} {}.", browser.binary.display(), browser.version);
        Ok(command)
    }
}

fn repeat(runner: &mut Command, report: &Path, count: u32) -> Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    let mut first: Option<Results> = None;
    let mut different = 0;
    for number in 1..=count {
        if count > 1 {
            eprintln!("\n== run {number} of {count}");
        }
        let status = command::status(runner)?;
        if !status.success() {
            code = ExitCode::FAILURE;
        }
        if count == 1 {
            break;
        }
        let results = results::read(report)?;
        let Some(first) = &first else {
            first = Some(results);
            continue;
        };
        let differences = first.differences(&results);
        different += u32::from(!differences.is_empty());
        for difference in differences {
            println!("run {number} differs from the first: {difference}");
        }
    }
    if different > 0 {
        println!("{different} of {count} runs differ from the first.");
        code = ExitCode::FAILURE;
    } else if let Some(first) = first {
        println!("{count} runs, {} results each, all identical.", first.len());
    }
    Ok(code)
}

fn find_kiosk(paths: &Paths, arguments: &TestWpt) -> Result<Browser> {
    let binary = match &arguments.kiosk {
        Some(binary) => std::path::absolute(binary)
            .with_context(|| format!("{} is not a usable path", binary.display()))?,
        None if arguments.release => kiosk::build(paths, Profile::Release)?,
        None => kiosk::build(paths, Profile::Dev)?,
    };
    kiosk_at(binary)
}

fn kiosk_at(binary: PathBuf) -> Result<Browser> {
    let version = version(&binary)?;
    Ok(Browser {
        product: Product::Kiosk,
        binary,
        webdriver: None,
        version,
    })
}

fn find_chromium() -> Result<Browser> {
    const PACKAGES: &str = "on Debian: apt-get install chromium chromium-driver";
    let binary = chromium_on_path()?;
    let Some(webdriver) = on_path("chromedriver") else {
        bail!("chromedriver is not installed, or not on the PATH; {PACKAGES}");
    };
    let version = version(&binary)?;
    Ok(Browser {
        product: Product::Chromium,
        binary,
        webdriver: Some(webdriver),
        version,
    })
}

/// The Chromium of this machine.
pub fn chromium_on_path() -> Result<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find_map(on_path)
        .context(
            "Chromium is not installed, or not on the PATH; on Debian: apt-get install chromium",
        )
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// The number in what a browser says of its version.
fn version(binary: &Path) -> Result<String> {
    let text = command::text(Command::new(binary).arg("--version"))?;
    Ok(version_in(&text).unwrap_or("unknown").to_owned())
}

fn version_in(text: &str) -> Option<&str> {
    text.split_whitespace()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found() {
        for (text, version) in [
            (
                "Chromium 156.0.8078.79 built on Debian",
                Some("156.0.8078.79"),
            ),
            (
                "Servo 0.7.0 with Background Sync, kiosk 0.1.0",
                Some("0.7.0"),
            ),
            ("nothing", None),
        ] {
            assert_eq!(version_in(text), version);
        }
    }
}
