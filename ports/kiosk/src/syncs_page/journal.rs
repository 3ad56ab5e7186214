//! The latest entries of the journal, as a table.

use std::fmt::Write as _;

use super::markup::{address, name, sentence};
use super::overview::Facts;
use crate::operator::text::moment;
use crate::sync_report::journal::JournalRow;

/// Entries that are shown. `kiosk syncs journal` shows all.
pub const MAX_ENTRIES: usize = 30;

/// The newest first.
pub fn latest(facts: &Facts<'_>) -> String {
    if facts.journal.is_empty() {
        return "<p class=\"empty\">Nothing has happened yet.</p>".to_owned();
    }
    let mut html = String::from(
        "<table class=\"journal\"><caption class=\"unseen\">What has happened, the newest first</caption><thead><tr>\
         <th scope=\"col\">When</th><th scope=\"col\">Name</th><th scope=\"col\">What happened</th></tr></thead><tbody>",
    );
    for entry in facts.journal.iter().rev().take(MAX_ENTRIES) {
        let row = JournalRow::new(entry);
        let whose = entry.what.scope().map(|scope| scope.origin.to_string());
        let again = match row.times {
            0 | 1 => String::new(),
            times => format!(" ({times} times)"),
        };
        // Writing to a text never fails.
        let _ = write!(
            html,
            "<tr><td class=\"when\">{when}</td><td title=\"{whose}\"><bdi>{what}</bdi></td><td>{told}{again}</td></tr>",
            when = shortly(row.at_ms, facts.now.0),
            whose = address(&whose.unwrap_or_default()),
            what = match entry.what.tag() {
                Some(_) => name(row.tag()).to_string(),
                None => String::new(),
            },
            told = sentence(&row.sentence),
        );
    }
    html.push_str("</tbody></table>");
    if facts.journal.len() > MAX_ENTRIES {
        html.push_str(
            "<p class=\"more\"><code>kiosk syncs journal</code> shows what was before.</p>",
        );
    }
    html
}

/// Without the day, if it is today.
fn shortly(at_ms: u64, now_ms: u64) -> String {
    let (at, now) = (moment(at_ms), moment(now_ms));
    match (at.split_once(' '), now.split_once(' ')) {
        (Some((day, time)), Some((today, _))) if day == today => time.to_owned(),
        _ => at,
    }
}
