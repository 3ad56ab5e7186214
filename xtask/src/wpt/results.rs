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

#[derive(Debug, Deserialize)]
struct TestResult {
    test: String,
    #[serde(flatten)]
    outcome: Outcome,
    subtests: Vec<SubtestResult>,
}

#[derive(Debug, Deserialize)]
struct SubtestResult {
    name: String,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Deserialize)]
struct Outcome {
    status: String,
    /// Only where it is another one.
    expected: Option<String>,
}

impl Outcome {
    fn is_expected(&self) -> bool {
        let expected = self.expected.as_ref();
        expected.is_none_or(|expected| *expected == self.status)
    }
}

impl TestResult {
    fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for subtest in &self.subtests {
            tally.add(&subtest.outcome);
        }
        // The status of a test with subtests says only whether it came to its end; of a crash test it is all there is.
        if self.subtests.is_empty() || !self.outcome.is_expected() {
            tally.add(&self.outcome);
        }
        tally
    }

    fn count(&self) -> Count {
        let of_subtests = self.subtests.iter().map(|subtest| &subtest.outcome);
        let own = self.subtests.is_empty().then_some(&self.outcome);
        let mut count = Count::default();
        for outcome in of_subtests.chain(own) {
            count.passed += u64::from(outcome.status == "PASS");
            count.total += 1;
        }
        count
    }
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
    fn add(&mut self, outcome: &Outcome) {
        if !outcome.is_expected() {
            self.unexpected += 1;
        } else if outcome.status == "PASS" {
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

/// A subtest: the URL of its test, and its name there.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Subtest {
    /// The test.
    pub test: String,
    /// The name.
    pub name: String,
}

/// What every test came to, by its URL.
#[derive(Debug)]
pub struct Results {
    /// As the report has it.
    browser_version: Option<String>,
    tests: BTreeMap<String, TestResult>,
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
    let tests = report.results.into_iter();
    Ok(Results {
        browser_version: report.run_info.browser_version,
        tests: tests.map(|test| (test.test.clone(), test)).collect(),
    })
}

impl Results {
    /// The status of every test, and of every subtest in it.
    fn statuses(&self) -> BTreeMap<(&str, Option<&str>), &str> {
        let mut statuses = BTreeMap::new();
        for (name, test) in &self.tests {
            statuses.insert((name.as_str(), None), test.outcome.status.as_str());
            for subtest in &test.subtests {
                let status = subtest.outcome.status.as_str();
                statuses.insert((name.as_str(), Some(subtest.name.as_str())), status);
            }
        }
        statuses
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.statuses().len()
    }

    /// The URLs of the tests.
    pub fn tests(&self) -> BTreeSet<&str> {
        self.tests.keys().map(String::as_str).collect()
    }

    /// How many subtests have a result, of whatever kind.
    pub fn subtest_count(&self) -> usize {
        let statuses = self.statuses();
        statuses.keys().filter(|(_, name)| name.is_some()).count()
    }

    /// The subtests that pass.
    pub fn passing(&self) -> BTreeSet<Subtest> {
        let statuses = self.statuses().into_iter();
        let passing = statuses.filter(|(_, status)| *status == "PASS");
        passing
            .filter_map(|((test, name), _)| {
                Some(Subtest {
                    test: test.to_owned(),
                    name: name?.to_owned(),
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
        self.tests
            .iter()
            .filter(|(test, _)| urls.iter().any(|url| test.starts_with(url)))
            .map(|(test, result)| (test.as_str(), result.count()))
    }

    /// What the tests whose URLs begin so came to, and how many these are.
    pub fn tally(&self, url: &str) -> (usize, Tally) {
        let mut sum = Tally::default();
        let mut tests = 0;
        for (_, test) in self.tests.iter().filter(|(test, _)| test.starts_with(url)) {
            let tally = test.tally();
            tests += 1;
            sum.passed += tally.passed;
            sum.unexpected += tally.unexpected;
            sum.known_failures += tally.known_failures;
        }
        (tests, sum)
    }

    /// Where another run came to something else, for people.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let (first, second) = (self.statuses(), other.statuses());
        let mut differences: Vec<String> = first
            .keys()
            .chain(second.keys())
            .filter(|name| first.get(*name) != second.get(*name))
            .map(|name| {
                let status =
                    |of: &BTreeMap<_, &str>| of.get(name).map_or("no result", |it| *it).to_owned();
                let (test, subtest) = name;
                let subtest = subtest.map_or_else(String::new, |subtest| format!(" “{subtest}”"));
                format!(
                    "{test}{subtest}: {}, first {}",
                    status(&second),
                    status(&first)
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
