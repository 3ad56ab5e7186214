//! What was promised, how often it was looked at, and how often it did not hold.

use std::collections::BTreeMap;
use std::fmt;

use super::plan::CutPoint;

/// What must hold after a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// The kiosk starts on the profile and the page works; a round that breaks off counts here.
    Profile,
    /// A sync whose `register()` had resolved, and that had not fired, is restored.
    Registration,
    /// A message whose `register()` had resolved arrives.
    Arrival,
    /// All requests carry the session of a login before a `register()` that had resolved.
    Cookie,
    /// IndexedDB opens.
    IndexedDb,
    /// No message that was registered waits in IndexedDB while no sync is left to send it.
    Outbox,
    /// What was in `localStorage` before a `register()` that had resolved is there, or was sent.
    LocalStorage,
    /// Once the page was opened, both outboxes drain, and stay empty.
    Drained,
}

impl Promise {
    fn text(self) -> &'static str {
        match self {
            Self::Profile => "rounds to their end",
            Self::Registration => "profiles with a waiting sync, restored",
            Self::Arrival => "registered messages, arrived",
            Self::Cookie => "restarts after which requests carry the session",
            Self::IndexedDb => "times that IndexedDB was opened",
            Self::Outbox => "registered messages, not stuck in the outbox",
            Self::LocalStorage => "localStorage messages, kept or sent",
            Self::Drained => "outboxes drained, and staying empty",
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    checked: usize,
    broken: usize,
}

/// The findings of all rounds.
#[derive(Debug, Default)]
pub struct Report {
    promises: BTreeMap<Promise, Tally>,
    /// Rounds by what was seen last before the cut; broken are those with a finding.
    rounds: BTreeMap<CutPoint, Tally>,
    /// Requests with a message that had arrived already, which is allowed.
    repeated: usize,
    findings: Vec<String>,
    /// The one that is played.
    round: u32,
}

impl Report {
    /// Begins a round.
    pub fn begin(&mut self, round: u32) {
        self.round = round;
    }

    /// Ends a round; returns how often something did not hold in it.
    pub fn end(&mut self, cut: CutPoint, findings_before: usize) -> usize {
        let findings = self.findings.len() - findings_before;
        let tally = self.rounds.entry(cut).or_default();
        tally.checked += 1;
        tally.broken += usize::from(findings > 0);
        findings
    }

    /// Counts whether a promise holds.
    pub fn check(&mut self, promise: Promise, holds: bool, otherwise: impl FnOnce() -> String) {
        let tally = self.promises.entry(promise).or_default();
        tally.checked += 1;
        if !holds {
            tally.broken += 1;
            self.findings
                .push(format!("round {}: {}", self.round, otherwise()));
        }
    }

    /// Counts requests with a message that had arrived already.
    pub fn note_repeated(&mut self, requests: usize) {
        self.repeated += requests;
    }

    /// How often something did not hold, so far.
    pub fn findings(&self) -> usize {
        self.findings.len()
    }

    /// How often something was gone that the app had stored.
    pub fn losses(&self) -> usize {
        let losses = [
            Promise::Registration,
            Promise::Arrival,
            Promise::Cookie,
            Promise::LocalStorage,
        ];
        losses.iter().map(|promise| self.broken(*promise)).sum()
    }

    /// How often a promise did not hold.
    pub fn broken(&self, promise: Promise) -> usize {
        self.promises.get(&promise).map_or(0, |tally| tally.broken)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "  {finding}")?;
        }
        writeln!(
            f,
            "{:<28}{:>8}{:>16}",
            "cut after", "rounds", "with a finding"
        )?;
        for (cut, tally) in &self.rounds {
            writeln!(f, "{cut:<28}{:>8}{:>16}", tally.checked, tally.broken)?;
        }
        for (promise, tally) in &self.promises {
            let held = tally.checked - tally.broken;
            writeln!(f, "{}: {held} of {}", promise.text(), tally.checked)?;
        }
        write!(
            f,
            "requests with a message that had arrived already: {}",
            self.repeated
        )
    }
}
