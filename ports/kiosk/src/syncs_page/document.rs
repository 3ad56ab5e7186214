//! The document, whole and in the parts that are brought up to date.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use super::actions::{Actions, Offer, Work};
use super::markup::{address, name, sentence};
use super::overview::{Facts, Overview};
use super::{ADDRESS, CLOSING, cards, chart, journal};

/// Parts of the page by their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// What a person's last action came to.
    Notice,
    /// Whether there is a network.
    Network,
    /// The figures.
    Figures,
    /// What waits.
    Waiting,
    /// The picture.
    Timeline,
    /// The latest entries.
    Journal,
}

impl Part {
    /// In the document.
    pub fn id(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Network => "network",
            Self::Figures => "figures",
            Self::Waiting => "waiting",
            Self::Timeline => "timeline",
            Self::Journal => "journal",
        }
    }
}

/// The markup of each part.
pub type Parts = BTreeMap<Part, String>;

const STYLE: &str = include_str!("../../resources/syncs.css");

/// Brings parts of the page up to date. The kiosk runs it; the page itself may run nothing.
const UPDATE: &str = include_str!("../../resources/syncs-update.js");

/// The response's headers: nothing is loaded, run, framed or kept.
pub fn headers() -> [(&'static str, &'static str); 4] {
    [
        ("content-type", "text/html; charset=utf-8"),
        (
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
    ]
}

/// The parts as they are now. Links that are not there any more lead nowhere.
pub fn overview(facts: &Facts<'_>, notice: Option<&str>, actions: &mut Actions) -> Parts {
    let before = actions.begin();
    let overview = Overview::new(facts.registrations);
    Parts::from([
        (
            Part::Notice,
            notice
                .map(|it| sentence(it).to_string())
                .unwrap_or_default(),
        ),
        (Part::Network, cards::network(facts.network)),
        (Part::Figures, cards::figures(&overview)),
        (
            Part::Waiting,
            cards::waiting(facts, &overview, actions, &before),
        ),
        (Part::Timeline, chart::chart(facts, &overview)),
        (Part::Journal, journal::latest(facts)),
    ])
}

/// The document with these parts.
pub fn whole(parts: &Parts) -> String {
    let part = |part: Part| {
        let html = parts.get(&part).map_or("", String::as_str);
        format!("<div id=\"{}\">{html}</div>", part.id())
    };
    let main = format!(
        "<p id=\"notice\" role=\"status\">{notice}</p>{figures}<div class=\"columns\">\
         <section aria-labelledby=\"h-waiting\"><h2 id=\"h-waiting\">What waits</h2>{waiting}</section><div>\
         <section aria-labelledby=\"h-timeline\"><h2 id=\"h-timeline\">Timeline</h2>{timeline}</section>\
         <section aria-labelledby=\"h-journal\"><h2 id=\"h-journal\">Latest events</h2>{journal}</section></div></div>",
        notice = parts.get(&Part::Notice).map_or("", String::as_str),
        figures = part(Part::Figures),
        waiting = part(Part::Waiting),
        timeline = part(Part::Timeline),
        journal = part(Part::Journal),
    );
    let network = part(Part::Network);
    frame("Syncs", &network, &main)
}

/// The question whether something is to be done.
pub fn ask(work: &Work, facts: &Facts<'_>, actions: &mut Actions) -> String {
    let before = actions.begin();
    let link = actions.link(Offer::Do(work.clone()), &before);
    let (question, explanation, answer, class) = match work {
        Work::Send(it) => {
            let row = facts.registrations.iter();
            let mut row =
                row.filter(|row| row.api == it.api && row.scope == it.scope && row.tag == it.tag);
            let why = row
                .next()
                .map(|row| crate::sync_report::reason::of_running(row.api, &row.why));
            (
                format!("Send <bdi>{}</bdi> now?", name(&it.tag.to_string())),
                format!(
                    "{} Sending it now counts as a try.",
                    sentence(&why.map(|why| why.sentence).unwrap_or_default())
                ),
                "Send it now",
                "button strong",
            )
        }
        Work::Clear { origin } => {
            let waiting = facts.registrations.iter();
            let count = waiting
                .filter(|row| row.scope.origin.as_str() == origin)
                .count();
            (
                format!("Drop all {count} of <bdi>{}</bdi>?", address(origin)),
                "They are not sent any more, and can't be brought back. The journal notes it."
                    .to_owned(),
                "Drop them",
                "button strong danger",
            )
        }
    };
    let mut main = String::new();
    // Writing to a text never fails.
    let _ = write!(
        main,
        "<section class=\"question\" aria-labelledby=\"question\"><h2 id=\"question\">{question}</h2><p>{explanation}</p>\
         <p class=\"answers\"><a class=\"{class}\" href=\"{link}\">{answer}</a> <a class=\"button\" href=\"{ADDRESS}\" \
         autofocus>No, go back</a></p></section>",
    );
    frame("Syncs: are you sure?", "", &main)
}

fn frame(title: &str, beside: &str, main: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title><style>{STYLE}</style>\
         <body><header class=\"top\"><div><h1>Syncs</h1><p>What waits on this device to be sent</p></div>{beside}\
         <a class=\"button\" href=\"{CLOSING}\">Close</a></header><main>{main}</main></body></html>"
    )
}

/// A script that brings the page from `shown` to `parts`; `None`: it is as it is to be.
pub fn update_script(shown: &Parts, parts: &Parts) -> Option<String> {
    let changed: serde_json::Map<_, _> = parts
        .iter()
        .filter(|(part, html)| shown.get(part) != Some(html))
        .map(|(part, html)| (part.id().to_owned(), html.clone().into()))
        .collect();
    (!changed.is_empty()).then(|| format!("({UPDATE})({})", json!({"parts": changed})))
}
