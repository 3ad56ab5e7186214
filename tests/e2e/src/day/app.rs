//! The app on the device: visitors write messages, the worker sends them.

use std::fs::File;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use super::server::Server;
use crate::{Kiosk, KioskBuilder, PATIENCE};

/// Retries within a test's patience. An event of which nothing is heard is ended soon, as one of a silent server must be.
const POLICY: &str = "first_retry_delay_ms = 100\nretry_factor = 1\nretry_jitter_percent = 0\n\
    reconnect_retry_spread_ms = 0\nmax_attempts = \"unlimited\"\nevent_cap_ms = 3000\n";

/// A kiosk with the configuration of an unattended device. A visit is over after so many seconds without input.
pub fn device(profile: &Path, log: File, idle_reset_s: u32) -> KioskBuilder {
    Kiosk::builder()
        .background_sync(POLICY)
        .profile(profile)
        .errors_to(log)
        .environment("TZ", "UTC")
        .setting("full_screen = true")
        .setting(&format!("idle_reset_s = {idle_reset_s}"))
}

/// Starts it on the app, and waits until the page can be used.
pub fn open(server: &Server, builder: KioskBuilder) -> Kiosk {
    let mut kiosk = builder.open(&server.url());
    wait_for_page(&mut kiosk);
    kiosk
}

/// Waits until the page can be used.
pub fn wait_for_page(kiosk: &mut Kiosk) {
    kiosk.wait_for_console("page ready");
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// The app has said that it will arrive.
    Given,
    /// The visit was over before the app could say so: it may arrive.
    VisitEnded,
}

/// A visitor types a message and sends it off; returns when the app has promised that it will arrive, or can't any more.
pub fn write(kiosk: &mut Kiosk, message: &str) -> Promise {
    if begin_to_write(kiosk, message) == Begun::TooLate {
        return Promise::VisitEnded;
    }
    let line = format!("registered {message}");
    let event = kiosk.wait_for("the promise", |event| {
        event["text"] == line.as_str() || event["event"] == "visit-ended"
    });
    match event["event"] == "visit-ended" {
        true => Promise::VisitEnded,
        false => Promise::Given,
    }
}

/// Whether a visitor came to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// They did.
    Yes,
    /// The page went before they tapped, and what came in its place is not the app.
    TooLate,
}

/// A visitor types a message and sends it off.
pub fn begin_to_write(kiosk: &mut Kiosk, message: &str) -> Begun {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let number = kiosk.command("click #message");
        let answer = kiosk.wait_for("the click", |event| event["command"] == number);
        let Some(error) = answer["error"].as_str() else {
            break;
        };
        // The page went under their finger. They tap on the one that they see now, unless it is a notice.
        if error.contains("no element matches") {
            return Begun::TooLate;
        }
        assert!(Instant::now() < deadline, "no tap reached a page: {error}");
    }
    kiosk.command(&format!("type {message}\\n"));
    Begun::Yes
}

/// The visitor has left: the start page returns.
pub fn wait_for_end_of_visit(kiosk: &mut Kiosk) {
    kiosk.wait_for("the end of the visit", |event| {
        event["event"] == "visit-ended"
    });
}

/// The messages that the app has promised to deliver, by what a kiosk has told.
pub fn promised(story: &[Value]) -> impl Iterator<Item = String> {
    let lines = story.iter().filter(|event| event["event"] == "console");
    let texts = lines.filter_map(|event| event["text"].as_str());
    texts
        .filter_map(|text| text.strip_prefix("registered "))
        .map(str::to_owned)
}
