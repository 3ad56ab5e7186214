//! The upper half of the page: how much there is, and what waits for what.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::actions::{Actions, Offer, Work};
use super::markup::{address, name, sentence};
use super::overview::{App, Facts, Overview, Row, Scope};
use crate::event::Network;
use crate::sync_report::in_words::{ago, ahead};

/// Whether there is a network, as a word with a color.
pub fn network(network: Network) -> String {
    let (class, words) = match network {
        Network::Up => ("good", "Network: connected"),
        Network::Cut => ("warn", "Network: cut by hand"),
        Network::Absent => ("warn", "Network: none"),
    };
    format!("<span class=\"pill {class}\">{words}</span>")
}

/// The figures.
pub fn figures(overview: &Overview) -> String {
    let counts = overview.counts;
    let waiting = counts.all - counts.sending - counts.blocked;
    let mut html = String::from("<ul class=\"figures\">");
    for (class, figure, words) in [
        ("calm", waiting, "waiting"),
        ("busy", counts.sending, "being sent"),
        ("bad", counts.blocked, "blocked"),
    ] {
        let class = if figure == 0 { "none" } else { class };
        // Writing to a text never fails.
        let _ = write!(html, "<li class=\"{class}\"><b>{figure}</b> {words}</li>");
    }
    let next = match overview.next_ms {
        Some(in_ms) => ahead(in_ms),
        None => "nothing is due".to_owned(),
    };
    let _ = write!(
        html,
        "<li class=\"next\"><b>{next}</b> next by itself</li></ul>"
    );
    html
}

/// What waits, by origin and scope.
pub fn waiting(
    facts: &Facts<'_>,
    overview: &Overview,
    actions: &mut Actions,
    before: &HashMap<String, Offer>,
) -> String {
    if overview.apps.is_empty() {
        return "<p class=\"empty\">Nothing waits to be sent.</p>".to_owned();
    }
    let mut html = String::new();
    for app in &overview.apps {
        let clear = actions.link(
            Offer::Ask(Work::Clear {
                origin: app.origin.clone(),
            }),
            before,
        );
        let _ = write!(
            html,
            "<article class=\"app\"><header><h3><bdi>{origin}</bdi> <small>{count}</small></h3>\
             <a class=\"button quiet\" href=\"{clear}\">Drop all<span class=\"unseen\"> of {origin}</span></a></header>",
            origin = address(&app.origin),
            count = how_many(app),
        );
        for scope in &app.scopes {
            table(&mut html, scope, facts, actions, before);
        }
        html.push_str("</article>");
    }
    if overview.left_out > 0 {
        let _ = write!(
            html,
            "<p class=\"more\">{} more are not shown here. <code>kiosk syncs list</code> shows all.</p>",
            overview.left_out
        );
    }
    html
}

fn how_many(app: &App) -> String {
    let shown: usize = app.scopes.iter().map(|scope| scope.rows.len()).sum();
    match app.count {
        count if count > shown => format!("{shown} of {count}"),
        count => count.to_string(),
    }
}

fn table(
    html: &mut String,
    scope: &Scope,
    facts: &Facts<'_>,
    actions: &mut Actions,
    before: &HashMap<String, Offer>,
) {
    let _ = write!(
        html,
        "<table><caption>Scope <bdi>{}</bdi></caption><thead><tr><th scope=\"col\">Name</th>\
         <th scope=\"col\">State</th><th scope=\"col\">Tries</th><th scope=\"col\">Next</th>\
         <th scope=\"col\"><span class=\"unseen\">Action</span></th></tr></thead><tbody>",
        address(&scope.scope)
    );
    for row in &scope.rows {
        line(html, row, facts, actions, before);
    }
    html.push_str("</tbody></table>");
}

fn line(
    html: &mut String,
    row: &Row,
    facts: &Facts<'_>,
    actions: &mut Actions,
    before: &HashMap<String, Offer>,
) {
    let told = &row.told;
    let send = actions.link(Offer::Ask(Work::Send(row.name.clone())), before);
    let next = told.why.in_ms.map_or_else(|| "–".to_owned(), ahead);
    let _ = write!(
        html,
        "<tr><th scope=\"row\"><bdi>{name}</bdi><p>{why}</p><small>{api}, {state}, stored {stored}</small></th>\
         <td><span class=\"pill {class}\">{word}</span></td><td class=\"figure\">{attempts}</td><td>{next}</td>\
         <td><a class=\"button\" href=\"{send}\">Send<span class=\"unseen\"> {name}</span></a></td></tr>",
        name = name(&told.tag),
        why = sentence(&told.why.sentence),
        api = told.api,
        state = told.state,
        stored = ago(told.registered_at_ms, facts.now.0),
        class = row.standing.class(),
        word = row.standing.word(),
        attempts = told.attempts,
    );
}
