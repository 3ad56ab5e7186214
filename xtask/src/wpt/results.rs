//! The standard report of a run: what is compared between runs, counted, and shown in the README. It is JSON, and serde reads it;
//! no crate has its format.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use fs_err as fs;
use serde::Deserialize;

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    run_info: RunInfo,
    results: Vec<TestResult>,
}

#[derive(Default, Deserialize)]
struct RunInfo {
    browser_version: Option<String>,
}

#[derive(Deserialize)]
struct TestResult {
    test: String,
    status: String,
    /// Only where it is another one.
    expected: Option<String>,
    subtests: Vec<SubtestResult>,
}

#[derive(Deserialize)]
struct SubtestResult {
    name: String,
    status: String,
    /// Only where it is another one.
    expected: Option<String>,
}

/// Numbers of results.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Subtests that pass, as expected; and tests without subtests.
    pub passed: u64,
    /// Tests and subtests whose result is not the expected one.
    pub unexpected: u64,
    /// Subtests that an expectation with a reason says can't pass, and don't.
    pub known_failures: u64,
}

impl Tally {
    fn add(&mut self, status: &str, expected: Option<&String>) {
        if expected.is_some_and(|expected| expected != status) {
            self.unexpected += 1;
        } else if status == "PASS" {
            self.passed += 1;
        } else {
            self.known_failures += 1;
        }
    }
}

/// How many subtests there are, and how many of them pass. A test without subtests is one itself.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Count {
    /// Those that pass.
    pub passed: u64,
    /// All.
    pub total: u64,
}

impl Count {
    fn add(&mut self, status: &str) {
        self.passed += u64::from(status == "PASS");
        self.total += 1;
    }
}

/// A subtest: the URL of its test, and its name there.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Subtest {
    /// The test.
    pub test: String,
    /// The name.
    pub name: String,
}

/// The status of every test, and of every subtest in it.
#[derive(Debug, Eq, PartialEq)]
pub struct Results {
    /// As the report has it.
    browser_version: Option<String>,
    statuses: BTreeMap<(String, Option<String>), String>,
    /// For each test, what its subtests came to.
    tallies: BTreeMap<String, Tally>,
    /// The same whatever is expected.
    counts: BTreeMap<String, Count>,
}

/// Reads a report.
pub fn read(file: &Path) -> Result<Results> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("wptrunner left no report in {}", file.display()))?;
    parse(&text).with_context(|| format!("the report {} can't be read", file.display()))
}

/// As [`read`], from its text.
pub fn parse(text: &str) -> Result<Results> {
    let report: Report = serde_json::from_str(text)?;
    let mut statuses = BTreeMap::new();
    let mut tallies = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for test in report.results {
        let mut tally = Tally::default();
        let mut count = Count::default();
        for subtest in &test.subtests {
            tally.add(&subtest.status, subtest.expected.as_ref());
            count.add(&subtest.status);
        }
        if test.subtests.is_empty() {
            count.add(&test.status);
        }
        // The status of a test with subtests says only whether it came to its end; of a crash test it is all there is.
        let is_unexpected = test
            .expected
            .is_some_and(|expected| expected != test.status);
        if is_unexpected {
            tally.unexpected += 1;
        } else if test.subtests.is_empty() {
            tally.add(&test.status, None);
        }
        for subtest in test.subtests {
            statuses.insert((test.test.clone(), Some(subtest.name)), subtest.status);
        }
        tallies.insert(test.test.clone(), tally);
        counts.insert(test.test.clone(), count);
        statuses.insert((test.test, None), test.status);
    }
    Ok(Results {
        browser_version: report.run_info.browser_version,
        statuses,
        tallies,
        counts,
    })
}

