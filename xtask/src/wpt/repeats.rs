//! Runs of the same tests, which should all come to the same. wptrunner's `--repeat` runs them again, and does not
//! compare.

use super::results::Results;

/// What was run so far.
#[derive(Default)]
pub struct Repeats {
    first: Option<Results>,
    runs: u32,
    /// Runs whose results are not those of the first.
    different: u32,
    /// Runs with results that `wpt/meta` does not expect.
    unexpected: u32,
}

impl Repeats {
    /// Adds a run; where it came to something else than the first, for people.
    pub fn add(&mut self, results: Results, is_as_expected: bool) -> Vec<String> {
        self.runs += 1;
        self.unexpected += u32::from(!is_as_expected);
        let Some(first) = &self.first else {
            self.first = Some(results);
            return Vec::new();
        };
        let differences = first.differences(&results);
        self.different += u32::from(!differences.is_empty());
        differences
    }

    /// Whether all were as expected, and none differs.
    pub fn are_good(&self) -> bool {
        self.different == 0 && self.unexpected == 0
    }

    /// In a line or two, for people.
    pub fn verdict(&self) -> String {
        let runs = self.runs;
        let mut verdict = if self.different == 0 {
            let results = self.first.as_ref().map_or(0, Results::len);
            format!("{runs} runs, {results} results each, all identical.")
        } else {
            format!(
                "Not identical: {} of {runs} runs differ from the first.",
                self.different
            )
        };
        if self.unexpected > 0 {
            verdict.push_str(&format!(
                "\n{} of {runs} runs are not as expected.",
                self.unexpected
            ));
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::super::results::parse;
    use super::*;

    fn run(status: &str) -> Result<Results> {
        let subtests = serde_json::json!([{"name": "one", "status": status}]);
        let result = serde_json::json!({"test": "/a.html", "status": "OK", "subtests": subtests});
        parse(&serde_json::json!({"results": [result]}).to_string())
    }

    fn runs(of: &[(&str, bool)]) -> Result<(Repeats, Vec<String>)> {
        let mut repeats = Repeats::default();
        let mut differences = Vec::new();
        for (status, is_as_expected) in of {
            differences.extend(repeats.add(run(status)?, *is_as_expected));
        }
        Ok((repeats, differences))
    }

    #[test]
    fn runs_that_come_to_the_same_are_identical() -> Result<()> {
        let (repeats, differences) = runs(&[("PASS", true), ("PASS", true), ("PASS", true)])?;
        assert!(repeats.are_good() && differences.is_empty());
        assert_eq!(repeats.verdict(), "3 runs, 2 results each, all identical.");
        Ok(())
    }

    #[test]
    fn one_subtest_of_one_run_makes_the_difference() -> Result<()> {
        let (repeats, differences) = runs(&[("PASS", true), ("FAIL", false), ("PASS", true)])?;
        assert!(!repeats.are_good());
        assert_eq!(differences, ["/a.html “one”: FAIL, first PASS"]);
        assert_eq!(
            repeats.verdict(),
            "Not identical: 1 of 3 runs differ from the first.\n1 of 3 runs are not as expected."
        );
        Ok(())
    }

    #[test]
    fn the_same_failure_each_time_is_identical_and_not_good() -> Result<()> {
        let (repeats, differences) = runs(&[("FAIL", false), ("FAIL", false)])?;
        assert!(!repeats.are_good() && differences.is_empty());
        assert_eq!(
            repeats.verdict(),
            "2 runs, 2 results each, all identical.\n2 of 2 runs are not as expected."
        );
        Ok(())
    }
}
