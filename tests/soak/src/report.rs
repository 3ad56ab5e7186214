//! What was found, as a table for people.

use std::fmt::Write as _;

use background_sync_bench_report::number;
use serde::Serialize;

use crate::recording::Recording;
use crate::verdict::{self, Figures};

const MIB: f64 = 1_048_576.0;
/// What the columns are called, and how wide they are in a terminal.
const COLUMNS: [(&str, usize); 13] = [
    ("what", 26),
    ("browser", 8),
    ("done", 6),
    ("start MiB", 9),
    ("1/10 MiB", 8),
    ("end MiB", 8),
    ("idle MiB", 8),
    ("end / 1/10", 10),
    ("idle / start", 12),
    ("B an operation", 14),
    ("threads", 8),
    ("descriptors", 11),
    ("profile MiB", 12),
];

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Product {
    /// It has bounds.
    Kiosk,
    /// It shows what another browser does with the same page.
    Chromium,
}

/// One browser's phase.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What was done.
    pub name: &'static str,
    /// By whom.
    pub product: Product,
    /// What it held.
    pub recording: Recording,
}

impl Row {
    /// What is wrong; Chromium has made no promise, but its phase must have been done.
    pub fn complaints(&self) -> Vec<String> {
        let complaints = verdict::complaints(&self.recording);
        match self.product {
            Product::Kiosk => complaints,
            Product::Chromium if self.recording.is_whole() => Vec::new(),
            Product::Chromium => complaints,
        }
    }

    fn verdict(&self) -> String {
        let complaints = self.complaints();
        match (complaints.as_slice(), self.product) {
            ([], Product::Kiosk) => "kept".to_owned(),
            ([], Product::Chromium) => String::new(),
            (complaints, _) => format!("BROKEN: {}", complaints.join(", ")),
        }
    }

    fn cells(&self) -> [String; COLUMNS.len()] {
        let name = self.name.to_owned();
        let product = match self.product {
            Product::Kiosk => "kiosk",
            Product::Chromium => "Chromium",
        };
        let mib = |bytes: f64| format!("{:.1}", bytes / MIB);
        let Some(figures) = Figures::of(&self.recording) else {
            let done = self.recording.readings.last().map_or(0, |(done, _)| *done);
            let start = mib(self.recording.start.memory_bytes);
            let mut cells = [const { String::new() }; COLUMNS.len()];
            cells[..4].clone_from_slice(&[name, product.to_owned(), done.to_string(), start]);
            return cells;
        };
        let (tenth, end) = (&figures.tenth, &figures.end);
        let both = |early: String, late: String| format!("{early} {late}");
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        [
            name,
            product.to_owned(),
            figures.operations.to_string(),
            mib(figures.start.memory_bytes),
            mib(tenth.memory_bytes),
            mib(end.memory_bytes),
            or_dash(figures.idle.map(|idle| mib(idle.memory_bytes))),
            format!("{:.3}", figures.memory_ratio()),
            or_dash(figures.idle_ratio().map(|ratio| format!("{ratio:.3}"))),
            number(figures.bytes_an_operation),
            both(number(tenth.threads), number(end.threads)),
            both(number(tenth.descriptors), number(end.descriptors)),
            both(mib(tenth.profile_bytes), mib(end.profile_bytes)),
        ]
    }

    /// Prints it.
    pub fn print(&self) {
        print_cells(&self.cells(), &self.verdict());
    }
}

/// Prints the table's head.
pub fn print_head() {
    print_cells(&COLUMNS.map(|(name, _)| name.to_owned()), "bounds");
}

fn print_cells(cells: &[String; COLUMNS.len()], verdict: &str) {
    let mut line = String::new();
    for (number, (cell, (_, width))) in cells.iter().zip(COLUMNS).enumerate() {
        // Writing to a String cannot fail.
        let _ = match number {
            0 | 1 => write!(line, "{cell:<width$} "),
            _ => write!(line, "{cell:>width$} "),
        };
    }
    println!("{line} {verdict}");
}

/// The table for a Markdown file. The numbers of an early and of a late moment have an arrow between them.
pub fn markdown(rows: &[Row]) -> String {
    let names = COLUMNS.map(|(name, _)| name);
    let mut table = format!("| {} | bounds |\n", names.join(" | "));
    table += &"| --- ".repeat(COLUMNS.len() + 1);
    table += "|\n";
    for row in rows {
        let mut cells = row.cells();
        for cell in &mut cells[2..] {
            *cell = cell.replace(' ', " → ");
        }
        let verdict = row.verdict().replace("BROKEN", "**broken**");
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| {} | {verdict} |", cells.join(" | "));
    }
    table
}

#[cfg(test)]
mod tests {
    use crate::recording::End;
    use crate::sample::Sample;

    use super::*;

    fn row(product: Product, leak_bytes: f64) -> Row {
        let sample = |number: u32| Sample {
            memory_bytes: 100.0 * MIB + f64::from(number) * leak_bytes,
            threads: 46.0,
            descriptors: 16.0,
            ..Sample::default()
        };
        Row {
            name: "reloads",
            product,
            recording: Recording {
                start: sample(0),
                readings: (1..=100).map(|number| (number, sample(number))).collect(),
                idle: Some(sample(100)),
                end: End::Complete,
            },
        }
    }

    #[test]
    fn the_table_says_what_was_kept_and_what_was_broken() {
        let rows = [
            row(Product::Kiosk, 0.0),
            row(Product::Kiosk, MIB),
            row(Product::Chromium, MIB),
        ];
        let table = markdown(&rows);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 5);
        assert!(lines[2].ends_with("| 46.0 → 46.0 | 16.0 → 16.0 | 0.0 → 0.0 | kept |"));
        assert!(
            lines[3].contains("| 1048576 |"),
            "bytes an operation: {table}"
        );
        assert!(lines[3].ends_with("| **broken**: memory, idle |"));
        assert!(lines[4].ends_with("|  |"), "it has no bounds: {table}");
    }

    #[test]
    fn a_row_without_enough_readings_is_printed_with_what_there_is() {
        let mut row = row(Product::Chromium, 0.0);
        row.recording.readings.truncate(3);
        row.recording.end = End::Interrupted;
        let table = markdown(&[row]);
        assert!(
            table.contains("| reloads | Chromium | 3 | 100.0 |"),
            "{table}"
        );
        assert!(table.contains("| **broken**: interrupted |"), "{table}");
    }
}
