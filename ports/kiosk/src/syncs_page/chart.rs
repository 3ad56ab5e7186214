//! The journal as a picture: one lane a registration, time from left to right. Shapes differ as colors do. The table below the
//! picture tells the same to whoever does not see it.

use std::fmt::Write as _;

use background_sync_core::{EventOutcome, JournalEntry, NextStep, SyncNotification};

use super::markup::{name, short_name};
use super::overview::{Facts, Overview};
use crate::sync_report::in_words::roughly;
use crate::sync_report::rows::Name;

/// Lanes: first what waits, then what has ended.
const MAX_LANES: usize = 12;

/// Marks of a lane. The newest ones are drawn.
const MAX_MARKS: usize = 200;

/// Height of a lane, in CSS pixels. The style sheet has it, too.
const LANE_PX: u32 = 30;

/// What the picture spans, in milliseconds: the smallest that has most of what is drawn.
const SPANS_MS: [u64; 11] = [
    60_000,
    2 * 60_000,
    5 * 60_000,
    15 * 60_000,
    60 * 60_000,
    3 * 60 * 60_000,
    6 * 60 * 60_000,
    24 * 60 * 60_000,
    3 * 24 * 60 * 60_000,
    7 * 24 * 60 * 60_000,
    30 * 24 * 60 * 60_000,
];

/// In so many steps the picture moves on by its whole span.
const STEPS: u64 = 100;

/// A narrower picture has room for half of the labels.
const WIDE_PX: u32 = 560;

/// Each has a contrast of 3 to 1 or more with the cards of both color schemes: an image knows none.
const ACCENT: &str = "#3b82c9";
const GOOD: &str = "#2f9a5f";
const WARN: &str = "#c27a1a";
const BAD: &str = "#d9534f";
const NEUTRAL: &str = "#84909c";

/// One registration's line.
struct Lane<'a> {
    name: Name,
    is_pending: bool,
    entries: Vec<&'a JournalEntry>,
}

/// The picture with its names and its scale. Nothing but a sentence if nothing has happened.
pub fn chart(facts: &Facts<'_>, overview: &Overview) -> String {
    let lanes = lanes(facts, overview);
    if lanes.is_empty() {
        return "<p class=\"empty\">Nothing has happened yet.</p>".to_owned();
    }
    let span_ms = span(facts, &lanes);
    let width = chart_width(facts.width_px);
    let parts: u32 = if width < WIDE_PX { 2 } else { 4 };
    let height = LANE_PX * u32::try_from(lanes.len()).unwrap_or(0);
    let scale = Scale {
        width: f64::from(width),
        span_ms,
        // The picture is drawn anew once it would differ visibly, not whenever the clock is looked at.
        now_ms: facts.now.0.next_multiple_of(span_ms / STEPS),
    };
    let mut html = String::from("<div class=\"chart\"><ol class=\"lanes\">");
    for lane in &lanes {
        let tag = lane.name.tag.to_string();
        let _ = write!(
            html,
            "<li title=\"{}\"><bdi>{}</bdi></li>",
            name(&tag),
            short_name(&tag)
        );
    }
    let _ = write!(
        html,
        "</ol><svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"What has happened in the last {span}, in {count} \
         lanes. The table of the latest events tells it in words.\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">",
        span = roughly(span_ms),
        count = lanes.len(),
    );
    for part in 0..=parts {
        let x = f64::from(width) * f64::from(part) / f64::from(parts);
        let _ = write!(
            html,
            "<path d=\"M{x:.1} 0V{height}\" stroke=\"{NEUTRAL}\" stroke-opacity=\"0.35\"/>"
        );
    }
    for (index, lane) in lanes.iter().enumerate() {
        let middle = LANE_PX * u32::try_from(index).unwrap_or(0) + LANE_PX / 2;
        draw(&mut html, lane, f64::from(middle), &scale);
    }
    let _ = write!(html, "</svg><ol class=\"scale in-{parts}\">");
    for part in 0..parts {
        let back_ms = span_ms * u64::from(parts - part) / u64::from(parts);
        let _ = write!(html, "<li>{} ago</li>", roughly(back_ms));
    }
    html.push_str("<li>now</li></ol></div>");
    legend(&mut html);
    html
}

/// Of the picture, in CSS pixels: what the style sheet leaves beside the names.
fn chart_width(window_px: u32) -> u32 {
    let (rem, beside) = match window_px {
        // What waits stands beside it, and a gap.
        1700.. => (20, 1_000 + 30),
        1200.. => (17, 0),
        _ => (15, 0),
    };
    let page = window_px.min(92 * rem);
    // The page's and the card's padding on both sides and the card's borders; then the names and their gap.
    let around = 2 * (3 * rem / 2) + 2 * (5 * rem / 4) + 2 + 8 * rem + rem;
    page.saturating_sub(beside + around).max(120)
}

