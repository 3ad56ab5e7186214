//! The README's table of conformance, from the reports of both browsers: our choice of rows, which no tool has.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use fs_err as fs;

use super::results::{Count, Results};

const BEGIN: &str = "<!-- written by ./mach test-wpt --write-readme -->";
const END: &str = "<!-- end of what it writes -->";

/// What is counted together: a name for people, and what the URLs of its tests begin with.
const ROWS: [(&str, &[&str]); 12] = [
    (
        "upstream's IDL tests of one-shot sync, in a page and in a worker",
        &["/background-sync/idlharness"],
    ),
    (
        "the same in a service worker",
        &["/_serviceworker/background-sync/"],
    ),
    (
        "upstream's IDL tests of periodic sync, in a page and in a worker",
        &["/periodic-background-sync/idlharness"],
    ),
    (
        "the same in a service worker",
        &["/_serviceworker/periodic-background-sync/"],
    ),
    (
        "upstream's other tests of periodic sync",
        &["/periodic-background-sync/periodicsync"],
    ),
    (
        "our behavioural tests of one-shot sync",
        &["/_sync/background-sync/"],
    ),
    (
        "our behavioural tests of periodic sync",
        &["/_sync/periodic-background-sync/"],
    ),
    ("upstream's `service-workers/`", &["/service-workers/"]),
    (
        "of these, `service-workers/cache-storage/`",
        &["/service-workers/cache-storage/"],
    ),
    ("upstream's `IndexedDB/`", &["/IndexedDB/"]),
    (
        "of these, `idbindex*`, `idbcursor*`, `idbtransaction*`, `idbobjectstore*`, `transaction-abort*`",
        &[
            "/IndexedDB/idbindex",
            "/IndexedDB/idbcursor",
            "/IndexedDB/idbtransaction",
            "/IndexedDB/idbobjectstore",
            "/IndexedDB/transaction-abort",
        ],
    ),
    ("upstream's `notifications/`", &["/notifications/"]),
];

/// A browser, and what was run in it.
pub struct Column {
    /// The browser's name and version.
    pub browser: String,
    /// What each suite came to. No test is in two of them.
    pub suites: Vec<Results>,
}

impl Column {
    /// As [`Results::counts`], of all suites.
    fn counts<'a>(&'a self, urls: &'a [&str]) -> impl Iterator<Item = (&'a str, Count)> {
        self.suites.iter().flat_map(|suite| suite.counts(urls))
    }
}

/// Replaces the table in a README.
pub fn write(file: &Path, columns: &[Column]) -> Result<()> {
    let text = fs::read_to_string(file)?;
    let replaced = replace(&text, &table(columns))
        .with_context(|| format!("{} lacks the lines {BEGIN} and {END}", file.display()))?;
    Ok(fs::write(file, replaced)?)
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
    for (name, urls) in ROWS {
        let total = total(columns, urls);
        let _ = write!(table, "| {name} |");
        for column in columns {
            let passed: u64 = column.counts(urls).map(|(_, count)| count.passed).sum();
            let _ = write!(table, " {} of {} |", grouped(passed), grouped(total));
        }
        table.push('\n');
    }
    table
}

/// How many subtests there are. A page that crashes or stops reports fewer; the other browser says how many it has.
fn total(columns: &[Column], urls: &[&str]) -> u64 {
    let mut most = BTreeMap::new();
    for (test, count) in columns.iter().flat_map(|column| column.counts(urls)) {
        let total = most.entry(test).or_insert(0);
        *total = count.total.max(*total);
    }
    most.values().sum()
}

/// With a comma before each three digits, as in the README's text.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::super::results::parse;
    use super::*;

    /// A run of two pages with two subtests each, one of which passes; a page that is named crashes.
    fn column(browser: &str, crashes: &str) -> Result<Column> {
        let results: Vec<_> = ["a", "b"]
            .into_iter()
            .map(|page| {
                let test = format!("/_sync/background-sync/{page}.html");
                if page == crashes {
                    return serde_json::json!({"test": test, "status": "CRASH", "subtests": []});
                }
                let subtest = |name, status| serde_json::json!({"name": name, "status": status});
                let subtests = [subtest("1", "PASS"), subtest("2", "FAIL")];
                serde_json::json!({"test": test, "status": "OK", "subtests": subtests})
            })
            .collect();
        Ok(Column {
            browser: browser.to_owned(),
            suites: vec![parse(&serde_json::json!({"results": results}).to_string())?],
        })
    }

    #[test]
    fn each_browser_has_a_column() -> Result<()> {
        let table = table(&[column("A 1", "")?, column("B 2", "")?]);
        assert!(table.starts_with("| subtests that pass | A 1 | B 2 |\n| --- | --- | --- |\n"));
        assert_eq!(table.lines().count(), 2 + ROWS.len());
        assert!(
            table.contains("| our behavioural tests of one-shot sync | 2 of 4 | 2 of 4 |\n"),
            "{table}"
        );
        Ok(())
    }

    #[test]
    fn a_page_that_crashes_counts_with_all_its_subtests() -> Result<()> {
        for (crashes, passed) in [("", "2 of 4"), ("b", "1 of 4")] {
            let table = table(&[column("A 1", crashes)?, column("B 2", "a")?]);
            let row = format!("| our behavioural tests of one-shot sync | {passed} | 1 of 4 |\n");
            assert!(table.contains(&row), "{table}");
        }
        Ok(())
    }

    #[test]
    fn a_row_may_be_of_several_groups_and_suites() -> Result<()> {
        let suite = |test: &str, subtests: usize| {
            let subtests = vec![serde_json::json!({"name": "1", "status": "PASS"}); subtests];
            let result = serde_json::json!({"test": test, "status": "OK", "subtests": subtests});
            parse(&serde_json::json!({"results": [result]}).to_string())
        };
        let table = table(&[Column {
            browser: "A 1".to_owned(),
            suites: vec![
                suite("/IndexedDB/idbindex_get.any.html", 1_000)?,
                suite("/IndexedDB/transaction-abort-a.any.html", 234)?,
                suite("/IndexedDB/keypath.any.html", 1)?,
            ],
        }]);
        assert!(
            table.contains("| upstream's `IndexedDB/` | 1,235 of 1,235 |\n"),
            "{table}"
        );
        assert!(
            table.contains("`transaction-abort*` | 1,234 of 1,234 |\n"),
            "{table}"
        );
        Ok(())
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let text = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let replaced = format!("before\n{BEGIN}\nnew\n{END}\nafter\n");
        assert_eq!(replace(&text, "new\n"), Some(replaced));
        assert_eq!(replace("no markers", "new\n"), None);
    }
}
