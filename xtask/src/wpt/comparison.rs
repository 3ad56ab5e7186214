//! What two Servos pass in the same tests: what one has lost, told from what passes now and then. wpt.fyi compares
//! single runs, of which one may be flaky.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Result, bail, ensure};

use super::results::{Results, Subtest};

/// The same tests, run once in each.
pub struct Runs {
    /// In Servo as published.
    pub unpatched: Results,
    /// In Servo with the series.
    pub patched: Results,
}

/// Complete runs, and then some of the tests again.
pub struct Comparison {
    complete: Runs,
    repeated: Vec<Runs>,
}

impl Comparison {
    /// Begins with complete runs.
    ///
    /// # Errors
    /// If they are not of the same tests.
    pub fn new(complete: Runs) -> Result<Self> {
        let (before, after) = (complete.unpatched.tests(), complete.patched.tests());
        if let Some(test) = before.symmetric_difference(&after).next() {
            bail!(
                "the runs are not of the same tests: {test} is in one of them only; is the report from a run of \
                 other paths, or of another checkout?"
            );
        }
        Ok(Self {
            complete,
            repeated: Vec::new(),
        })
    }

    /// The subtests that passed in every run as published, and in none with the series.
    pub fn lost(&self) -> BTreeSet<Subtest> {
        let mut lost = self.suspects();
        for runs in &self.repeated {
            let (before, after) = (runs.unpatched.passing(), runs.patched.passing());
            lost.retain(|subtest| before.contains(subtest) && !after.contains(subtest));
        }
        lost
    }

    /// The subtests that would be lost if the complete runs were all there is, and are not.
    pub fn flaky(&self) -> BTreeSet<Subtest> {
        let lost = self.lost();
        let mut flaky = self.suspects();
        flaky.retain(|subtest| !lost.contains(subtest));
        flaky
    }

    fn suspects(&self) -> BTreeSet<Subtest> {
        let after = self.complete.patched.passing();
        let mut suspects = self.complete.unpatched.passing();
        suspects.retain(|subtest| !after.contains(subtest));
        suspects
    }

    /// The tests to run again in both, if any more runs are to be made.
    pub fn tests_to_repeat(&self) -> Vec<String> {
        let tests: BTreeSet<String> = self
            .lost()
            .into_iter()
            .map(|subtest| subtest.test)
            .collect();
        tests.into_iter().collect()
    }

    /// Adds runs of [`Self::tests_to_repeat`].
    ///
    /// # Errors
    /// If one of these tests was not run: nothing can be said of it.
    pub fn add(&mut self, runs: Runs) -> Result<()> {
        for test in self.tests_to_repeat() {
            let test = test.as_str();
            ensure!(
                runs.unpatched.tests().contains(test) && runs.patched.tests().contains(test),
                "{test} could not be run again"
            );
        }
        self.repeated.push(runs);
        Ok(())
    }

    /// Whether nothing is lost and more passes.
    pub fn is_good(&self) -> bool {
        self.lost().is_empty() && self.gain() > 0
    }

    /// By how much the number of subtests that pass has risen.
    fn gain(&self) -> i64 {
        let count = |results: &Results| i64::try_from(results.passing().len()).unwrap_or(i64::MAX);
        count(&self.complete.patched) - count(&self.complete.unpatched)
    }