fn lanes<'a>(facts: &Facts<'a>, overview: &Overview) -> Vec<Lane<'a>> {
    let lane = |name: Name, is_pending| Lane {
        name,
        is_pending,
        entries: Vec::new(),
    };
    let pending = overview.rows().take(MAX_LANES);
    let mut lanes: Vec<Lane<'a>> = pending.map(|row| lane(row.name.clone(), true)).collect();
    for entry in facts.journal.iter().rev() {
        let Some(name) = Name::of_entry(entry) else {
            continue;
        };
        let known = lanes.iter().position(|lane| lane.name == name);
        match known {
            Some(known) => lanes[known].entries.push(entry),
            None if lanes.len() < MAX_LANES => {
                let mut new = lane(name, false);
                new.entries.push(entry);
                lanes.push(new);
            }
            None => {}
        }
    }
    for lane in &mut lanes {
        lane.entries.truncate(MAX_MARKS);
        lane.entries.reverse();
    }
    lanes.retain(|lane| !lane.entries.is_empty());
    lanes
}

/// The smallest span with three quarters of what is drawn.
fn span(facts: &Facts<'_>, lanes: &[Lane<'_>]) -> u64 {
    let entries = lanes.iter().flat_map(|lane| &lane.entries);
    let ages = entries.map(|entry| facts.now.0.saturating_sub(entry.at.0));
    let mut ages: Vec<u64> = ages.collect();
    ages.sort_unstable();
    let most = ages.get(ages.len() * 3 / 4).or(ages.last()).copied();
    let wanted = most.unwrap_or(0);
    let longest = SPANS_MS[SPANS_MS.len() - 1];
    SPANS_MS
        .into_iter()
        .find(|&span| span >= wanted)
        .unwrap_or(longest)
}

struct Scale {
    width: f64,
    span_ms: u64,
    now_ms: u64,
}

impl Scale {
    /// `None`: too long ago.
    fn x(&self, at_ms: u64) -> Option<f64> {
        let age_ms = self.now_ms.saturating_sub(at_ms);
        (age_ms <= self.span_ms).then(|| self.place(age_ms))
    }

    /// What began earlier begins at the edge.
    fn x_or_edge(&self, at_ms: u64) -> f64 {
        self.x(at_ms).unwrap_or(0.0)
    }

    /// As whole marks fit.
    fn place(&self, age_ms: u64) -> f64 {
        let part = 1.0 - age_ms as f64 / self.span_ms as f64;
        (self.width * part).clamp(7.0, self.width - 7.0)
    }
}

/// What an entry is drawn as.
enum Mark {
    Stored,
    Sent,
    Failed,
    GivenUp,
    Dropped,
}

fn mark(what: &SyncNotification) -> Option<Mark> {
    match what {
        SyncNotification::Registered { .. } => Some(Mark::Stored),
        SyncNotification::Finished { outcome, next, .. } => Some(match (outcome, next) {
            (EventOutcome::Fulfilled, _) => Mark::Sent,
            (_, NextStep::Removed) => Mark::GivenUp,
            _ => Mark::Failed,
        }),
        SyncNotification::Removed { .. } => Some(Mark::Dropped),
        SyncNotification::Rejected { .. } | SyncNotification::StorageFailed { .. } => {
            Some(Mark::GivenUp)
        }
        _ => None,
    }
}

fn draw(html: &mut String, lane: &Lane<'_>, y: f64, scale: &Scale) {
    let (Some(first), Some(last)) = (lane.entries.first(), lane.entries.last()) else {
        return;
    };
    let begin = scale.x_or_edge(first.at.0);
    let end = match lane.is_pending {
        true => scale.width,
        false => scale.x_or_edge(last.at.0),
    };
    if end > begin {
        let _ = write!(
            html,
            "<path d=\"M{begin:.1} {y}H{end:.1}\" stroke=\"{NEUTRAL}\" stroke-width=\"2\"/>"
        );
    }
    draw_attempts(html, lane, y, scale);
    for entry in &lane.entries {
        if let (Some(mark), Some(x)) = (mark(&entry.what), scale.x(entry.at.0)) {
            shape(html, &mark, x, y);
        }
    }
}

