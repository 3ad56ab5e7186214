//! The table in the README.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use background_sync_bench_report::{Line, number};

/// What a table's place in a Markdown file ends with.
const END: &str = "<!-- end of what it writes -->";

/// A Markdown file with a place for the table.
pub struct Table {
    file: PathBuf,
    /// What the place starts with.
    beginning: String,
}

impl Table {
    /// Finds the place of the table that this command writes.
    pub fn find(file: &Path, command: &str) -> Result<Self> {
        let table = Self {
            file: file.into(),
            beginning: beginning(command),
        };
        table.with("")?;
        Ok(table)
    }

    /// The Markdown file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Replaces what is there by this text, and the plot with this title, if it is a file below the Markdown file's
    /// folder.
    pub fn replace(&self, text: &str, title: &str, plot: Option<&Path>) -> Result<()> {
        let mut content = text.to_owned();
        if let Some(link) = plot.and_then(|plot| self.link(plot)) {
            // Writing to a String cannot fail.
            let _ = writeln!(content, "\n![{title}]({link})");
        }
        // The file is read again: measuring takes so long that somebody may have edited it.
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
        replaced(&text, &self.beginning, content).with_context(|| {
            format!(
                "{file} has no place for the table: it goes between the lines `{}` and `{END}`",
                self.beginning.trim_end()
            )
        })
    }
}

fn beginning(command: &str) -> String {
    format!("<!-- written by {command} -->\n")
}

fn replaced(text: &str, beginning: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(beginning)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{beginning}{table}{END}{after}"))
}

/// The table of these lines. Beside a goal that was missed is what is known of the reason.
pub fn markdown(lines: &[Line]) -> String {
    let mut table =
        "| | kiosk | Chromium | ratio | goal |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for line in lines {
        let goal = match (line.is_promised(), line.met) {
            (false, _) => String::new(),
            (true, true) => format!("{}, met", line.goal),
            (true, false) if line.note.is_empty() => format!("{}, **missed**", line.goal),
            (true, false) => format!("{}, **missed**: {}", line.goal, line.note),
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

    const COMMAND: &str = "./mach bench --it";

    #[test]
    fn only_the_table_is_replaced() {
        let line = Line::new("x", 1.0, "ms", Some(4.0), Goal::RatioAtMost(0.5));
        let beginning = beginning(COMMAND);
        let text = format!("before\n{beginning}old\n{END}\nafter\n");
        let new = replaced(&text, &beginning, &markdown(&[line])).expect("it has a place");
        assert!(new.starts_with(&format!("before\n{beginning}| |")), "{new}");
        assert!(
            new.contains("| x | 1.00 ms | 4.00 ms | 0.25 | ratio ≤ 0.5, met |\n"),
            "{new}"
        );
        assert!(new.ends_with(&format!("{END}\nafter\n")), "{new}");
        assert!(!new.contains("old"));
    }

    #[test]
    fn a_missed_goal_has_its_reason_beside_it() {
        let line = |note| Line::new("x", 3.0, "ms", Some(4.0), Goal::RatioAtMost(0.5)).note(note);
        let row = |note| {
            markdown(&[line(note)])
                .lines()
                .last()
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(
            row("the floor is 2 ms"),
            "| x | 3.00 ms | 4.00 ms | 0.75 | ratio ≤ 0.5, **missed**: the floor is 2 ms |"
        );
        assert!(row("").ends_with(", **missed** |"));
    }

    #[test]
    fn a_file_gets_table_conditions_and_plot() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("README.md");
        fs::write(
            &file,
            format!("# x\n\n{}{END}\n\nmore\n", beginning(COMMAND)),
        )?;
        let table = Table::find(&file, COMMAND)?;
        let content = "| x | 1.00 ms |\n\nMeasured.\n";
        let plot = folder.path().join("docs/plot.svg");
        table.replace(content, "Side by side", Some(&plot))?;
        let text = fs::read_to_string(&file)?;
        let written = "| x | 1.00 ms |\n\nMeasured.\n\n![Side by side](docs/plot.svg)\n";
        assert!(
            text.contains(&format!("{written}{END}\n\nmore\n")),
            "{text}"
        );
        // Again, with a plot that no link in the file leads to.
        table.replace(content, "Side by side", Some(Path::new("/elsewhere.svg")))?;
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
        assert!(Table::find(&file, COMMAND).is_err());
        fs::write(&file, "# x\n")?;
        let error = Table::find(&file, COMMAND)
            .map(drop)
            .expect_err("it has no place");
        assert!(error.to_string().contains(END), "{error}");
        Ok(())
    }

    #[test]
    fn a_text_without_a_place_is_left_alone() {
        let beginning = beginning(COMMAND);
        assert_eq!(replaced("nothing", &beginning, "table"), None);
        assert_eq!(replaced(&beginning, &beginning, "table"), None);
        let other = format!("<!-- written by ./mach bench --other -->\n{END}");
        assert_eq!(replaced(&other, &beginning, "table"), None);
    }
}
