//! What was promised, and what was measured.

use background_sync_bench_report::{Goal, Line, median};

use crate::round::{Round, STEP, STEPS};

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

    /// The median rate in each step of the growth: the kiosk's and Chromium's.
    pub fn growth(&self) -> Vec<(f64, f64)> {
        (0..STEPS)
            .map(|step| self.both(|round| round.growth_per_s[step]))
            .collect()
    }

    /// One line for each promise, and some without.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = FIGURES.iter().map(|figure| self.line(figure)).collect();
        lines.push(self.flatness());
        lines
    }

    fn line(&self, figure: &Figure) -> Line {
        let (kiosk, chromium) = self.both(figure.of);
        let line = Line::new(figure.name, kiosk, figure.unit, Some(chromium), figure.goal)
            .note(figure.note);
        match line.met {
            true => line,
            false => self.with_floor(line),
        }
    }

    /// What is left of the rate when there are many tags.
    fn flatness(&self) -> Line {
        let (kiosk, chromium) =
            self.both(|round| round.growth_per_s[STEPS - 1] / round.growth_per_s[0]);
        Line::new(
            "rate of the eighth 1,000 / first",
            kiosk,
            "",
            None,
            Goal::ValueAtLeast(FLAT),
        )
        .note(format!("the kiosk's; Chromium's: {chromium:.2}"))
    }

    /// Says what stops a line that misses its goal.
    fn with_floor(&self, line: Line) -> Line {
        let commit_ms = self.commit_ms;
        let (echo_ms, _) = self.both(|round| round.echo_ms);
        let chromium = line.reference.unwrap_or(f64::NAN);
        let (flood_per_s, _) = self.both(|round| round.flood_per_s);
        let floor = match line.name {
            REGISTER | EVENT => format!(
                "the floor: a message to another thread and back {echo_ms:.3} ms, and one synchronized \
                 write {commit_ms:.3} ms: {:.2} of Chromium's time, which does not wait for the disk",
                (echo_ms + commit_ms) / chromium
            ),
            BURST | LAST_STEP => format!(
                "the floor: {flood_per_s:.0} messages per second to another thread and back, {:.1} \
                 times Chromium's rate",
                flood_per_s / chromium
            ),
            LAST_EVENT => {
                let flood_ms = (STEP * STEPS) as f64 / flood_per_s * 1e3;
                format!(
                    "the floor: as many messages to another thread and back, {flood_ms:.0} ms, {:.2} \
                     of Chromium's time",
                    flood_ms / chromium
                )
            }
            _ => return line,
        };
        line.note(floor)
    }
}

/// One thing that is measured in both browsers.
struct Figure {
    name: &'static str,
    unit: &'static str,
    goal: Goal,
    of: fn(&Round) -> f64,
    note: &'static str,
}

impl Figure {
    const fn new(
        name: &'static str,
        unit: &'static str,
        goal: Goal,
        of: fn(&Round) -> f64,
    ) -> Self {
        Self {
            name,
            unit,
            goal,
            of,
            note: "",
        }
    }

    const fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }
}

const FIGURES: [Figure; 13] = {
    const RATE: &str = "per second";
    const AT_MOST_HALF: Goal = Goal::RatioAtMost(0.5);
    [
        Figure::new(ECHO, "ms", Goal::None, |round| round.echo_ms)
            .note("what each engine needs for whatever a page asks of another thread"),
        Figure::new(FLOOD, RATE, Goal::None, |round| round.flood_per_s),
        Figure::new(REGISTER, "ms", AT_MOST_HALF, |round| round.register_ms),
        Figure::new(EVENT, "ms", AT_MOST_HALF, |round| round.event_ms),
        Figure::new(BURST, RATE, Goal::RatioAtLeast(10.0), |round| {
            round.burst_per_s
        }),
        Figure::new(BURST_EVENTS, "ms", Goal::None, |round| {
            round.burst_delivered_ms
        }),
        Figure::new(FIRST_STEP, RATE, Goal::None, |round| round.growth_per_s[0]),
        Figure::new(LAST_STEP, RATE, Goal::RatioAtLeast(100.0), |round| {
            round.growth_per_s[STEPS - 1]
        }),
        Figure::new(ONE_EVENT, "ms", Goal::None, |round| round.return_one_ms),
        Figure::new(FIRST_EVENT, "ms", Goal::None, |round| round.return_first_ms),
        Figure::new(LAST_EVENT, "ms", Goal::RatioAtMost(0.25), |round| {
            round.return_last_ms
        }),
        Figure::new(GROWTH, "MiB", Goal::RatioBelow(1.0), |round| {
            round.memory_growth / MIB
        }),
        Figure::new(MEMORY, "MiB", Goal::None, |round| round.memory_before / MIB)
            .note("all processes of each browser, with the page and its worker"),
    ]
};

const ECHO: &str = "message to the worker and back";
const FLOOD: &str = "8,000 such messages at once";
const BURST_EVENTS: &str = "500 at once, to the last event";
const FIRST_STEP: &str = "the first 1,000 tags";
const ONE_EVENT: &str = "online to the event of one tag";
const FIRST_EVENT: &str = "online to the first of 8,000";
const GROWTH: &str = "memory that 8,000 tags take";
const MEMORY: &str = "memory before that";
const REGISTER: &str = "register()";
const EVENT: &str = "register() to event";
const BURST: &str = "500 at once";
const LAST_STEP: &str = "the eighth 1,000 tags";
const LAST_EVENT: &str = "online to the last of 8,000";

const MIB: f64 = 1_048_576.0;
