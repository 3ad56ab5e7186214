//! `cargo xtask servo check`: is the series what it says it is? And the table of patched lines, which `git diff --numstat`
//! does not have by reason.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Result, ensure};
use fs_err as fs;

use super::overlay;
use super::published::Published;
use super::series::Series;
use super::series_repository::{Offsets, SeriesRepository};
use super::topic_header::Reason;
use crate::paths::Paths;

/// Patched lines.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Lines {
    added: usize,
    removed: usize,
}

impl Lines {
    fn of(diff: &str) -> Self {
        let mut lines = Self::default();
        let mut in_hunk = false;
        for line in diff.lines() {
            match line.as_bytes().first() {
                Some(b'@') => in_hunk = true,
                Some(b'd') => in_hunk = false,
                Some(b'+') if in_hunk => lines.added += 1,
                Some(b'-') if in_hunk => lines.removed += 1,
                _ => {}
            }
        }
        lines
    }

    fn add(&mut self, other: Self) {
        self.added += other.added;
        self.removed += other.removed;
    }
}

/// How much of Servo is changed.
#[derive(Debug)]
pub struct Report {
    version: String,
    patches: usize,
    topics: usize,
    by_crate: BTreeMap<String, BTreeMap<Reason, Lines>>,
    overlay_files: usize,
    overlay_lines: usize,
}

/// Checks everything that can be checked without building.
pub fn check(paths: &Paths) -> Result<Report> {
    let published = Published::find(paths)?;
    let repository = SeriesRepository::open(&paths.staging())?;
    overlay::check_replaced(&repository, &repository.commit_published(&published)?)?;
    check_series(paths, &published)
}

/// [`check`] for sources that have been found already.
pub fn check_series(paths: &Paths, published: &Published) -> Result<Report> {
    let series = Series::load(paths)?;
    let repository = SeriesRepository::open(&paths.staging())?;
    let commits = repository.commit_series(published, &series, Offsets::Refuse)?;
    let exported = repository.read_series(published, &commits.base, &commits.tip)?;
    for (path, text) in exported.render() {
        let present = fs::read_to_string(paths.root.join(&path))?;
        ensure!(
            present == text,
            "{} is not what export would write: run `cargo xtask servo apply`, then `cargo xtask \
             servo export`",
            path.display()
        );
    }
    let overlay = overlay::collect(paths, &series.groups())?;
    overlay::check_shadows(&overlay, &repository.paths_in(&commits.tip)?)?;
    let mut report = Report {
        version: published.version.clone(),
        patches: 0,
        topics: series.topics.len(),
        by_crate: BTreeMap::new(),
        overlay_files: overlay.len(),
        overlay_lines: 0,
    };
    for ours in overlay.values() {
        report.overlay_lines += count_lines(ours)?;
    }
    for topic in &series.topics {
        for patch in &topic.patches {
            report.patches += 1;
            let of_crate = report.by_crate.entry(patch.crate_name.clone()).or_default();
            of_crate
                .entry(topic.header.reason)
                .or_default()
                .add(Lines::of(&patch.diff));
        }
    }
    Ok(report)
}

fn count_lines(path: &Path) -> Result<usize> {
    let text = fs::read(path)?;
    Ok(text.iter().filter(|byte| **byte == b'\n').count())
}

impl Report {
    /// The table of patched lines, as Markdown or aligned for a terminal.
    pub fn table(&self, markdown: bool) -> String {
        let mut rows: Vec<Vec<String>> = vec![vec!["crate".to_owned()]];
        rows[0].extend(Reason::ALL.iter().map(ToString::to_string));
        rows[0].push("all".to_owned());
        let mut totals: BTreeMap<Reason, Lines> = BTreeMap::new();
        for (name, by_reason) in &self.by_crate {
            rows.push(row(name, by_reason));
            for (reason, lines) in by_reason {
                totals.entry(*reason).or_default().add(*lines);
            }
        }
        rows.push(row("all", &totals));
        let mut text = if markdown {
            markdown_table(&rows)
        } else {
            plain_table(&rows)
        };
        let _ = write!(
            text,
            "\n{} topics in {} patches on Servo {}, lines added/removed by reason; besides, {} new \
             files with {} lines are laid over it.\n",
            self.topics, self.patches, self.version, self.overlay_files, self.overlay_lines
        );
        text
    }
}

fn row(name: &str, by_reason: &BTreeMap<Reason, Lines>) -> Vec<String> {
    let show = |lines: Lines| match lines {
        Lines {
            added: 0,
            removed: 0,
        } => "-".to_owned(),
        Lines { added, removed } => format!("+{added}/-{removed}"),
    };
    let mut all = Lines::default();
    let mut row = vec![name.to_owned()];
    for reason in Reason::ALL {
        let lines = by_reason.get(&reason).copied().unwrap_or_default();
        all.add(lines);
        row.push(show(lines));
    }
    row.push(show(all));
    row
}

fn markdown_table(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let _ = writeln!(text, "| {} |", row.join(" | "));
        if index == 0 {
            let _ = writeln!(text, "|{}", " --- |".repeat(row.len()));
        }
    }
    text
}

fn plain_table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, width))| {
                if column == 0 {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            });
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changed_lines_are_counted() {
        let diff = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n same\n+new\n+--- new\n\
                    -old\ndiff --git a/y b/y\nnew file mode 100644\n--- /dev/null\n+++ b/y\n\
                    @@ -0,0 +1 @@\n+y\n\\ No newline at end of file\n";
        assert_eq!(
            Lines::of(diff),
            Lines {
                added: 3,
                removed: 1
            }
        );
    }

    #[test]
    fn the_table_has_a_row_for_each_crate_and_one_for_all() {
        let one = |reason, added| BTreeMap::from([(reason, Lines { added, removed: 1 })]);
        let report = Report {
            version: "1.2.3".to_owned(),
            patches: 2,
            topics: 2,
            by_crate: BTreeMap::from([
                ("servo".to_owned(), one(Reason::Hook, 10)),
                ("servo-script".to_owned(), one(Reason::LifeCycle, 5)),
            ]),
            overlay_files: 1,
            overlay_lines: 7,
        };
        let text = report.table(true);
        assert!(
            text.contains("| servo-script | - | +5/-1 | - | +5/-1 |\n"),
            "{text}"
        );
        assert!(
            text.contains("| all | +10/-1 | +5/-1 | - | +15/-2 |\n"),
            "{text}"
        );
        assert!(
            report
                .table(false)
                .contains("servo-script       -       +5/-1")
        );
    }
}
