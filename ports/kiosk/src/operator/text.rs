//! Text for a terminal: nothing in it steers the terminal but our own colors, and it fits.

use std::io::Write;

use chrono::{Local, TimeZone};
use console::{Term, measure_text_width};

use crate::failure::Failure;

/// How answers are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Columns of the terminal; `None`: standard output is none, and whoever reads it wants all of it.
pub fn terminal_columns() -> Option<usize> {
    Term::stdout()
        .size_checked()
        .map(|(_, columns)| usize::from(columns))
}

/// Writes a line to standard output; without colors, where that is no terminal or `NO_COLOR` is set. Returns whether anybody
/// still reads there.
pub fn put(line: &str) -> bool {
    let mut stdout = anstream::stdout();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .is_ok()
}

/// What an app has chosen may be anything: what would steer a terminal, or turn the direction of what follows, is shown as an
/// escape instead.
pub fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        match steers(character) {
            true => printable.extend(character.escape_unicode()),
            false => printable.push(character),
        }
    }
    printable
}

fn steers(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}'
        )
}

/// Breaks a text into lines of so many columns, between words.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if measure_text_width(line) + 1 + measure_text_width(word) <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A moment, as the clock on the device's wall shows it.
pub fn moment(at_ms: u64) -> String {
    let at = i64::try_from(at_ms)
        .ok()
        .and_then(|at_ms| Local.timestamp_millis_opt(at_ms).single());
    at.map_or_else(
        || "at an unknown time".to_owned(),
        |at| at.format("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// The kiosk at the other end is of another version.
pub fn not_understood() -> Failure {
    Failure::unsuccessful(format!(
        "the running kiosk's answer can't be understood: it is of another version than this command, {}; restart it",
        env!("CARGO_PKG_VERSION")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_steers_no_terminal() {
        assert_eq!(printable("Grüße ☕"), "Grüße ☕");
        assert_eq!(
            printable("a\u{1b}[2Jb\n\u{202e}c"),
            r"a\u{1b}[2Jb\u{a}\u{202e}c"
        );
    }

    #[test]
    fn words_are_not_broken() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("incomprehensible", 4), ["incomprehensible"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
