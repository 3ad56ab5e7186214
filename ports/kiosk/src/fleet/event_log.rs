//! One line for each thing that happened, on standard error: for systemd's journal where that reads it, else for a terminal.
//!
//! These lines are the kiosk's own. What the engine logs is the engine's matter: `RUST_LOG` chooses it, and nothing else.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use log::{Level, LevelFilter, Log, Metadata, Record};

/// Lines that are written in one [`WINDOW`]. A page can make any number of things happen.
const MAX_LINES: u32 = 1_000;

/// How long [`MAX_LINES`] are for.
const WINDOW: Duration = Duration::from_secs(30);

/// Writes lines.
pub struct EventLog {
    reader: Reader,
    level: LevelFilter,
    window: Mutex<Window>,
}

/// Who reads standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    /// systemd's journal.
    Journal,
    /// A person, or a file.
    Person,
}

struct Window {
    start: Instant,
    lines: u32,
}

impl EventLog {
    /// As configured; by default all that is worth a line, if the journal or a person reads it.
    pub fn new(configured: Option<LevelFilter>, is_for_a_person: bool) -> Self {
        let reader = match is_connected_to_journal() {
            true => Reader::Journal,
            false => Reader::Person,
        };
        let default = match is_for_a_person || reader == Reader::Journal {
            true => LevelFilter::Info,
            false => LevelFilter::Off,
        };
        Self {
            reader,
            level: configured.unwrap_or(default),
            window: Mutex::new(Window {
                start: Instant::now(),
                lines: 0,
            }),
        }
    }

    /// Whether nothing is written.
    pub fn is_off(&self) -> bool {
        self.level == LevelFilter::Off
    }

    /// Writes a line, if lines of this importance are wanted.
    pub fn say(&self, level: Level, target: &str, line: &str) {
        self.log(
            &Record::builder()
                .level(level)
                .target(target)
                .args(format_args!("{line}"))
                .build(),
        );
    }
}

impl Log for EventLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.level
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = window.admit(
            Instant::now(),
            || line(self.reader, record),
            |left_out| {
                let text = format_args!("{left_out} lines were left out");
                let record = Record::builder()
                    .level(Level::Warn)
                    .target("log")
                    .args(text)
                    .build();
                line(self.reader, &record)
            },
        );
        // In one write, so that those of other threads don't come between. Nobody may read it.
        let _ = io::stderr().write_all(lines.as_bytes());
    }

    fn flush(&self) {}
}

impl Window {
    /// What is to be written: nothing, a line, or before it how many were left out.
    fn admit(
        &mut self,
        now: Instant,
        line: impl FnOnce() -> String,
        tell_left_out: impl FnOnce(u32) -> String,
    ) -> String {
        let mut lines = String::new();
        if now.duration_since(self.start) >= WINDOW {
            if self.lines > MAX_LINES {
                lines = tell_left_out(self.lines - MAX_LINES);
            }
            (self.start, self.lines) = (now, 0);
        }
        self.lines = self.lines.saturating_add(1);
        if self.lines <= MAX_LINES {
            lines.push_str(&line());
        }
        lines
    }
}

fn line(reader: Reader, record: &Record<'_>) -> String {
    let (target, text) = (record.target(), record.args());
    match reader {
        // sd-daemon(3): the journal takes the number as the line's priority, and knows who has written it.
        Reader::Journal => format!("<{}>{target}: {text}\n", priority(record.level())),
        Reader::Person => format!("kiosk: {target}: {text}\n"),
    }
}

/// As syslog(3) counts.
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// As systemd.exec(5) has programs find out: `JOURNAL_STREAM` names the device and the inode.
fn is_connected_to_journal() -> bool {
    let Ok(named) = env::var("JOURNAL_STREAM") else {
        return false;
    };
    let own = fs::metadata("/proc/self/fd/2").map(|it| format!("{}:{}", it.dev(), it.ino()));
    own.is_ok_and(|own| own == named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record_line(reader: Reader, level: Level) -> String {
        let text = format_args!("it fires");
        line(
            reader,
            &Record::builder()
                .level(level)
                .target("sync")
                .args(text)
                .build(),
        )
    }

    #[test]
    fn lines() {
        assert_eq!(
            record_line(Reader::Journal, Level::Error),
            "<3>sync: it fires\n"
        );
        assert_eq!(
            record_line(Reader::Journal, Level::Info),
            "<6>sync: it fires\n"
        );
        assert_eq!(
            record_line(Reader::Person, Level::Warn),
            "kiosk: sync: it fires\n"
        );
    }

    #[test]
    fn lines_are_limited() {
        let start = Instant::now();
        let mut window = Window { start, lines: 0 };
        let mut admit =
            |now| window.admit(now, || "line\n".to_owned(), |count| format!("{count}\n"));
        for _ in 0..MAX_LINES {
            assert_eq!(admit(start), "line\n");
        }
        assert_eq!(admit(start), "");
        assert_eq!(admit(start), "");
        assert_eq!(admit(start + WINDOW), "2\nline\n");
        assert_eq!(admit(start + WINDOW), "line\n");
    }
}
