//! What was promised, and what was measured.

use background_sync_bench_report::{Goal, Line, median};

use crate::round::{AT_ONCE, Round, STEP, STEPS};

/// All rounds of both browsers, and what the disk needed meanwhile.
pub struct Measured {
    /// The kiosk's.
    pub kiosk: Vec<Round>,
    /// Chromium's.
    pub chromium: Vec<Round>,
    /// A synchronized write of 4 KiB, in milliseconds.
    pub commit_ms: f64,
}

/// How far the rate may fall from the first thousand tags to the eighth to be called flat.
const FLAT: f64 = 0.8;

impl Measured {
    /// The middle of the rounds, of both.
    fn both(&self, figure: impl Fn(&Round) -> f64) -> (f64, f64) {
        let middle =
            |rounds: &[Round]| median(&mut rounds.iter().map(&figure).collect::<Vec<f64>>());
        (middle(&self.kiosk), middle(&self.chromium))
    }

    fn line(
        &self,
        name: &'static str,
        unit: &'static str,
        goal: Goal,
        figure: impl Fn(&Round) -> f64,
    ) -> Line {
        let (kiosk, chromium) = self.both(figure);
        Line::new(name, kiosk, unit, Some(chromium), goal)
    }

    /// The median rate in each step of the growth: the kiosk's and Chromium's.
    pub fn growth(&self) -> Vec<(f64, f64)> {
        (0..STEPS)
            .map(|step| self.both(|round| round.growth_per_s[step]))
            .collect()
    }

    /// One line for each promise, and some without.
    pub fn lines(&self) -> Vec<Line> {
        let last = STEPS - 1;
        let steepness = |rounds: &[Round]| -> f64 {
            let each = rounds
                .iter()
                .map(|round| round.growth_per_s[last] / round.growth_per_s[0]);
            median(&mut each.collect::<Vec<f64>>())
        };
        let echo = self.both(|round| round.echo_ms);
        let lines = vec![
            self.line(
                "message to the worker and back",
                "ms",
                Goal::None,
                |round| round.echo_ms,
            )
            .note("the floor that each engine sets for whatever a page asks of another thread"),
            self.line("register()", "ms", Goal::RatioAtMost(0.5), |round| {
                round.register_ms
            }),
            self.line(
                "register() to event",
                "ms",
                Goal::RatioAtMost(0.5),
                |round| round.event_ms,
            ),
            self.line(
                "500 at once",
                "per second",
                Goal::RatioAtLeast(10.0),
                |round| round.burst_per_s,
            ),
            self.line(
                "500 at once, to the last event",
                "ms",
                Goal::None,
                |round| round.burst_delivered_ms,
            ),
            self.line("the first 1,000 tags", "per second", Goal::None, |round| {
                round.growth_per_s[0]
            }),
            self.line(
                "the eighth 1,000 tags",
                "per second",
                Goal::RatioAtLeast(100.0),
                |round| round.growth_per_s[last],
            ),
            Line::new(
                "eighth 1,000 / first, in the kiosk",
                steepness(&self.kiosk),
                "",
                None,
                Goal::ValueAtLeast(FLAT),
            )
            .note(format!("in Chromium: {:.2}", steepness(&self.chromium))),
            self.line(
                "online to the event of one tag",
                "ms",
                Goal::None,
                |round| round.return_one_ms,
            ),
            self.line("online to the first of 8,000", "ms", Goal::None, |round| {
                round.return_first_ms
            }),
            self.line(
                "online to the last of 8,000",
                "ms",
                Goal::RatioAtMost(0.25),
                |round| round.return_last_ms,
            ),
            self.line(
                "memory that 8,000 tags take",
                "MiB",
                Goal::RatioBelow(1.0),
                |round| round.memory_growth / MIB,
            ),
            self.line("memory before that", "MiB", Goal::None, |round| {
                round.memory_before / MIB
            })
            .note("all processes of each browser, with the page and its worker"),
        ];
        lines
            .into_iter()
            .map(|line| match line.met {
                true => line,
                false => self.with_floor(line, echo.0),
            })
            .collect()
    }

    /// Says what stops a line that misses its goal.
    fn with_floor(&self, line: Line, echo_ms: f64) -> Line {
        let commit_ms = self.commit_ms;
        let chromium = line.reference.unwrap_or(f64::NAN);
        let floor = match line.name {
            "register()" | "register() to event" => format!(
                "the floor: a message to another thread and back {echo_ms:.3} ms, and one synchronized \
                 write {commit_ms:.3} ms, {:.2} of Chromium's time, which does not wait for the disk",
                (echo_ms + commit_ms) / chromium
            ),
            "500 at once" | "the eighth 1,000 tags" => {
                let (kiosk, _) = self.both(|round| round.burst_per_s);
                format!(
                    "{kiosk:.0} per second where {AT_ONCE} are asked for at once, and {STEP} at once here"
                )
            }
            _ => return line,
        };
        line.note(floor)
    }
}

const MIB: f64 = 1_048_576.0;