    /// Everything, for people.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for (title, results) in [
            ("Servo as published", &self.complete.unpatched),
            ("with the series", &self.complete.patched),
        ] {
            let _ = writeln!(
                text,
                "{title:18}  {:5} of {:5} subtests pass in {} tests",
                results.passing().len(),
                results.subtest_count(),
                results.tests().len()
            );
        }
        for subtest in self.flaky() {
            let _ = writeln!(text, "flaky: {}", self.describe(&subtest));
        }
        let lost = self.lost();
        for subtest in &lost {
            let _ = writeln!(text, "lost: {}", self.describe(subtest));
        }
        let _ = writeln!(
            text,
            "{} subtests are lost; {:+} pass with the series.",
            lost.len(),
            self.gain()
        );
        text
    }

    fn describe(&self, subtest: &Subtest) -> String {
        let rate = |side: fn(&Runs) -> &Results| {
            let runs = std::iter::once(&self.complete).chain(&self.repeated);
            let of: Vec<bool> = runs
                .map(side)
                .filter(|results| results.tests().contains(subtest.test.as_str()))
                .map(|results| results.passing().contains(subtest))
                .collect();
            let passed = of.iter().filter(|passed| **passed).count();
            format!("{passed} of {}", of.len())
        };
        format!(
            "{} “{}” passes in {} runs as published, in {} with the series",
            subtest.test,
            subtest.name,
            rate(|runs| &runs.unpatched),
            rate(|runs| &runs.patched)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::parse;
    use super::*;

    /// A run of one test, in which these subtests have these results.
    fn results(test: &str, subtests: &[(&str, &str)]) -> Result<Results> {
        let subtests: Vec<_> = subtests
            .iter()
            .map(|(name, status)| serde_json::json!({"name": name, "status": status}))
            .collect();
        let result = serde_json::json!({"test": test, "status": "OK", "subtests": subtests});
        parse(&serde_json::json!({"results": [result]}).to_string())
    }

    fn runs(unpatched: &[(&str, &str)], patched: &[(&str, &str)]) -> Result<Runs> {
        Ok(Runs {
            unpatched: results("/a.html", unpatched)?,
            patched: results("/a.html", patched)?,
        })
    }

    fn names(subtests: &BTreeSet<Subtest>) -> Vec<&str> {
        subtests
            .iter()
            .map(|subtest| subtest.name.as_str())
            .collect()
    }

    #[test]
    fn more_that_passes_is_good() -> Result<()> {
        let comparison = Comparison::new(runs(
            &[("1", "PASS"), ("2", "FAIL")],
            &[("1", "PASS"), ("2", "PASS")],
        )?)?;
        assert!(comparison.is_good() && comparison.tests_to_repeat().is_empty());
        let same = Comparison::new(runs(&[("1", "PASS")], &[("1", "PASS"), ("2", "FAIL")])?)?;
        assert!(!same.is_good(), "the number does not rise");
        Ok(())
    }

    #[test]
    fn one_lost_subtest_is_not_made_up_for_by_others() -> Result<()> {
        let comparison = Comparison::new(runs(
            &[("1", "PASS"), ("2", "FAIL"), ("3", "FAIL")],
            &[("1", "TIMEOUT"), ("2", "PASS"), ("3", "PASS")],
        )?)?;
        assert!(!comparison.is_good());
        assert_eq!(comparison.tests_to_repeat(), ["/a.html"]);
        let summary = comparison.summary();
        assert!(
            summary.contains("lost: /a.html “1” passes in 1 of 1 runs as published, in 0 of 1"),
            "{summary}"
        );
        Ok(())
    }

    #[test]
    fn a_subtest_that_is_not_reported_any_more_is_lost() -> Result<()> {
        let comparison = Comparison::new(runs(&[("1", "PASS")], &[])?)?;
        assert_eq!(names(&comparison.lost()), ["1"]);
        Ok(())
    }

    #[test]
    fn what_passes_now_and_then_on_either_side_is_flaky() -> Result<()> {
        let subtests = |status| [("1", status), ("2", status), ("3", status)];
        let mut comparison = Comparison::new(runs(&subtests("PASS"), &subtests("FAIL"))?)?;
        comparison.add(runs(
            &[("1", "PASS"), ("2", "FAIL"), ("3", "PASS")],
            &[("1", "PASS"), ("2", "FAIL"), ("3", "FAIL")],
        )?)?;
        assert_eq!(names(&comparison.flaky()), ["1", "2"]);
        assert_eq!(names(&comparison.lost()), ["3"]);
        // What was told from a loss once is not lost later.
        comparison.add(runs(&subtests("PASS"), &subtests("FAIL"))?)?;
        assert_eq!(names(&comparison.lost()), ["3"]);
        Ok(())
    }

    #[test]
    fn runs_of_other_tests_are_refused() -> Result<()> {
        let other = |subtests| results("/b.html", subtests);
        let mixed = Runs {
            unpatched: results("/a.html", &[])?,
            patched: other(&[])?,
        };
        assert!(Comparison::new(mixed).is_err());
        let mut comparison = Comparison::new(runs(&[("1", "PASS")], &[])?)?;
        let elsewhere = Runs {
            unpatched: other(&[])?,
            patched: other(&[])?,
        };
        assert!(comparison.add(elsewhere).is_err());
        Ok(())
    }
}
