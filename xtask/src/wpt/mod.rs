//! `./mach test-wpt`: the stock wptrunner, on upstream's tests and ours, in the kiosk or in Chromium; and `wpt run` as it
//! is, on upstream's tests alone.

mod checkout;
mod comparison;
mod python_environment;
mod readme_table;
mod repeats;
mod results;
mod runner;
pub mod unpatched;
mod write_readme;

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use self::repeats::Repeats;
pub use self::results::Tally;
pub use self::runner::{Product, TestWpt, chromium_on_path};
use self::runner::{Runner, find_chromium, find_kiosk, kiosk_at};
use crate::command;
use crate::paths::{self, Paths};

/// Runs the tests; fails unless every result is as `wpt/meta` expects.
pub fn run(paths: &Paths, arguments: &TestWpt) -> Result<ExitCode> {
    if arguments.write_readme {
        return write_readme::write_readme(paths, arguments);
    }
    if arguments.unpatched {
        return unpatched::compare(paths, arguments);
    }
    ensure!(
        arguments.product != Product::Chromium || !(arguments.release || arguments.kiosk.is_some()),
        "--release and --kiosk choose a kiosk, but --product chromium is the Chromium of this machine"
    );
    // What needs no time first: a missing browser is said before anything is downloaded.
    let chromium = match arguments.product {
        Product::Chromium => Some(find_chromium()?),
        Product::Kiosk | Product::Servo | Product::Servodriver => None,
    };
    let runner = Runner::prepare(paths, arguments.wpt_root.as_deref())?;
    let browser = match chromium {
        Some(browser) => browser,
        None => find_kiosk(paths, arguments, arguments.product)?,
    };
    let report = match &arguments.log_wptreport {
        Some(file) => paths::absolute(file)?,
        None => runner.report(browser.product),
    };
    let mut command = runner.command(&browser, &report)?;
    if arguments.verbose {
        command.arg("--verbose");
    }
    command.args(&arguments.paths);
    repeat(&mut command, &report, arguments.repeat)
}

/// Runs what a product has in a kiosk, or some suites of that alone; what it came to, and whether all is as expected.
pub fn run_in_kiosk(
    paths: &Paths,
    binary: &Path,
    product: Product,
    suites: &[&str],
) -> Result<(Tally, bool)> {
    let runner = Runner::prepare(paths, None)?;
    let (results, success) = runner.run_all(&kiosk_at(binary.to_owned(), product)?, suites)?;
    let (_, tally) = results.tally("/");
    Ok((tally, success))
}

fn repeat(runner: &mut Command, report: &Path, count: u32) -> Result<ExitCode> {
    if count == 1 {
        return Ok(command::exit_code(command::status(runner)?.success()));
    }
    let mut repeats = Repeats::default();
    for number in 1..=count {
        eprintln!("\n== run {number} of {count}");
        let is_as_expected = command::status(runner)?.success();
        let results = results::read(report)
            .with_context(|| format!("run {number} of {count} came to nothing"))?;
        for difference in repeats.add(results, is_as_expected) {
            println!("run {number} differs from the first: {difference}");
        }
    }
    println!("\n{}", repeats.verdict());
    Ok(command::exit_code(repeats.are_good()))
}
