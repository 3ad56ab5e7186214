//! `./mach test-wpt`: the stock wptrunner, on upstream's tests and ours, in the kiosk or in Chromium.

mod checkout;
mod python;
mod results;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use self::results::Results;
use crate::command;
use crate::kiosk::{self, Profile};
use crate::paths::Paths;

/// What to run, and where.
#[derive(Args)]
pub struct TestWpt {
    /// The browser
    #[arg(long, value_enum, default_value = "kiosk")]
    product: Product,
    /// A web-platform-tests checkout [default: one that is downloaded into the cache]
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
}

impl Product {
    /// As wptrunner and the expectations name it.
    fn name(self) -> &'static str {
        match self {
            Self::Kiosk => "kiosk",
            Self::Chromium => "chromium",
        }
    }
}

/// A browser that is there.
struct Browser {
    binary: PathBuf,
    webdriver: Option<PathBuf>,
    version: String,
}

/// Runs the tests; fails unless every result is as `wpt/meta` expects.
pub fn run(paths: &Paths, arguments: &TestWpt) -> Result<ExitCode> {
    // What needs no time first: a missing browser is said before anything is downloaded.
    let chromium = match arguments.product {
        Product::Chromium => Some(find_chromium()?),
        Product::Kiosk => None,
    };
    let cache = paths.cache.join("wpt");
    let checkout = match &arguments.wpt_root {
        Some(root) => std::path::absolute(root)
            .with_context(|| format!("{} is not a usable path", root.display()))?,
        None => checkout::ensure(&cache)?,
    };
    let python = python::ensure(&paths.root.join("wpt/runner/requirements.txt"), &cache)?;
    let browser = match chromium {
        Some(browser) => browser,
        None => find_kiosk(paths, arguments)?,
    };
    let report = match &arguments.log_wptreport {
        Some(file) => std::path::absolute(file)
            .with_context(|| format!("{} is not a usable path", file.display()))?,
        None => cache.join(format!("report-{}.json", arguments.product.name())),
    };

    let mut runner = Command::new(&python);
    runner
        .arg(paths.root.join("wpt/runner/run.py"))
        .arg("--checkout")
        .arg(&checkout)
        .arg("--work")
        .arg(cache.join("work"))
        .args(["--product", arguments.product.name()])
        .arg("--binary")
        .arg(&browser.binary)
        .args(["--browser-version", &browser.version])
        .arg("--log-wptreport")
        .arg(&report);
    if let Some(webdriver) = &browser.webdriver {
        runner.arg("--webdriver-binary").arg(webdriver);
    }
    if arguments.verbose {
        runner.arg("--verbose");
    }
    runner.args(&arguments.paths);
    kiosk::give_runtime_folder(&mut runner, paths)?;
    eprintln!("Testing {} {}.", browser.binary.display(), browser.version);
    repeat(&mut runner, &report, arguments.repeat)
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
    let version = version(&binary)?;
    Ok(Browser {
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
