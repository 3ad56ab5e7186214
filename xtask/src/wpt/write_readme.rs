//! `./mach test-wpt --write-readme`: every suite of the README's table, in the kiosk and in Chromium.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use fs_err as fs;

use super::readme_table::{self, Column};
use super::results::{self, Results};
use super::runner::{Browser, Product, Runner, TestWpt, find_chromium, find_kiosk, kiosk_at};
use crate::command;
use crate::paths::Paths;

/// The folder in the runner's cache where the reports are.
const FOLDER: &str = "readme";

/// What is run at once, and has a report of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Suite {
    /// Upstream's and our tests of Background Sync.
    Sync,
    /// Upstream's tests of notifications.
    Notifications,
    /// Upstream's tests of IndexedDB.
    IndexedDb,
    /// Upstream's tests of service workers and of the Cache API.
    ServiceWorkers,
}

/// What a column of the table is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Peer {
    Kiosk,
    Chromium,
}

/// The browsers, and what runs tests in them.
struct Browsers<'a> {
    runner: Runner<'a>,
    kiosk: Option<PathBuf>,
    arguments: &'a TestWpt,
}

impl Suite {
    /// The quick ones first: what is wrong is seen soon.
    const ALL: [Self; 4] = [
        Self::Sync,
        Self::Notifications,
        Self::IndexedDb,
        Self::ServiceWorkers,
    ];

    /// As its report is called.
    fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Notifications => "notifications",
            Self::IndexedDb => "indexeddb",
            Self::ServiceWorkers => "service-workers",
        }
    }

    /// What the runner gets; nothing for all that it runs without paths.
    fn path(self) -> Option<&'static str> {
        match self {
            Self::Sync => None,
            Self::Notifications => Some("/notifications"),
            Self::IndexedDb => Some("/IndexedDB"),
            Self::ServiceWorkers => Some("/service-workers"),
        }
    }

    /// What fails there is in `wpt/meta`, each with its reason. Elsewhere there are no expectations, and what fails counts.
    fn has_expectations(self) -> bool {
        self == Self::Sync
    }

    /// Our tests need our plugin, and so do tests that grant permissions: `wpt run servo` has no WebDriver for it. The
    /// others are run as anybody runs them.
    fn product(self, peer: Peer) -> Product {
        match (peer, self) {
            (Peer::Chromium, _) => Product::Chromium,
            (Peer::Kiosk, Self::Sync | Self::Notifications) => Product::Kiosk,
            (Peer::Kiosk, Self::IndexedDb | Self::ServiceWorkers) => Product::Servo,
        }
    }
}

/// Runs everything, or what has no report yet, and writes the table.
///
/// # Errors
/// If something cannot be run, if a result is not as `wpt/meta` expects where it says what is expected, or if the
/// reports are of different tests or versions. Then the README is left as it is.
pub fn write_readme(paths: &Paths, arguments: &TestWpt) -> Result<ExitCode> {
    if !arguments.reuse_reports {
        // What needs no time first: if it is missing, nobody waits for the kiosk's half.
        find_chromium()?;
    }
    let runner = Runner::prepare(paths, arguments.wpt_root.as_deref())?;
    let folder = runner.cache.join(FOLDER);
    fs::create_dir_all(&folder)?;
    let mut browsers = Browsers {
        runner,
        kiosk: None,
        arguments,
    };
    let mut columns = Vec::new();
    for peer in [Peer::Kiosk, Peer::Chromium] {
        let mut suites = Vec::new();
        for suite in Suite::ALL {
            suites.push(browsers.recall_or_run(suite, peer)?);
        }
        columns.push(column(peer, suites)?);
    }
    for (number, suite) in Suite::ALL.into_iter().enumerate() {
        let tests: Vec<_> = columns
            .iter()
            .map(|column| column.suites[number].tests())
            .collect();
        ensure_same(suite, &tests)?;
    }
    readme_table::write(&paths.root.join("README.md"), &columns)?;
    Ok(ExitCode::SUCCESS)
}

