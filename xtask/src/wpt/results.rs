//! The standard report of a run: what is compared between runs, counted, and shown in the README.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

#[derive(Deserialize)]
struct Report {
    results: Vec<TestResult>,
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

    /// Subtests of which all or some pass.
    pub fn total(&self) -> u64 {
        self.passed + self.unexpected + self.known_failures
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
    statuses: BTreeMap<(String, Option<String>), String>,
    /// For each test, what its subtests came to.
    tallies: BTreeMap<String, Tally>,
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
    for test in report.results {
        let mut tally = Tally::default();
        for subtest in &test.subtests {
            tally.add(&subtest.status, subtest.expected.as_ref());
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
        statuses.insert((test.test, None), test.status);
    }
    Ok(Results { statuses, tallies })
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

    /// The tests whose URLs begin so, and what each came to.
    pub fn tallies<'a>(&'a self, url: &'a str) -> impl Iterator<Item = (&'a str, Tally)> {
        self.tallies
            .iter()
            .filter(move |(test, _)| test.starts_with(url))
            .map(|(test, tally)| (test.as_str(), *tally))
    }

    /// What all of these came to, and how many tests these are.
    pub fn tally(&self, url: &str) -> (usize, Tally) {
        let mut sum = Tally::default();
        let mut tests = 0;
        for (_, tally) in self.tallies(url) {
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
            "{{\"run_info\": {{}}, \"results\": [{{\"test\": \"/a.html\", \"status\": \"OK\", \"message\": null, \
             \"subtests\": [{{\"name\": \"one\", \"status\": \"{status}\"}}]}}]}}"
        ))
    }

    #[test]
    fn runs_are_compared_subtest_by_subtest() -> Result<()> {
        let first = report("PASS")?;
        assert_eq!(first.len(), 2);
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
        assert_eq!(results.tally("/").1.total(), 5);
        Ok(())
    }

    #[test]
    fn a_missing_result_is_a_difference() -> Result<()> {
        let nothing = parse("{\"results\": []}")?;
        assert_eq!(report("PASS")?.differences(&nothing).len(), 2);
        Ok(())
    }
}
