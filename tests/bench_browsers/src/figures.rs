//! What is measured in both browsers.

use background_sync_bench_report::Goal;

use crate::round::Round;
use crate::scale::STEPS;

/// One thing that is measured in both browsers.
pub struct Figure {
    /// What it is called.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// What was promised of the kiosk's beside Chromium's.
    pub goal: Goal,
    /// Where it is in a round.
    pub of: fn(&Round) -> f64,
    /// What has to be said of it.
    pub note: &'static str,
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

/// In the order of the table.
pub const FIGURES: [Figure; 16] = {
    const RATE: &str = "per second";
    const AT_MOST: Goal = Goal::RatioAtMost(0.6);
    const AFTER_ABSENCE: Goal = Goal::RatioAtMost(0.7);
    [
        Figure::new(ECHO, "ms", Goal::None, |round| round.calls.echo_ms)
            .note("no floor of register(): scripts run at both ends, and what they send is cloned"),
        Figure::new(FLOOD, RATE, Goal::None, |round| round.calls.flood_per_s),
        Figure::new(ASK, "ms", Goal::None, |round| round.calls.ask_ms).note(
            "register() without the look at the page's state and without the store: to whoever keeps the tags, and back",
        ),
        Figure::new(ASKS, RATE, Goal::None, |round| round.calls.asks_per_s),
        Figure::new(REGISTER, "ms", AT_MOST, |round| round.calls.register_ms),
        Figure::new(EVENT, "ms", AT_MOST, |round| round.calls.event_ms),
        Figure::new(BURST, RATE, Goal::RatioAtLeast(10.0), |round| {
            round.calls.burst_per_s
        }),
        Figure::new(BURST_EVENTS, "ms", Goal::None, |round| {
            round.calls.burst_delivered_ms
        }),
        Figure::new(FIRST_STEP, RATE, Goal::None, |round| round.growth_per_s[0]),
        Figure::new(LAST_STEP, RATE, Goal::RatioAtLeast(100.0), |round| {
            round.growth_per_s[STEPS - 1]
        }),
        Figure::new(ONE_EVENT, "ms", AFTER_ABSENCE, |round| round.calls.return_one_ms),
        Figure::new(FIRST_EVENT, "ms", AFTER_ABSENCE, |round| {
            round.return_first_ms
        }),
        Figure::new(LAST_EVENT, "ms", Goal::RatioAtMost(0.3), |round| {
            round.return_last_ms
        }),
        Figure::new(WITH, "MiB", Goal::RatioBelow(1.0), |round| {
            round.memory_with.all_bytes / MIB
        })
        .note(
            "all processes of each browser, with the page and its worker, without pages of files: what a device that \
             keeps the tags must have. The goal is for that, because what the tags alone take is less than what \
             Chromium's other processes free meanwhile",
        ),
        Figure::new(GROWTH, "MiB", Goal::RatioAtMost(0.5), |round| {
            round.tags_bytes / MIB
        })
        .note(
            "of the process that keeps them, Chromium's first one and the kiosk's only one, started with them and without, \
             and without a page",
        ),
        Figure::new(MEMORY, "MiB", Goal::None, |round| {
            round.memory_before.all_bytes / MIB
        }),
    ]
};

pub const ECHO: &str = "message to the worker and back";
pub const FLOOD: &str = "8,000 such messages at once";
pub const ASK: &str = "getTags() without tags";
pub const ASKS: &str = "1,000 such calls at once";
pub const BURST_EVENTS: &str = "500 at once, to the last event";
pub const FIRST_STEP: &str = "the first 1,000 tags";
pub const ONE_EVENT: &str = "online to the event of one tag";
pub const FIRST_EVENT: &str = "online to the first of 8,000";
pub const WITH: &str = "memory with 8,000 tags";
pub const GROWTH: &str = "memory that 8,000 tags take";
pub const MEMORY: &str = "memory before that";
pub const REGISTER: &str = "register()";
pub const EVENT: &str = "register() to event";
pub const BURST: &str = "500 at once";
pub const LAST_STEP: &str = "the eighth 1,000 tags";
pub const LAST_EVENT: &str = "online to the last of 8,000";

/// In bytes.
pub const MIB: f64 = 1_048_576.0;
