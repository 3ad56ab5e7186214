//! How events are shown.

use super::plan::{Direction, Plan};
use crate::output::Output;
use crate::timeline::Timeline;

/// As whoever decides what happens reads them.
pub fn choose_output(plan: &Plan, has_app: bool) -> Output {
    let start = plan.start;
    match (plan.direction, has_app) {
        (Direction::SyncOnly, _) => Output::Silent,
        (Direction::Program, _) => Output::JsonLines {
            start,
            reported: plan.reported_events,
            lines: String::new(),
        },
        (_, true) => Output::Timeline(Timeline::new(start)),
        (_, false) => Output::Plain,
    }
}
