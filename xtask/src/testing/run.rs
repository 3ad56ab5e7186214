//! One test run: its steps one after the other, what their tests counted, and the line that sums them up.
//!
//! No test runner does this: the steps are cargo's, Python's, wptrunner's and checks of this tool, and each goes on where
//! the one before it failed.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::command;
use crate::paths::Paths;

/// What the test runners counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Count {
    pub passed: u64,
    pub failed: u64,
}

impl Count {
    /// Adds a line such as `test result: ok. 3 passed; 0 failed; 0 ignored; ...`.
    fn handle_line(&mut self, line: &str) {
        let Some((_, result)) = line.split_once("test result:") else {
            return;
        };
        let number_before = |word: &str| -> u64 {
            let before = result.split(word).next().unwrap_or_default();
            before
                .rsplit(' ')
                .next()
                .and_then(|number| number.parse().ok())
                .unwrap_or(0)
        };
        self.passed += number_before(" passed");
        self.failed += number_before(" failed");
    }
}

/// A test run.
pub struct Run<'a> {
    pub paths: &'a Paths,
    count: Count,
    /// The titles of the steps that failed.
    failed: Vec<String>,
}

impl<'a> Run<'a> {
    pub fn new(paths: &'a Paths) -> Self {
        Self {
            paths,
            count: Count::default(),
            failed: Vec::new(),
        }
    }

    pub fn sum_up(&self) -> ExitCode {
        for title in &self.failed {
            eprintln!("failed: {title}");
        }
        println!("{} passed, {} failed", self.count.passed, self.count.failed);
        command::exit_code(self.failed.is_empty())
    }

    /// Runs a program, passing on what it prints, and counts its tests.
    pub fn step(&mut self, title: &str, mut program: Command) -> Result<()> {
        announce(title);
        program.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = program
            .spawn()
            .map_err(|error| command::start_error(&program, error))?;
        let before = self.count;
        if let Some(stdout) = child.stdout.take() {
            let mut reader = BufReader::new(stdout);
            let mut line = Vec::new();
            while reader
                .read_until(b'\n', &mut line)
                .context("cannot read a test's output")?
                > 0
            {
                std::io::stdout().write_all(&line).context("cannot print")?;
                self.count.handle_line(&String::from_utf8_lossy(&line));
                line.clear();
            }
        }
        if !child.wait().context("cannot wait for a test")?.success() {
            self.note_failure(title, before);
        }
        Ok(())
    }

    /// Runs a check of this tool itself.
    pub fn checked(&mut self, title: &str, check: impl FnOnce(&Paths) -> Result<()>) {
        announce(title);
        if let Err(error) = check(self.paths) {
            eprintln!("error: {error:#}");
            self.note_failure(title, self.count);
        }
    }

    /// Runs tests that count themselves, and say whether all is well.
    pub fn counted(&mut self, title: &str, tests: impl FnOnce(&Paths) -> Result<(Count, bool)>) {
        announce(title);
        let before = self.count;
        let is_good = match tests(self.paths) {
            Ok((count, is_good)) => {
                self.count.passed += count.passed;
                self.count.failed += count.failed;
                is_good
            }
            Err(error) => {
                eprintln!("error: {error:#}");
                false
            }
        };
        if !is_good {
            self.note_failure(title, before);
        }
    }

    /// A step that failed without a failed test, say because it did not compile, counts as one.
    fn note_failure(&mut self, title: &str, before: Count) {
        if self.count.failed == before.failed {
            self.count.failed += 1;
        }
        self.failed.push(title.to_owned());
    }
}

fn announce(title: &str) {
    eprintln!("\n== {title}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_results_are_summed() {
        let mut count = Count::default();
        count.handle_line("test result: ok. 26 passed; 0 failed; 1 ignored; 0 measured\n");
        count.handle_line("test result: \u{1b}[31mFAILED\u{1b}[m. 3 passed; 12 failed; 0 ignored");
        count.handle_line("running 3 tests");
        assert_eq!(
            count,
            Count {
                passed: 29,
                failed: 12
            }
        );
    }
}