impl Browsers<'_> {
    fn recall_or_run(&mut self, suite: Suite, peer: Peer) -> Result<Results> {
        let product = suite.product(peer);
        let file = format!("{}-{}.json", product.name(), suite.name());
        let report = self.runner.cache.join(FOLDER).join(file);
        let is_recalled = self.arguments.reuse_reports && report.is_file();
        let is_good = if is_recalled {
            eprintln!("Taking {}.", report.display());
            true
        } else {
            let browser = self.browser(product)?;
            let mut command = self.runner.command(&browser, &report)?;
            command.args(suite.path());
            command::status(&mut command)?.success()
        };
        let results = results::read(&report)?;
        if suite.has_expectations() {
            let (_, tally) = results.tally("/");
            ensure!(
                is_good && tally.unexpected == 0,
                "the README is left as it is, because not every result in {} is as expected: {}",
                product.title(),
                report.display()
            );
        }
        Ok(results)
    }

    /// The kiosk is built once, and only if it is to be tested.
    fn browser(&mut self, product: Product) -> Result<Browser> {
        if product == Product::Chromium {
            return find_chromium();
        }
        let binary = match self.kiosk.take() {
            Some(binary) => binary,
            None => find_kiosk(self.runner.paths, self.arguments, product)?.binary,
        };
        self.kiosk = Some(binary.clone());
        kiosk_at(binary, product)
    }
}

/// A browser's column, if all its reports are of one version.
fn column(peer: Peer, suites: Vec<Results>) -> Result<Column> {
    let title = Suite::Sync.product(peer).title();
    let versions: BTreeSet<_> = suites.iter().map(Results::browser_version).collect();
    let [Some(version)] = versions.iter().copied().collect::<Vec<_>>()[..] else {
        anyhow::bail!("the reports are of different versions of {title}: {versions:?}");
    };
    Ok(Column {
        browser: format!("{title} {version}"),
        suites,
    })
}

/// A report of some tests would make the others look as if they failed.
fn ensure_same(suite: Suite, tests: &[BTreeSet<&str>]) -> Result<()> {
    for pair in tests.windows(2) {
        let different: Vec<_> = pair[0].symmetric_difference(&pair[1]).copied().collect();
        ensure!(
            different.is_empty(),
            "the reports of {} are not of the same tests: {}",
            suite.name(),
            different.join(", ")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(version: &str) -> Result<Results> {
        results::parse(&format!(
            "{{\"run_info\": {{\"browser_version\": \"{version}\"}}, \"results\": []}}"
        ))
    }

    #[test]
    fn a_column_is_of_one_version() -> Result<()> {
        let same = column(Peer::Chromium, vec![results("1.2")?, results("1.2")?])?;
        assert_eq!(same.browser, "Chromium 1.2");
        assert!(column(Peer::Kiosk, vec![results("1.2")?, results("1.3")?]).is_err());
        let nameless = results::parse("{\"results\": []}")?;
        assert!(column(Peer::Kiosk, vec![nameless]).is_err());
        Ok(())
    }

    #[test]
    fn reports_of_other_tests_are_refused() {
        let all = BTreeSet::from(["/a", "/b"]);
        assert!(ensure_same(Suite::IndexedDb, &[all.clone(), all.clone()]).is_ok());
        let error = ensure_same(Suite::IndexedDb, &[all, BTreeSet::from(["/a"])]);
        let text = error.map_or_else(|error| error.to_string(), |()| String::new());
        assert!(
            text.ends_with("indexeddb are not of the same tests: /b"),
            "{text}"
        );
    }

    #[test]
    fn every_report_has_a_name_of_its_own() {
        let names: BTreeSet<_> = [Peer::Kiosk, Peer::Chromium]
            .into_iter()
            .flat_map(|peer| Suite::ALL.map(|suite| (suite.product(peer).name(), suite.name())))
            .collect();
        assert_eq!(names.len(), 2 * Suite::ALL.len());
    }
}
