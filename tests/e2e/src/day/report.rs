//! What a day has come to, and whether it was a good one.

use std::collections::BTreeMap;
use std::fmt;

use super::figures::Figures;
use super::plan::{Accident, Day};
use super::server::{Fault, Server};

/// Entries of the journal, at most: the engine's own limit.
const MOST_JOURNAL_ENTRIES: usize = 4_096;
/// What a visitor may add to the log, in bytes: a line for the end of the visit, and some for a network that is gone.
const MOST_LOG_BYTES_A_VISITOR: u64 = 1_000;
/// By how much the profile may be larger at the end than in the second hour, in bytes: the log of SQLite grows to 4 MB before it
/// begins anew.
const SPARE_PROFILE_BYTES: u64 = 6 * 1_024 * 1_024;
/// Threads that may be more at the end: those of pools come and go.
const SPARE_THREADS: usize = 4;

/// What a day has come to.
#[derive(Debug)]
pub struct Report {
    day: Day,
    /// Visitors of the first part.
    pub visitors: usize,
    /// How many of them had no network.
    pub network_cuts: usize,
    /// How many left before the app could promise anything.
    pub unpromised: usize,
    promised: usize,
    repeated: usize,
    lost: Vec<String>,
    faults: BTreeMap<Fault, usize>,
    accidents: BTreeMap<Accident, usize>,
    hours: Vec<Figures>,
}

impl Report {
    /// Of a day that is to come.
    pub fn new(day: Day) -> Self {
        Self {
            day,
            visitors: 0,
            network_cuts: 0,
            unpromised: 0,
            promised: 0,
            repeated: 0,
            lost: Vec::new(),
            faults: BTreeMap::new(),
            accidents: BTreeMap::new(),
            hours: Vec::new(),
        }
    }

    /// So many messages were promised, and these have not arrived.
    pub fn note_messages(&mut self, when: &str, promised: usize, missing: &[String]) {
        self.promised += promised;
        let lost = missing.iter().map(|message| format!("{when}: {message}"));
        self.lost.extend(lost);
    }

    /// An hour has ended in this.
    pub fn note_accident(&mut self, accident: Accident) {
        *self.accidents.entry(accident).or_default() += 1;
    }

    /// At the end of an hour of the first part.
    pub fn note_hour(&mut self, figures: Figures) {
        self.hours.push(figures);
    }

    /// What a server has done.
    pub fn note_server(&mut self, server: &Server) {
        self.repeated += server.repeated();
        for (fault, count) in server.failed() {
            *self.faults.entry(fault).or_default() += count;
        }
    }

    /// Of memory from the second hour to the last.
    fn growth_percent(&self) -> f64 {
        let (second, last) = self.second_and_last();
        (last.memory_bytes as f64 / second.memory_bytes as f64 - 1.0) * 100.0
    }

    fn second_and_last(&self) -> (Figures, Figures) {
        let second = self.hours.get(1).copied().unwrap_or_default();
        (second, self.hours.last().copied().unwrap_or_default())
    }

