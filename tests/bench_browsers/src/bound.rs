//! What a figure is held against to explain why it misses its goal.

use background_sync_bench_report::{Goal, Line, number};

/// How much a bound proves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum BoundKind {
    /// Each part of it is a part of the thing itself.
    Floor,
    /// It is like the thing, and it is not a part of it.
    Yardstick,
}

/// What a figure is held against to explain why it misses its goal.
pub struct Bound {
    /// How much it proves.
    pub kind: BoundKind,
    /// In the figure's unit.
    pub value: f64,
    /// What it is made of.
    pub what: String,
}

impl Bound {
    /// Whether it explains that this line misses its goal; nothing if there is nothing to compare with.
    pub fn verdict(&self, line: &Line) -> Option<String> {
        let alone = Line::new(
            line.name,
            self.value,
            line.unit,
            line.reference,
            line.promise,
        );
        let ratio = alone.ratio?;
        let kind = match self.kind {
            BoundKind::Floor => "the floor",
            BoundKind::Yardstick => "a yardstick",
        };
        let verdict = match (self.kind, alone.met) {
            (BoundKind::Floor, _) if self.is_worse_than(line) => {
                "the figure is better, so the machine was not quiet and this proves nothing"
                    .to_owned()
            }
            (_, true) => match part_of_goal(line.promise, ratio) {
                Some(part) => format!("that is {:.0} % of what the goal allows", part * 100.0),
                None => "it does not explain the miss".to_owned(),
            },
            (BoundKind::Floor, false) => "it explains the miss".to_owned(),
            (BoundKind::Yardstick, false) => "it misses the goal, too".to_owned(),
        };
        Some(format!(
            "{kind}, {}: {} {}, {} times Chromium's; {verdict}",
            self.what,
            number(self.value),
            line.unit,
            number(ratio)
        ))
    }

    fn is_worse_than(&self, line: &Line) -> bool {
        match line.promise {
            Goal::RatioAtLeast(_) | Goal::ValueAtLeast(_) => self.value < line.value,
            Goal::RatioAtMost(_) | Goal::RatioBelow(_) | Goal::ValueAtMost(_) => {
                self.value > line.value
            }
            Goal::None => false,
        }
    }
}

/// How much of what a goal allows is gone with something of this ratio.
fn part_of_goal(goal: Goal, ratio: f64) -> Option<f64> {
    match goal {
        Goal::RatioAtMost(most) | Goal::RatioBelow(most) => Some(ratio / most),
        Goal::RatioAtLeast(least) => Some(least / ratio),
        Goal::ValueAtLeast(_) | Goal::ValueAtMost(_) | Goal::None => None,
    }
}
