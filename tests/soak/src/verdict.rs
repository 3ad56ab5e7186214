//! Whether a browser grows.

use background_sync_bench_report::median;

use crate::recording::{End, Recording};
use crate::sample::Sample;

/// Memory at the end of a phase, as a multiple of that after its first tenth.
const MOST_MEMORY_RATIO: f64 = 1.05;
/// Memory after a minute of idleness, as a multiple of that before the phase.
const MOST_IDLE_RATIO: f64 = 1.10;
/// Threads that may be more at the end than after the first tenth: those of pools come and go.
const SPARE_THREADS: f64 = 4.0;
/// The same of descriptors: connections come and go.
const SPARE_DESCRIPTORS: f64 = 8.0;
/// By how much the profile may be larger at the end, in bytes: databases take space in steps.
const SPARE_PROFILE_BYTES: f64 = 4.0 * 1024.0 * 1024.0;
/// Fewer readings than this have no first tenth.
const FEWEST_READINGS: usize = 20;

/// What matters of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// How much was done.
    pub operations: u32,
    /// Before the phase.
    pub start: Sample,
    /// After its first tenth: the medians of the tenth that follows, since single readings have garbage in them.
    pub tenth: Sample,
    /// At its end: the medians of its last tenth.
    pub end: Sample,
    /// After a minute in which nothing was done.
    pub idle: Option<Sample>,
    /// How much memory an operation leaves, in bytes.
    pub bytes_an_operation: f64,
}

impl Figures {
    /// Of a recording; none if it is too short.
    pub fn of(recording: &Recording) -> Option<Self> {
        let readings = &recording.readings;
        let tenth = readings.len() / 10;
        if readings.len() < FEWEST_READINGS {
            return None;
        }
        let early = readings.get(tenth..2 * tenth)?;
        let late = readings.get(readings.len() - tenth..)?;
        let (operations, _) = *readings.last()?;
        let (tenth, end) = (medians(early), medians(late));
        let between = mean_operations(late) - mean_operations(early);
        Some(Self {
            operations,
            start: recording.start,
            tenth,
            end,
            idle: recording.idle,
            bytes_an_operation: (end.memory_bytes - tenth.memory_bytes) / between,
        })
    }

    /// Memory at the end, as a multiple of that after the first tenth.
    pub fn memory_ratio(&self) -> f64 {
        self.end.memory_bytes / self.tenth.memory_bytes
    }

    /// Memory after a minute of idleness, as a multiple of that before the phase.
    pub fn idle_ratio(&self) -> Option<f64> {
        let idle = self.idle?;
        Some(idle.memory_bytes / self.start.memory_bytes)
    }

    /// The bounds that are broken, by name.
    fn broken(&self) -> Vec<&'static str> {
        let (tenth, end) = (&self.tenth, &self.end);
        let bounds = [
            ("memory", self.memory_ratio() <= MOST_MEMORY_RATIO),
            ("threads", end.threads <= tenth.threads + SPARE_THREADS),
            (
                "descriptors",
                end.descriptors <= tenth.descriptors + SPARE_DESCRIPTORS,
            ),
            (
                "profile",
                end.profile_bytes <= tenth.profile_bytes + SPARE_PROFILE_BYTES,
            ),
            (
                "idle",
                self.idle_ratio()
                    .is_some_and(|ratio| ratio <= MOST_IDLE_RATIO),
            ),
        ];
        let broken = bounds.into_iter().filter(|(_, is_kept)| !is_kept);
        broken.map(|(name, _)| name).collect()
    }
}

/// What is wrong with a recording, in words; nothing if it keeps every bound. A phase that was cut short by the time
/// that it was given is judged by what it did.
pub fn complaints(recording: &Recording) -> Vec<String> {
    let mut complaints = match &recording.end {
        End::Complete | End::OutOfTime => Vec::new(),
        End::TooMuchMemory => vec!["stopped: it took too much memory".to_owned()],
        End::Interrupted => vec!["interrupted".to_owned()],
        End::Failed(error) => vec![format!("failed: {error}")],
    };
    match Figures::of(recording) {
        Some(figures) => {
            let mut broken = figures.broken();
            // There is no figure for what was not waited for.
            broken.retain(|bound| *bound != "idle" || figures.idle.is_some());
            complaints.extend(broken.into_iter().map(str::to_owned));
        }
        None if complaints.is_empty() => complaints.push("too few readings".to_owned()),
        None => {}
    }
    complaints
}

