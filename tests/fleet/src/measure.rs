//! Counts what the server gets.

use std::fmt;
use std::thread;

use anyhow::Result;
use background_sync_core::{Policy, ScopeKey};

use crate::device::{self, Observer};
use crate::scenario::Scenario;

/// What a fleet did under one policy. Times count from the moment the first device may be back.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Measured {
    /// Tags that were registered.
    pub tags: u64,
    /// Requests in each second.
    pub requests: Vec<u64>,
    /// Time from a device's reconnect to each delivery, in milliseconds, ascending.
    pub deliveries_ms: Vec<u32>,
}

impl Measured {
    /// Requests in the worst second.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.requests.iter().copied().max().unwrap_or(0)
    }

    /// The time within which this share of the tags was delivered, in seconds; infinite if it never
    /// was. Tags that were given up count as never.
    #[must_use]
    pub fn delivered_within_s(&self, share: f64) -> f64 {
        let wanted = (share * self.tags as f64).ceil() as usize;
        match self.deliveries_ms.get(wanted.saturating_sub(1)) {
            Some(&ms) => f64::from(ms) / 1_000.0,
            None => f64::INFINITY,
        }
    }

    /// The share of the tags that was delivered in the end.
    #[must_use]
    pub fn delivered(&self) -> f64 {
        self.deliveries_ms.len() as f64 / self.tags.max(1) as f64
    }

    fn absorb(&mut self, other: &Self) {
        self.tags += other.tags;
        let seconds = self.requests.len().max(other.requests.len());
        self.requests.resize(seconds, 0);
        for (sum, count) in self.requests.iter_mut().zip(&other.requests) {
            *sum += count;
        }
        self.deliveries_ms.extend(&other.deliveries_ms);
    }
}

/// Listens to one device after the other.
struct Counter {
    measured: Measured,
    back_at_ms: u64,
}

impl Observer for Counter {
    fn request(&mut self, at_ms: u64) {
        let second = (at_ms.saturating_sub(Scenario::OUTAGE_MS) / 1_000) as usize;
        let requests = &mut self.measured.requests;
        if requests.len() <= second {
            requests.resize(second + 1, 0);
        }
        requests[second] += 1;
    }

    fn delivered(&mut self, at_ms: u64) {
        let ms = at_ms.saturating_sub(self.back_at_ms);
        let ms = u32::try_from(ms).unwrap_or(u32::MAX);
        self.measured.deliveries_ms.push(ms);
    }
}

/// Plays a fleet under one policy, on all processors. The result does not depend on their number.
///
/// # Errors
/// None in practice: the fleet's scope is a valid one.
pub fn play(scenario: &Scenario, policy: &Policy) -> Result<Measured> {
    let scope = ScopeKey {
        origin: "https://app.example".try_into()?,
        scope: "https://app.example/".try_into()?,
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut measured = Measured::default();
    thread::scope(|threads_of_fleet| {
        let workers: Vec<_> = (0..threads)
            .map(|first| {
                let devices = (first as u32..scenario.devices).step_by(threads);
                let scope = &scope;
                threads_of_fleet.spawn(move || play_some(scenario, policy, scope, devices))
            })
            .collect();
        for worker in workers {
            match worker.join() {
                Ok(part) => measured.absorb(&part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    measured.deliveries_ms.sort_unstable();
    Ok(measured)
}

fn play_some(
    scenario: &Scenario,
    policy: &Policy,
    scope: &ScopeKey,
    devices: impl Iterator<Item = u32>,
) -> Measured {
    let mut counter = Counter {
        measured: Measured::default(),
        back_at_ms: 0,
    };
    for device in devices {
        let choices = scenario.choices_of(device);
        counter.back_at_ms = choices.back_at_ms;
        counter.measured.tags += choices.tags.len() as u64;
        device::play(&choices, policy, scope, &mut counter);
    }
    counter.measured
}

/// The policies side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// What was played.
    pub scenario: Scenario,
    /// Each policy's name and what came of it.
    pub runs: Vec<(&'static str, Measured)>,
}

impl Comparison {
    /// Plays all presets.
    ///
    /// # Errors
    /// As [`play`].
    pub fn of_presets(scenario: Scenario) -> Result<Self> {
        let runs = crate::presets().map(|(name, policy)| Ok((name, play(&scenario, &policy)?)));
        let runs = runs.into_iter().collect::<Result<_>>()?;
        Ok(Self { scenario, runs })
    }

    /// The run under the policy of this name.
    #[must_use]
    pub fn run(&self, name: &str) -> Option<&Measured> {
        let mut runs = self.runs.iter();
        runs.find(|(other, _)| *other == name).map(|(_, run)| run)
    }

    /// The peak under one policy as a part of the peak under another.
    #[must_use]
    pub fn peak_ratio(&self, name: &str, reference: &str) -> f64 {
        match (self.run(name), self.run(reference)) {
            (Some(run), Some(reference)) => run.peak() as f64 / reference.peak().max(1) as f64,
            _ => f64::NAN,
        }
    }
}

/// A table for people.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<10} {:>15} {:>12} {:>10} {:>10} {:>10}",
            "policy", "peak requests/s", "of chromium", "median s", "99 % s", "delivered"
        )?;
        for (name, run) in &self.runs {
            writeln!(
                f,
                "{name:<10} {:>15} {:>12.3} {:>10.1} {:>10.1} {:>8.2} %",
                run.peak(),
                self.peak_ratio(name, "chromium"),
                run.delivered_within_s(0.5),
                run.delivered_within_s(0.99),
                100.0 * run.delivered(),
            )?;
        }
        Ok(())
    }
}
