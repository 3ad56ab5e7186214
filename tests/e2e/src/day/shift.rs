//! The first part: one process, all hours, no accident.

use std::fs::File;
use std::path::Path;

use super::app::{self, Promise};
use super::figures::Figures;
use super::plan::Day;
use super::report::Report;
use super::server::{Fault, Server};
use crate::Kiosk;

/// After so long without input, the visitor has left.
const IDLE_RESET_S: u32 = 1;
/// One visitor of so many finds no network: it returns only when the visitor has left.
const OFFLINE_EVERY: u32 = 5;
/// After so many visitors, the server ends what it has left without an answer.
const HANG_UP_EVERY: usize = 10;
/// The server fails at the messages of one visitor of so many.
const FAULT_EVERY: u32 = 3;

/// Plays it.
pub fn run(day: &Day, folder: &Path, report: &mut Report) {
    let mut lots = fastrand::Rng::with_seed(day.seed);
    let server = Server::start();
    let (profile, log) = (folder.join("shift"), folder.join("shift.log"));
    let file = File::create(&log).expect("a writable folder");
    let mut kiosk = app::open(&server, app::device(&profile, file, IDLE_RESET_S));
    let mut early = Vec::new();
    for visitor in 0..day.early_visitors {
        let message = format!("early-{visitor}");
        if receive(&mut kiosk, &message, false) == Promise::Given {
            early.push(message);
        }
        kiosk.forget_events();
    }
    let missing = server.wait_for(&early);
    report.note_messages("the morning", early.len(), &missing);
    for hour in 0..day.hours {
        let mut messages = Vec::new();
        let is_read = day.is_read_after(hour);
        for visitor in 0..day.visitors_an_hour {
            let message = format!("hour-{hour}-visitor-{visitor}");
            if lots.u32(..FAULT_EVERY) == 0 {
                server.fail_next(lots.choice(Fault::ALL).expect("there are four"));
            }
            // What rests is the start page after such a visit, both times: a window that has shown the notice of a lost
            // network keeps the notice's textures until the next visit ends.
            let is_last_before_rest = is_read && visitor + 1 == day.visitors_an_hour;
            let is_offline = lots.u32(..OFFLINE_EVERY) == 0 && !is_last_before_rest;
            match receive(&mut kiosk, &message, is_offline) {
                Promise::Given => messages.push(message),
                Promise::VisitEnded => report.unpromised += 1,
            }
            report.visitors += 1;
            report.network_cuts += usize::from(is_offline);
            // Nobody waits for what has come so far.
            kiosk.forget_events();
            if report.visitors.is_multiple_of(HANG_UP_EVERY) {
                server.hang_up();
            }
        }
        let missing = server.wait_for(&messages);
        report.note_messages(&format!("hour {hour}"), messages.len(), &missing);
        server.hang_up();
        let figures = Figures::read(&kiosk, &profile, &log, day.rest_after(hour));
        report.note_hour(figures);
        println!("hour {hour}: {figures:?}");
    }
    kiosk.quit();
    report.note_server(&server);
}

/// A visitor comes, writes a message, and leaves.
fn receive(kiosk: &mut Kiosk, message: &str, is_offline: bool) -> Promise {
    if is_offline {
        kiosk.set_network("offline");
    }
    let promise = app::write(kiosk, message);
    if promise == Promise::Given {
        app::wait_for_end_of_visit(kiosk);
    }
    if is_offline {
        kiosk.wait_for("the page without a network", |event| {
            event["event"] == "address" && event["url"] == "about:offline"
        });
        kiosk.set_network("online");
    }
    app::wait_for_page(kiosk);
    promise
}