fn medians(readings: &[(u32, Sample)]) -> Sample {
    let of = |pick: fn(&Sample) -> f64| {
        let mut values: Vec<f64> = readings.iter().map(|(_, sample)| pick(sample)).collect();
        median(&mut values)
    };
    Sample {
        memory_bytes: of(|sample| sample.memory_bytes),
        resident_bytes: of(|sample| sample.resident_bytes),
        threads: of(|sample| sample.threads),
        descriptors: of(|sample| sample.descriptors),
        profile_bytes: of(|sample| sample.profile_bytes),
    }
}

fn mean_operations(readings: &[(u32, Sample)]) -> f64 {
    let sum: f64 = readings.iter().map(|(done, _)| f64::from(*done)).sum();
    sum / readings.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Sample = Sample {
        memory_bytes: 100e6,
        resident_bytes: 200e6,
        threads: 40.0,
        descriptors: 20.0,
        profile_bytes: 2e6,
    };

    /// A hundred readings of ten operations each, where each reading adds this to the start.
    fn recording(step: Sample) -> Recording {
        let grown = |number: f64| Sample {
            memory_bytes: START.memory_bytes + number * step.memory_bytes,
            resident_bytes: START.resident_bytes,
            threads: START.threads + number * step.threads,
            descriptors: START.descriptors + number * step.descriptors,
            profile_bytes: START.profile_bytes + number * step.profile_bytes,
        };
        Recording {
            start: START,
            readings: (1..=100)
                .map(|number| (number * 10, grown(number.into())))
                .collect(),
            idle: Some(grown(100.0)),
            end: End::Complete,
        }
    }

    #[test]
    fn what_stays_as_it_is_keeps_every_bound() {
        assert_eq!(complaints(&recording(Sample::default())), [""; 0]);
    }

    #[test]
    fn growth_is_told_in_bytes_an_operation_and_breaks_the_bound_of_memory() {
        let leak = Sample {
            memory_bytes: 90_000.0,
            ..Sample::default()
        };
        let recording = recording(leak);
        let figures = Figures::of(&recording).expect("enough readings");
        assert!((figures.bytes_an_operation - 9_000.0).abs() < 1e-6);
        assert_eq!(figures.operations, 1_000);
        // 108.6 MB to 101.4 MB; idle, 109 MB to 100 MB.
        assert_eq!(complaints(&recording), ["memory"]);
    }

    #[test]
    fn one_high_reading_at_either_end_decides_nothing() {
        let mut recording = recording(Sample::default());
        for position in [12, 95] {
            recording.readings[position].1.memory_bytes *= 3.0;
        }
        assert_eq!(complaints(&recording), [""; 0]);
    }

    #[test]
    fn each_bound_is_broken_by_its_own_growth() {
        let none = Sample::default();
        for (step, bound) in [
            (
                Sample {
                    threads: 0.1,
                    ..none
                },
                "threads",
            ),
            (
                Sample {
                    descriptors: 0.2,
                    ..none
                },
                "descriptors",
            ),
            (
                Sample {
                    profile_bytes: 1e5,
                    ..none
                },
                "profile",
            ),
        ] {
            assert_eq!(complaints(&recording(step)), [bound]);
        }
        let mut kept = recording(none);
        kept.idle = Some(Sample {
            memory_bytes: 111e6,
            ..START
        });
        assert_eq!(complaints(&kept), ["idle"]);
    }

    #[test]
    fn what_ended_early_is_judged_by_what_there_is_and_says_why() {
        let mut short = recording(Sample::default());
        short.readings.truncate(30);
        short.idle = None;
        short.end = End::Interrupted;
        assert_eq!(complaints(&short), ["interrupted"]);
        short.readings.truncate(5);
        short.end = End::Failed("it is gone".to_owned());
        assert_eq!(complaints(&short), ["failed: it is gone"]);
        short.end = End::OutOfTime;
        assert_eq!(complaints(&short), ["too few readings"]);
    }
}
