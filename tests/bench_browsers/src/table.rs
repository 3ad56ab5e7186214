//! The table in the README.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use background_sync_bench_report::{Line, number};

/// What the table's place in a Markdown file starts with.
const BEGINNING: &str = "<!-- written by ./mach bench --browsers --readme -->\n";
/// What it ends with.
const END: &str = "<!-- end of what it writes -->";

/// A Markdown file with a place for the table.
pub struct Table {
    file: PathBuf,
}

impl Table {
    /// Finds the place.
    pub fn find(file: &Path) -> Result<Self> {
        let table = Self { file: file.into() };
        table.with("")?;
        Ok(table)
    }

    /// The Markdown file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Replaces what is there by these lines, a sentence on how they were measured, and the plot, if it is a file
    /// below the Markdown file's folder.
    pub fn replace(&self, lines: &[Line], conditions: &str, plot: Option<&Path>) -> Result<()> {
        // The file is read again: measuring takes so long that somebody may have edited it.
        let mut content = markdown(lines);
        // Writing to a String cannot fail.
        let _ = writeln!(content, "\n{conditions}");
        if let Some(link) = plot.and_then(|plot| self.link(plot)) {
            let _ = writeln!(content, "\n![The kiosk and Chromium, side by side]({link})");
        }
        let text = self.with(&content)?;
        fs::write(&self.file, text).with_context(|| format!("cannot write {}", self.file.display()))
    }

    fn link(&self, plot: &Path) -> Option<String> {
        let link = plot.strip_prefix(self.file.parent()?).ok()?;
        Some(link.to_str()?.to_owned())
    }

    /// The file's text, with this in the place.
    fn with(&self, content: &str) -> Result<String> {
        let file = self.file.display();
        let text = fs::read_to_string(&self.file).with_context(|| format!("cannot read {file}"))?;
        replaced(&text, content).with_context(|| {
            format!(
                "{file} has no place for the table: it goes between the lines `{}` and `{END}`",
                BEGINNING.trim_end()
            )
        })
    }
}

fn replaced(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGINNING)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGINNING}{table}{END}{after}"))
}

fn markdown(lines: &[Line]) -> String {
    let mut table =
        "| | kiosk | Chromium | ratio | goal |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for line in lines {
        let goal = match (line.is_promised(), line.met) {
            (false, _) => String::new(),
            (true, true) => format!("{}, met", line.goal),
            (true, false) => format!("{}, **missed**", line.goal),
        };
        let figure = |value: Option<f64>, unit: &str| {
            value.map_or_else(String::new, |value| format!("{} {unit}", number(value)))
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            table,
            "| {} | {} | {} | {} | {} |",
            line.name,
            figure(Some(line.value), line.unit).trim_end(),
            figure(line.reference, line.unit),
            figure(line.ratio, "").trim_end(),
            goal.replace("<=", "≤").replace(">=", "≥")
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use background_sync_bench_report::Goal;

    use super::*;

    #[test]
    fn only_the_table_is_replaced() {
        let line = Line::new("x", 1.0, "ms", Some(4.0), Goal::RatioAtMost(0.5));
        let text = format!("before\n{BEGINNING}old\n{END}\nafter\n");
        let new = replaced(&text, &markdown(&[line])).expect("it has a place");
        assert!(new.starts_with(&format!("before\n{BEGINNING}| |")), "{new}");
        assert!(
            new.contains("| x | 1.00 ms | 4.00 ms | 0.25 | ratio ≤ 0.5, met |\n"),
            "{new}"
        );
        assert!(new.ends_with(&format!("{END}\nafter\n")), "{new}");
        assert!(!new.contains("old"));
    }

    #[test]
    fn a_file_gets_table_conditions_and_plot() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("README.md");
        fs::write(&file, format!("# x\n\n{BEGINNING}{END}\n\nmore\n"))?;
        let table = Table::find(&file)?;
        let line = Line::new("x", 1.0, "ms", None, Goal::None);
        let plot = folder.path().join("docs/plot.svg");
        table.replace(std::slice::from_ref(&line), "Measured.", Some(&plot))?;
        let text = fs::read_to_string(&file)?;
        let written = "| x | 1.00 ms |  |  |  |\n\nMeasured.\n\n\
                       ![The kiosk and Chromium, side by side](docs/plot.svg)\n";
        assert!(
            text.contains(&format!("{written}{END}\n\nmore\n")),
            "{text}"
        );
        // Again, with a plot that no link in the file leads to.
        table.replace(&[line], "Measured.", Some(Path::new("/elsewhere.svg")))?;
        let text = fs::read_to_string(&file)?;
        assert!(
            text.ends_with(&format!("Measured.\n{END}\n\nmore\n")),
            "{text}"
        );
        Ok(())
    }

    #[test]
    fn a_file_without_a_place_is_refused() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("README.md");
        assert!(Table::find(&file).is_err());
        fs::write(&file, "# x\n")?;
        let error = Table::find(&file).map(drop).expect_err("it has no place");
        assert!(error.to_string().contains(END), "{error}");
        Ok(())
    }

    #[test]
    fn a_text_without_a_place_is_left_alone() {
        assert_eq!(replaced("nothing", "table"), None);
        assert_eq!(replaced(BEGINNING, "table"), None);
    }
}