/// While an event ran, the lane is thick.
fn draw_attempts(html: &mut String, lane: &Lane<'_>, y: f64, scale: &Scale) {
    let mut began = None;
    let mut segment = |from: f64, to: f64| {
        let _ = write!(
            html,
            "<path d=\"M{from:.1} {y}H{to:.1}\" stroke=\"{ACCENT}\" stroke-width=\"6\"/>"
        );
    };
    for entry in &lane.entries {
        match (&entry.what, began) {
            (SyncNotification::Dispatched { .. }, _) => began = scale.x(entry.at.0),
            (SyncNotification::Finished { .. }, Some(from)) => {
                segment(from, scale.x_or_edge(entry.at.0));
                began = None;
            }
            _ => {}
        }
    }
    if let (Some(from), true) = (began, lane.is_pending) {
        segment(from, scale.width);
    }
}

fn shape(html: &mut String, mark: &Mark, x: f64, y: f64) {
    let cross = |color| {
        format!(
            "<path d=\"M{:.1} {:.1}l9 9m0 -9l-9 9\" stroke=\"{color}\" stroke-width=\"3\"/>",
            x - 4.5,
            y - 4.5
        )
    };
    let shape = match mark {
        Mark::Stored => format!(
            "<circle cx=\"{x:.1}\" cy=\"{y}\" r=\"4.5\" fill=\"none\" stroke=\"{ACCENT}\" stroke-width=\"2.5\"/>"
        ),
        Mark::Sent => format!("<circle cx=\"{x:.1}\" cy=\"{y}\" r=\"6\" fill=\"{GOOD}\"/>"),
        Mark::Failed => format!(
            "<path d=\"M{x:.1} {:.1}l6 11h-12z\" fill=\"{WARN}\"/>",
            y - 6.0
        ),
        Mark::GivenUp => cross(BAD),
        Mark::Dropped => format!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"9\" height=\"9\" fill=\"{NEUTRAL}\"/>",
            x - 4.5,
            y - 4.5
        ),
    };
    html.push_str(&shape);
}

fn legend(html: &mut String) {
    html.push_str("<ul class=\"legend\">");
    for (mark, words) in [
        (Mark::Stored, "stored"),
        (Mark::Sent, "sent"),
        (Mark::Failed, "failed, tried again"),
        (Mark::GivenUp, "refused or given up"),
        (Mark::Dropped, "dropped"),
    ] {
        html.push_str("<li><svg xmlns=\"http://www.w3.org/2000/svg\" aria-hidden=\"true\" width=\"16\" height=\"16\" viewBox=\"0 0 16 16\">");
        shape(html, &mark, 8.0, 8.0);
        let _ = write!(html, "</svg> {words}</li>");
    }
    html.push_str("</ul>");
}

#[cfg(test)]
mod tests {
    use background_sync_core::{SyncApi, WallTime, WhyNotFired};

    use super::*;
    use crate::event::Network;
    use crate::syncs_page::overview::tests::waits;

    fn entry(tag: &str, at_ms: u64) -> JournalEntry {
        let info = waits("https://a.example", tag, 0, WhyNotFired::Offline);
        JournalEntry {
            sequence: at_ms,
            at: WallTime(at_ms),
            times: 1,
            what: SyncNotification::Registered {
                api: SyncApi::OneShot,
                scope: info.scope,
                tag: info.tag,
                duplicate: false,
            },
        }
    }

    fn drawn(journal: &[JournalEntry], now_ms: u64) -> String {
        let registrations = [waits("https://a.example", "<b>", 0, WhyNotFired::Offline)];
        let facts = Facts {
            registrations: &registrations,
            journal,
            network: Network::Up,
            now: WallTime(now_ms),
            width_px: 800,
        };
        chart(&facts, &Overview::new(&registrations))
    }

    #[test]
    fn lanes_and_marks_are_bounded_and_names_are_texts() {
        let mut journal: Vec<_> = (0..1_000).map(|at| entry("<b>", at)).collect();
        journal.extend((0..1_000).map(|at| entry(&format!("tag {at}"), 1_000 + at)));
        let html = drawn(&journal, 2_000);
        assert_eq!(html.matches("<bdi>").count(), MAX_LANES);
        assert!(
            html.contains("<bdi>&lt;b&gt;</bdi>") && !html.contains("<b>"),
            "{html}"
        );
        let circles = html.matches("<circle").count();
        assert!(circles <= MAX_LANES * MAX_MARKS, "{circles}");
    }

    #[test]
    fn the_span_has_most_of_what_has_happened() {
        let minute = 60_000;
        let journal: Vec<_> = [0, 90, 95, 99].map(|at| entry("<b>", at * minute)).into();
        assert!(
            drawn(&journal, 100 * minute).contains("<li>2 h ago</li>"),
            "3 h, in parts"
        );
        let html = drawn(&journal[1..], 100 * minute);
        assert!(html.contains("<li>15 min ago</li>"), "{html}");
        assert!(drawn(&[], 0).contains("Nothing has happened yet"));
    }
}
