//! Where events are shown.

use std::io::{self, Write};
use std::time::Instant;

use crate::event::Event;
use crate::timeline::Timeline;

/// How events are shown on standard output.
pub enum Output {
    /// What pages and workers write to their consoles, and alerts, as they are: for logs and for wptrunner.
    Plain,
    /// Every event as a line of JSON, with `ms` since the start.
    JsonLines {
        /// When it was.
        start: Instant,
    },
    /// The story for a person.
    Timeline(Timeline),
}

impl Output {
    /// Shows an event, if this kind of output shows such events.
    pub fn show(&self, event: &Event) {
        let line = match (self, event) {
            (Self::Plain, Event::Console(_, _, text)) => text.clone(),
            (Self::Plain, Event::Alert(text)) => format!("ALERT: {text}"),
            (Self::Plain, Event::Crashed(reason)) => {
                eprintln!("kiosk: a page crashed: {reason}");
                return;
            }
            (Self::Plain, Event::Screenshot(.., Err(reason))) => {
                eprintln!("kiosk: {reason}");
                return;
            }
            (Self::Plain, _) => return,
            (Self::JsonLines { start }, event) => {
                let mut line = event.to_json();
                line["ms"] = u64::try_from(start.elapsed().as_millis())
                    .unwrap_or(u64::MAX)
                    .into();
                line.to_string()
            }
            (Self::Timeline(timeline), event) => return timeline.tell(event),
        };
        // One write a line, so that lines of other threads don't come between. Nobody reads a closed pipe.
        let mut stdout = io::stdout().lock();
        let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    }
}