impl Results {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.statuses.len()
    }

    /// The URLs of the tests.
    pub fn tests(&self) -> BTreeSet<&str> {
        self.tallies.keys().map(String::as_str).collect()
    }

    /// How many subtests have a result, of whatever kind.
    pub fn subtest_count(&self) -> usize {
        let subtests = self.statuses.keys().filter(|(_, name)| name.is_some());
        subtests.count()
    }

    /// The subtests that pass.
    pub fn passing(&self) -> BTreeSet<Subtest> {
        let passing = self.statuses.iter().filter(|(_, status)| *status == "PASS");
        passing
            .filter_map(|((test, name), _)| {
                Some(Subtest {
                    test: test.clone(),
                    name: name.clone()?,
                })
            })
            .collect()
    }

    /// The version of the browser, if the report has it.
    pub fn browser_version(&self) -> Option<&str> {
        self.browser_version.as_deref()
    }

    /// The tests whose URLs begin with one of these, and how many subtests each has.
    pub fn counts<'a>(&'a self, urls: &'a [&str]) -> impl Iterator<Item = (&'a str, Count)> {
        self.counts
            .iter()
            .filter(|(test, _)| urls.iter().any(|url| test.starts_with(url)))
            .map(|(test, count)| (test.as_str(), *count))
    }

    /// What the tests whose URLs begin so came to, and how many these are.
    pub fn tally(&self, url: &str) -> (usize, Tally) {
        let mut sum = Tally::default();
        let mut tests = 0;
        let here = self
            .tallies
            .iter()
            .filter(|(test, _)| test.starts_with(url));
        for (_, tally) in here {
            tests += 1;
            sum.passed += tally.passed;
            sum.unexpected += tally.unexpected;
            sum.known_failures += tally.known_failures;
        }
        (tests, sum)
    }

    /// Where another run came to something else, for people.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let names = self.statuses.keys().chain(other.statuses.keys());
        let mut differences: Vec<String> = names
            .filter(|name| self.statuses.get(name) != other.statuses.get(name))
            .map(|name| {
                let status = |results: &Self| {
                    results
                        .statuses
                        .get(name)
                        .cloned()
                        .unwrap_or_else(|| "no result".to_owned())
                };
                let subtest = match &name.1 {
                    Some(subtest) => format!(" “{subtest}”"),
                    None => String::new(),
                };
                format!(
                    "{}{subtest}: {}, first {}",
                    name.0,
                    status(other),
                    status(self)
                )
            })
            .collect();
        differences.sort();
        differences.dedup();
        differences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(status: &str) -> Result<Results> {
        parse(&format!(
            "{{\"run_info\": {{\"browser_version\": \"1.2\"}}, \"results\": [{{\"test\": \"/a.html\", \"status\": \"OK\", \"message\": null, \
             \"subtests\": [{{\"name\": \"one\", \"status\": \"{status}\"}}]}}]}}"
        ))
    }

    #[test]
    fn runs_are_compared_subtest_by_subtest() -> Result<()> {
        let first = report("PASS")?;
        assert_eq!(first.len(), 2);
        assert_eq!(first.browser_version(), Some("1.2"));
        assert!(first.differences(&report("PASS")?).is_empty());
        assert_eq!(
            first.differences(&report("FAIL")?),
            ["/a.html “one”: FAIL, first PASS"]
        );
        Ok(())
    }

    #[test]
    fn results_are_counted() -> Result<()> {
        let results = parse(
            "{\"results\": [{\"test\": \"/a/1.html\", \"status\": \"OK\", \"subtests\": [\
             {\"name\": \"passes\", \"status\": \"PASS\"},\
             {\"name\": \"can't pass\", \"status\": \"FAIL\"},\
             {\"name\": \"should pass\", \"status\": \"FAIL\", \"expected\": \"PASS\"}]},\
             {\"test\": \"/a/crashtest.html\", \"status\": \"PASS\", \"subtests\": []},\
             {\"test\": \"/b.html\", \"status\": \"TIMEOUT\", \"expected\": \"OK\", \"subtests\": []}]}",
        )?;
        let counted = |passed, unexpected, known_failures| Tally {
            passed,
            unexpected,
            known_failures,
        };
        assert_eq!(results.tally("/a/"), (2, counted(2, 1, 1)));
        assert_eq!(results.tally("/b"), (1, counted(0, 1, 0)));
        let counts: Vec<_> = results.counts(&["/a/1", "/b"]).collect();
        let count = |passed, total| Count { passed, total };
        assert_eq!(
            counts,
            [("/a/1.html", count(1, 3)), ("/b.html", count(0, 1))]
        );
        Ok(())
    }

    #[test]
    fn a_missing_result_is_a_difference() -> Result<()> {
        let nothing = parse("{\"results\": []}")?;
        assert_eq!(report("PASS")?.differences(&nothing).len(), 2);
        Ok(())
    }
}
