//! The standard report of a run, as far as two runs are compared.

use std::collections::BTreeMap;
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
    subtests: Vec<SubtestResult>,
}

#[derive(Deserialize)]
struct SubtestResult {
    name: String,
    status: String,
}

/// The status of every test, and of every subtest in it.
#[derive(Debug, Eq, PartialEq)]
pub struct Results(BTreeMap<(String, Option<String>), String>);

/// Reads a report.
pub fn read(file: &Path) -> Result<Results> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("wptrunner left no report in {}", file.display()))?;
    parse(&text).with_context(|| format!("the report {} can't be read", file.display()))
}

fn parse(text: &str) -> Result<Results> {
    let report: Report = serde_json::from_str(text)?;
    let mut results = BTreeMap::new();
    for test in report.results {
        for subtest in test.subtests {
            results.insert((test.test.clone(), Some(subtest.name)), subtest.status);
        }
        results.insert((test.test, None), test.status);
    }
    Ok(Results(results))
}

impl Results {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Where another run came to something else, for people.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let names = self.0.keys().chain(other.0.keys());
        let mut differences: Vec<String> = names
            .filter(|name| self.0.get(name) != other.0.get(name))
            .map(|name| {
                let status = |results: &Self| {
                    results
                        .0
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
    fn a_missing_result_is_a_difference() -> Result<()> {
        let nothing = parse("{\"results\": []}")?;
        assert_eq!(report("PASS")?.differences(&nothing).len(), 2);
        Ok(())
    }
}
