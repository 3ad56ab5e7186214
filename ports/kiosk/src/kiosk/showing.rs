//! How events are shown.

use std::time::Instant;

use super::plan::Direction;
use crate::output::Output;
use crate::timeline::Timeline;

/// As whoever decides what happens reads them.
pub fn choose_output(direction: Direction, has_app: bool, start: Instant) -> Output {
    match (direction, has_app) {
        (Direction::SyncOnly, _) => Output::Silent,
        (Direction::Program, _) => Output::JsonLines {
            start,
            lines: String::new(),
        },
        (_, true) => Output::Timeline(Timeline::new(start)),
        (_, false) => Output::Plain,
    }
}
