//! The README's table of conformance, from the reports of both browsers.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::results::Results;

const BEGIN: &str = "<!-- written by ./mach test-wpt --write-readme -->";
const END: &str = "<!-- end of what it writes -->";

/// What is counted together: a name for people, and what the URLs of its tests begin with.
const ROWS: [(&str, &str); 7] = [
    (
        "upstream's IDL tests of one-shot sync, in a page and in a worker",
        "/background-sync/idlharness",
    ),
    (
        "the same in a service worker",
        "/_serviceworker/background-sync/",
    ),
    (
        "upstream's IDL tests of periodic sync, in a page and in a worker",
        "/periodic-background-sync/idlharness",
    ),
    (
        "the same in a service worker",
        "/_serviceworker/periodic-background-sync/",
    ),
    (
        "upstream's other tests of periodic sync",
        "/periodic-background-sync/periodicsync",
    ),
    (
        "our behavioural tests of one-shot sync",
        "/_sync/background-sync/",
    ),
    (
        "our behavioural tests of periodic sync",
        "/_sync/periodic-background-sync/",
    ),
];

/// A complete run in a browser.
pub struct Column {
    /// The browser's name and version.
    pub browser: String,
    /// What it came to.
    pub results: Results,
}

/// Replaces the table in a README.
pub fn write(file: &Path, columns: &[Column]) -> Result<()> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let replaced = replace(&text, &table(columns))
        .with_context(|| format!("{} lacks the lines {BEGIN} and {END}", file.display()))?;
    fs::write(file, replaced).with_context(|| format!("cannot write {}", file.display()))
}

/// The text with another table between the markers, if it has them.
fn replace(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

fn table(columns: &[Column]) -> String {
    let mut table = String::from("| subtests that pass |");
    let mut rule = String::from("| --- |");
    for column in columns {
        let _ = write!(table, " {} |", column.browser);
        rule.push_str(" --- |");
    }
    table.push('\n');
    table.push_str(&rule);
    table.push('\n');
    for (name, url) in ROWS {
        let tallies: Vec<_> = columns
            .iter()
            .map(|column| column.results.tally(url).1)
            .collect();
        // A page that crashes reports none of its subtests; the other browser says how many there are.
        let total = tallies.iter().map(|tally| tally.total()).max().unwrap_or(0);
        let _ = write!(table, "| {name} |");
        for tally in tallies {
            let _ = write!(table, " {} of {total} |", tally.passed);
        }
        table.push('\n');
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::results::parse;
    use super::*;

    #[test]
    fn a_page_that_crashes_counts_with_all_its_subtests() -> Result<()> {
        let column = |browser: &str, status: &str, subtests: &str| -> Result<Column> {
            Ok(Column {
                browser: browser.to_owned(),
                results: parse(&format!(
                    "{{\"results\": [{{\"test\": \"/_sync/background-sync/a.html\", \"status\": \"{status}\", \
                     \"subtests\": [{subtests}]}}]}}"
                ))?,
            })
        };
        let subtests =
            "{\"name\": \"1\", \"status\": \"PASS\"}, {\"name\": \"2\", \"status\": \"FAIL\"}";
        let table = table(&[column("A 1", "OK", subtests)?, column("B 2", "CRASH", "")?]);
        assert!(table.starts_with("| subtests that pass | A 1 | B 2 |\n| --- | --- | --- |\n"));
        assert!(
            table.contains("| our behavioural tests of one-shot sync | 1 of 2 | 0 of 2 |\n"),
            "{table}"
        );
        Ok(())
    }

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let text = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let replaced = format!("before\n{BEGIN}\nnew\n{END}\nafter\n");
        assert_eq!(replace(&text, "new\n"), Some(replaced));
        assert_eq!(replace("no markers", "new\n"), None);
    }
}
