//! How events are shown.

use super::plan::{Direction, PageChoice, Plan};
use crate::output::Output;
use crate::timeline::Timeline;

/// As whoever decides what happens reads them.
pub fn choose_output(plan: &Plan) -> Output {
    let start = plan.start;
    match (plan.direction, &plan.page) {
        (Direction::SyncOnly, _) => Output::Silent,
        (Direction::Program, _) => Output::JsonLines {
            start,
            reported: plan.reported_events,
            lines: String::new(),
        },
        (_, PageChoice::OutboxApp { .. }) => Output::Timeline(Timeline::new(start)),
        (_, PageChoice::Url(_)) => Output::Plain,
    }
}
