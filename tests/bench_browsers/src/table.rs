//! The table in the README.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use background_sync_bench_report::{Line, number};

/// What the table's place in a Markdown file starts with.
const BEGINNING: &str = "<!-- ./mach bench --browsers -->\n";
/// What it ends with.
const END: &str = "<!-- end -->";

/// Replaces the table in a Markdown file.
pub fn replace(file: &Path, lines: &[Line]) -> Result<()> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let replaced = replaced(&text, &markdown(lines)).with_context(|| {
        format!(
            "{} has no place for the table: it goes between the lines `{}` and `{END}`",
            file.display(),
            BEGINNING.trim_end()
        )
    })?;
    fs::write(file, replaced).with_context(|| format!("cannot write {}", file.display()))
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
    fn a_text_without_a_place_is_left_alone() {
        assert_eq!(replaced("nothing", "table"), None);
        assert_eq!(replaced(BEGINNING, "table"), None);
    }
}
