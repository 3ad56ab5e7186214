//! What was measured, for people and for programs.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Serialize;

/// What a measurement is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// The value may be so many times the reference.
    RatioAtMost(f64),
    /// The value must be so many times the reference.
    RatioAtLeast(f64),
    /// The value itself may be so large.
    ValueAtMost(f64),
    /// The value itself must be so large.
    ValueAtLeast(f64),
    /// The value must be less than so many times the reference.
    RatioBelow(f64),
    /// Nothing was promised: it explains other lines.
    None,
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// What was measured.
    pub name: &'static str,
    /// The figure.
    pub value: f64,
    /// Its unit, and the reference's.
    pub unit: &'static str,
    /// The same thing without the component, in this run.
    pub reference: Option<f64>,
    /// `value / reference`, if that has a meaning; without it, a goal that is a ratio is missed.
    pub ratio: Option<f64>,
    /// What was promised, for programs of this workspace.
    #[serde(skip)]
    pub promise: Goal,
    /// The same in words; empty if nothing was promised.
    pub goal: String,
    /// Whether it was kept.
    pub met: bool,
    /// What the reference is, and what else was found.
    pub note: String,
}

impl Line {
    /// A figure, its reference and its goal.
    pub fn new(
        name: &'static str,
        value: f64,
        unit: &'static str,
        reference: Option<f64>,
        goal: Goal,
    ) -> Self {
        // A reference that is nothing, or noise around it, is none.
        let ratio = reference
            .filter(|reference| *reference > 0.0)
            .map(|reference| value / reference);
        let promise = goal;
        let (met, goal) = match promise {
            Goal::RatioAtMost(most) => (
                ratio.is_some_and(|ratio| ratio <= most),
                format!("ratio <= {most}"),
            ),
            Goal::RatioAtLeast(least) => (
                ratio.is_some_and(|ratio| ratio >= least),
                format!("ratio >= {least}"),
            ),
            Goal::RatioBelow(limit) => (
                ratio.is_some_and(|ratio| ratio < limit),
                format!("ratio < {limit}"),
            ),
            Goal::ValueAtMost(most) => (value <= most, format!("value <= {most}")),
            Goal::ValueAtLeast(least) => (value >= least, format!("value >= {least}")),
            Goal::None => (true, String::new()),
        };
        Self {
            name,
            value,
            unit,
            reference,
            ratio,
            promise,
            goal,
            met,
            note: String::new(),
        }
    }

    /// With this remark.
    pub fn note(self, note: impl Into<String>) -> Self {
        Self {
            note: note.into(),
            ..self
        }
    }

    /// Whether it has a goal.
    pub fn is_promised(&self) -> bool {
        self.promise != Goal::None
    }

    /// Prints it.
    pub fn print(&self) {
        let or_dash = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), number);
        println!(
            "{:<34} {:>10} {:>10} {:<13} {:>8}  {:<14} {}",
            self.name,
            number(self.value),
            or_dash(self.reference),
            self.unit,
            or_dash(self.ratio),
            self.goal,
            match (self.is_promised(), self.met) {
                (false, _) => "",
                (true, true) => "met",
                (true, false) => "MISSED",
            },
        );
        if !self.note.is_empty() {
            println!("    {}", self.note);
        }
    }
}

/// Prints the table's head.
pub fn print_head() {
    println!(
        "{:<34} {:>10} {:>10} {:<13} {:>8}  goal",
        "what", "value", "reference", "unit", "ratio"
    );
}

/// Says how many goals were met; it is a success if all were.
pub fn sum_up(lines: &[Line]) -> ExitCode {
    let promised = lines.iter().filter(|line| line.is_promised()).count();
    let missed = lines.iter().filter(|line| !line.met).count();
    println!("{} of {promised} goals met", promised - missed);
    match missed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Writes what was measured for programs.
///
/// # Errors
/// If the file can't be written.
pub fn write_json(file: &Path, value: &impl Serialize) -> Result<()> {
    let json = serde_json::to_string_pretty(value)? + "\n";
    fs::write(file, json).with_context(|| format!("cannot write {}", file.display()))
}

/// Two or three digits that count, or all before the point.
pub fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 || v == 0.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 0.1 => format!("{value:.2}"),
        v if v >= 0.01 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}

/// The middle one of some figures.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The one that a quarter of the figures is below.
pub fn lower_quartile(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 4).copied().unwrap_or(f64::NAN)
}