    /// What was not as it should be, in words. None: it was a good day.
    pub fn complaints(&self) -> Vec<String> {
        let (second, last) = self.second_and_last();
        let log_limit = self.visitors as u64 * MOST_LOG_BYTES_A_VISITOR;
        let bounds = [
            (
                "the day is over",
                self.hours.len() == self.day.hours as usize,
            ),
            (
                "memory",
                self.growth_percent() <= self.day.most_growth_percent,
            ),
            ("threads", last.threads <= second.threads + SPARE_THREADS),
            (
                "descriptors",
                last.descriptors <= second.descriptors + self.day.spare_descriptors,
            ),
            (
                "profile",
                last.profile_bytes <= second.profile_bytes + SPARE_PROFILE_BYTES,
            ),
            ("log", last.log_bytes <= log_limit),
            ("journal", last.journal_entries <= MOST_JOURNAL_ENTRIES),
        ];
        let broken = bounds.into_iter().filter(|(_, is_kept)| !is_kept);
        let broken = broken.map(|(name, _)| format!("out of bounds: {name}"));
        let lost = self.lost.iter().map(|message| format!("lost: {message}"));
        broken.chain(lost).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: String| writeln!(f, "{name:<34}{value:>14}");
        row("hours of each part", self.day.hours.to_string())?;
        row("visitors", self.visitors.to_string())?;
        row("of these, without a network", self.network_cuts.to_string())?;
        row(
            "left before anything was promised",
            self.unpromised.to_string(),
        )?;
        for (fault, count) in &self.faults {
            row(&format!("server: {}", fault.text()), count.to_string())?;
        }
        for (accident, count) in &self.accidents {
            row(accident.text(), count.to_string())?;
        }
        row("messages promised", self.promised.to_string())?;
        row(
            "of these, arrived",
            (self.promised - self.lost.len()).to_string(),
        )?;
        row("arrived again", self.repeated.to_string())?;
        let (second, last) = self.second_and_last();
        writeln!(f, "{:<34}{:>14}{:>14}", "", "second hour", "last hour")?;
        let mut pair = |name: &str, second: String, last: String| {
            writeln!(f, "{name:<34}{second:>14}{last:>14}")
        };
        let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
        pair(
            "memory, at rest",
            megabytes(second.memory_bytes),
            megabytes(last.memory_bytes),
        )?;
        pair(
            "profile",
            megabytes(second.profile_bytes),
            megabytes(last.profile_bytes),
        )?;
        pair(
            "threads",
            second.threads.to_string(),
            last.threads.to_string(),
        )?;
        pair(
            "descriptors",
            second.descriptors.to_string(),
            last.descriptors.to_string(),
        )?;
        pair(
            "journal entries",
            second.journal_entries.to_string(),
            last.journal_entries.to_string(),
        )?;
        let kilobytes = |bytes: u64| format!("{:.1} kB", bytes as f64 / 1e3);
        pair(
            "log",
            kilobytes(second.log_bytes),
            kilobytes(last.log_bytes),
        )?;
        writeln!(
            f,
            "memory at rest grows from the second hour to the last by {:.1} %, and may by {:.0} %",
            self.growth_percent(),
            self.day.most_growth_percent
        )?;
        for complaint in self.complaints() {
            writeln!(f, "{complaint}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const DAY: Day = Day {
        hours: 3,
        early_visitors: 0,
        visitors_an_hour: 2,
        seed: 1,
        rest: Duration::ZERO,
        most_growth_percent: 5.0,
        spare_descriptors: 8,
    };

    const HOUR: Figures = Figures {
        memory_bytes: 100_000_000,
        threads: 40,
        descriptors: 20,
        profile_bytes: 2_000_000,
        log_bytes: 1_000,
        journal_entries: 12,
    };

    fn report(last: Figures) -> Report {
        let mut report = Report::new(DAY);
        report.visitors = 6;
        // The first hour does not count.
        report.note_hour(Figures::default());
        report.note_hour(HOUR);
        report.note_hour(last);
        report.note_messages("hour 0", 6, &[]);
        report
    }

    #[test]
    fn a_good_day_has_no_complaints() {
        assert_eq!(report(HOUR).complaints(), [""; 0]);
    }

    #[test]
    fn each_bound_and_each_lost_message_is_a_complaint() {
        for (last, name) in [
            (
                Figures {
                    memory_bytes: 106_000_000,
                    ..HOUR
                },
                "memory",
            ),
            (
                Figures {
                    threads: 45,
                    ..HOUR
                },
                "threads",
            ),
            (
                Figures {
                    descriptors: 29,
                    ..HOUR
                },
                "descriptors",
            ),
            (
                Figures {
                    profile_bytes: 9_000_000,
                    ..HOUR
                },
                "profile",
            ),
            (
                Figures {
                    log_bytes: 7_000,
                    ..HOUR
                },
                "log",
            ),
            (
                Figures {
                    journal_entries: 5_000,
                    ..HOUR
                },
                "journal",
            ),
        ] {
            assert_eq!(
                report(last).complaints(),
                [format!("out of bounds: {name}")]
            );
        }
        let mut lost = report(HOUR);
        lost.note_messages("accidents", 2, &["accident-1-message-0".to_owned()]);
        assert_eq!(lost.complaints(), ["lost: accidents: accident-1-message-0"]);
        assert!(lost.to_string().contains("lost: accidents"), "{lost}");
    }
}
