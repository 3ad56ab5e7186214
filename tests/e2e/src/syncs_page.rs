//! `kiosk:syncs`, as tests look at it and work with it.

use std::time::Instant;

use crate::{Kiosk, KioskBuilder, PATIENCE};

/// Nothing is tried again while a test runs.
const SLOW_RETRIES: &str = "first_retry_delay_ms = 3600000\nretry_jitter_percent = 0\n";

/// A kiosk that may show the page.
#[must_use]
pub fn builder() -> KioskBuilder {
    builder_with("")
}

/// A kiosk that may show the page, with more fields of `[background_sync]`.
#[must_use]
pub fn builder_with(background_sync: &str) -> KioskBuilder {
    Kiosk::builder()
        .setting("syncs_page = true")
        .background_sync(&format!("{SLOW_RETRIES}{background_sync}"))
}

/// Waits until the page is in this state: `loaded`, `closed`.
pub fn wait_for_page(kiosk: &mut Kiosk, state: &str) {
    kiosk.wait_for(&format!("the syncs page to be {state}"), |event| {
        event["event"] == "syncs-page" && event["state"] == state
    });
}

/// Shows the page.
pub fn show(kiosk: &mut Kiosk) {
    kiosk.command("open kiosk:syncs");
    wait_for_page(kiosk, "loaded");
}

/// Clicks what leads to another document of the page.
pub fn follow(kiosk: &mut Kiosk, selector: &str) {
    kiosk.command(&format!("click {selector}"));
    wait_for_page(kiosk, "loaded");
}

/// What an element tells.
///
/// # Panics
/// If that can't be asked.
pub fn text(kiosk: &mut Kiosk, selector: &str) -> String {
    let script = format!("document.querySelector({selector:?})?.innerText ?? 'nothing'");
    kiosk.evaluate(&script).as_str().expect("a text").to_owned()
}

/// Looks again and again until an element tells this. The page is brought up to date by itself.
///
/// # Panics
/// If it is not in time.
pub fn wait_for_text(kiosk: &mut Kiosk, selector: &str, wanted: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let shown = text(kiosk, selector);
        if shown.contains(wanted) {
            return;
        }
        assert!(Instant::now() < deadline, "no {wanted:?} in {shown:?}");
    }
}
