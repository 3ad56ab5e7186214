//! What drives the tests, and the browsers that are tested: the options of `./mach test-wpt`, and how wptrunner is called.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use super::results::{self, Results};
use super::{checkout, python_environment};
use crate::command;
use crate::kiosk::{self, Profile};
use crate::paths::{self, Paths};
use crate::setup;

/// Names a checkout on machines where none can be downloaded.
const ROOT_VARIABLE: &str = "BACKGROUND_SYNC_WPT_ROOT";

/// What to run, and where.
#[derive(Args)]
pub struct TestWpt {
    /// The browser
    #[arg(long, value_enum, default_value = "kiosk")]
    pub(super) product: Product,
    /// A web-platform-tests checkout [default: $BACKGROUND_SYNC_WPT_ROOT, or one that is downloaded into the cache]
    #[arg(long, value_name = "DIR")]
    pub(super) wpt_root: Option<PathBuf>,
    /// Write the standard report, as wpt.fyi takes it
    #[arg(long, value_name = "FILE")]
    pub(super) log_wptreport: Option<PathBuf>,
    /// Run everything so many times; the results must be identical
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) repeat: u32,
    /// Test the optimized kiosk
    #[arg(long)]
    pub(super) release: bool,
    /// Test this kiosk instead of building one
    #[arg(long, value_name = "BINARY", conflicts_with = "release")]
    pub(super) kiosk: Option<PathBuf>,
    /// Show every subtest, and what the browser prints
    #[arg(long, short)]
    pub(super) verbose: bool,
    /// Run every suite of the README's table in both browsers, and write it; takes an hour and a half
    #[arg(long, conflicts_with_all = ["product", "log_wptreport", "repeat", "verbose", "paths"])]
    pub(super) write_readme: bool,
    /// Run only what has no report yet in `wpt/readme/` of the cache: if all are there, the table is written from them
    #[arg(long, requires = "write_readme")]
    pub(super) reuse_reports: bool,
    /// Compare with Servo as published: no subtest of service-workers (or of PATH) may be lost
    #[arg(long, conflicts_with_all = ["product", "log_wptreport", "repeat", "release", "write_readme"])]
    pub(super) unpatched: bool,
    /// What Servo as published passes: taken from this report if there is one, else written there
    #[arg(long, value_name = "FILE", requires = "unpatched")]
    pub(super) report_unpatched: Option<PathBuf>,
    /// Only these tests: paths, or URL paths such as /background-sync
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<String>,
}

/// A browser that can be tested, and what drives it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Product {
    /// Servo with Background Sync, driven by our plugin: upstream's tests and ours
    Kiosk,
    /// The peer, with the same tests
    Chromium,
    /// The kiosk, driven by `wpt run servo` without anything of ours: upstream's suites
    Servo,
    /// The kiosk, driven by `wpt run servodriver`, which is WebDriver: upstream's suites
    Servodriver,
}

impl Product {
    /// As wptrunner and the expectations name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kiosk => "kiosk",
            Self::Chromium => "chromium",
            Self::Servo => "servo",
            Self::Servodriver => "servodriver",
        }
    }

    /// As people know it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Kiosk | Self::Servo | Self::Servodriver => "Servo",
            Self::Chromium => "Chromium",
        }
    }
}

/// A browser that is there.
pub(super) struct Browser {
    pub(super) product: Product,
    pub(super) binary: PathBuf,
    pub(super) webdriver: Option<PathBuf>,
    pub(super) version: String,
}

/// The runner, ready to test something.
pub(super) struct Runner<'a> {
    pub(super) paths: &'a Paths,
    pub(super) cache: PathBuf,
    pub(super) checkout: PathBuf,
    pub(super) python: PathBuf,
}

impl<'a> Runner<'a> {
    /// Downloads and installs what is missing.
    pub(super) fn prepare(paths: &'a Paths, root: Option<&Path>) -> Result<Self> {
        setup::ensure_ready_for_wpt()?;
        let cache = paths.cache.join("wpt");
        let named = root
            .map(Path::to_owned)
            .or_else(|| std::env::var_os(ROOT_VARIABLE).map(PathBuf::from))
            .filter(|root| !root.as_os_str().is_empty());
        let checkout = match named {
            Some(root) => paths::absolute(&root)?,
            None => checkout::ensure(&cache)?,
        };
        let python =
            python_environment::ensure(&paths.root.join("wpt/runner/requirements.txt"), &cache)?;
        Ok(Self {
            paths,
            cache,
            checkout,
            python,
        })
    }

    /// Where the report goes if nobody says.
    pub(super) fn report(&self, product: Product) -> PathBuf {
        self.cache.join(format!("report-{}.json", product.name()))
    }

    pub(super) fn run_all(&self, browser: &Browser, suites: &[&str]) -> Result<(Results, bool)> {
        let report = self.report(browser.product);
        let status = command::status(self.command(browser, &report)?.args(suites))?;
        Ok((results::read(&report)?, status.success()))
    }

    pub(super) fn command(&self, browser: &Browser, report: &Path) -> Result<Command> {
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

pub(super) fn find_kiosk(paths: &Paths, arguments: &TestWpt, product: Product) -> Result<Browser> {
    let profile = Profile::new(arguments.release);
    let binary = kiosk::named_or_built(paths, arguments.kiosk.as_deref(), profile)?;
    kiosk_at(binary, product)
}

/// A kiosk, or another Servo for the runner's own products.
pub(super) fn kiosk_at(binary: PathBuf, product: Product) -> Result<Browser> {
    let version = version(&binary)?;
    Ok(Browser {
        product,
        binary,
        webdriver: None,
        version,
    })
}

pub(super) fn find_chromium() -> Result<Browser> {
    const PACKAGES: &str = "on Debian: apt-get install chromium chromium-driver";
    let binary = chromium_on_path()?;
    let Some(webdriver) = command::find_on_path("chromedriver") else {
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
        .find_map(command::find_on_path)
        .context(
            "Chromium is not installed, or not on the PATH; on Debian: apt-get install chromium",
        )
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
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    struct CommandLine {
        #[command(flatten)]
        test_wpt: TestWpt,
    }

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn products_are_named_as_wptrunner_names_them() -> Result<()> {
        for product in Product::value_variants() {
            let line = CommandLine::try_parse_from(["mach", "--product", product.name()])?;
            assert_eq!(line.test_wpt.product, *product);
        }
        Ok(())
    }

    #[test]
    fn an_unknown_product_is_answered_with_the_known_ones() {
        let error = CommandLine::try_parse_from(["mach", "--product", "firefox"]).err();
        let text = error.map(|error| error.to_string()).unwrap_or_default();
        for word in ["'firefox'", "kiosk", "chromium", "servo", "servodriver"] {
            assert!(text.contains(word), "{text}");
        }
    }

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
