//! Going online with much to do.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use background_sync::{Connectivity, Durability};
use background_sync_core::RegistrationState;

use crate::browser::Browser;
use crate::fill::{Filling, fill};
use crate::raw;
use crate::report::{Goal, Line, median};

const EVENTS: usize = 10_000;
const ORIGINS: usize = 100;
const ROUNDS: usize = 5;

/// From the network's return until the workers have the last event, against sending as many events.
pub fn line(folder: &Path) -> Result<Line> {
    let (mut values, mut references, mut firsts) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let folder = folder.join(format!("dispatch-{round}"));
        let filling = Filling {
            registrations: EVENTS,
            origins: ORIGINS,
            state: RegistrationState::Pending,
        };
        fill(&folder, filling)?;
        let browser = Browser::start(Some(&folder), Durability::Strict)?;
        // An answer means that everything is loaded.
        browser.page(0)?.tags()?;
        let start = Instant::now();
        let control = browser.manager.control();
        control.report_connectivity(Connectivity::Online);
        let mut events = Vec::with_capacity(EVENTS);
        for _ in 0..EVENTS {
            events.push(browser.events.recv().context("an event is missing")?);
            if events.len() == 1 {
                firsts.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
        values.push(start.elapsed().as_secs_f64() * 1e3);
        browser.shutdown();
        references.push(raw::send_events(events)? * 1e3);
    }
    let (value, reference) = (median(&mut values), median(&mut references));
    let goal = Goal::RatioAtMost(3.0);
    let line = Line::new(
        "10,000 events of 100 origins, online",
        value,
        "ms",
        Some(reference),
        goal,
    );
    Ok(line.note(format!(
        "raw ipc sends of the same events; each attempt is durable before its event; the first \
         arrives after {:.0} ms",
        median(&mut firsts)
    )))
}
