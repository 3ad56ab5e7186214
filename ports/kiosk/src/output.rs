//! Where events are shown.

use std::io::{self, Write};
use std::time::Instant;

use crate::event::Event;
use crate::timeline::Timeline;

/// Which events go to the control channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportedEvents {
    /// Every one.
    All,
    /// Not those of background sync.
    AllButSyncs,
}

/// How events are shown on standard output.
pub enum Output {
    /// What pages and workers write to their consoles, and alerts, as they are: for logs and for wptrunner.
    Plain,
    /// None: whoever has started the kiosk reads what it says at its end.
    Silent,
    /// Every event as a line of JSON, with `ms` since the start.
    JsonLines {
        /// When it was.
        start: Instant,
        /// Which events are shown.
        reported: ReportedEvents,
        /// Lines that are to be written. Thousands of events can come at once, and each write wakes whoever reads.
        lines: String,
    },
    /// The story for a person.
    Timeline(Timeline),
}

/// So many bytes of lines are written without waiting for more.
const MANY_BYTES: usize = 32 * 1024;

impl Output {
    /// Shows an event, if this kind of output shows such events: at the next [`Output::flush`] at the latest.
    pub fn show(&mut self, event: &Event) {
        match (self, event) {
            (Self::Plain, Event::Console(_, _, text)) => write(&format!("{text}\n")),
            (Self::Plain, Event::Alert(text)) => write(&format!("ALERT: {text}\n")),
            (Self::Silent | Self::Plain, _) => {}
            (
                Self::JsonLines {
                    reported: ReportedEvents::AllButSyncs,
                    ..
                },
                Event::Sync(_),
            ) => {}
            (Self::JsonLines { start, lines, .. }, event) => {
                let mut line = event.to_json();
                line["ms"] = u64::try_from(start.elapsed().as_millis())
                    .unwrap_or(u64::MAX)
                    .into();
                lines.push_str(&line.to_string());
                lines.push('\n');
                if lines.len() >= MANY_BYTES {
                    write(&std::mem::take(lines));
                }
            }
            (Self::Timeline(timeline), event) => timeline.tell(event),
        }
    }

    /// Writes what was held back.
    pub fn flush(&mut self) {
        if let Self::JsonLines { lines, .. } = self
            && !lines.is_empty()
        {
            write(lines);
            lines.clear();
        }
    }
}

/// One write for whole lines, so that those of other threads don't come between. Nobody reads a closed pipe.
fn write(lines: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout
        .write_all(lines.as_bytes())
        .and_then(|()| stdout.flush());
}
