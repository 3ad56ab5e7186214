//! What the configuration grants.

use background_sync_e2e::{Kiosk, KioskBuilder, Site};
use serde_json::json;

const WORKER: &str = "self.addEventListener('periodicsync', (event) => event.waitUntil( \
    post('/periodic', event.tag)));";

const SHORT_INTERVALS: &str = "periodic_interval_any_origin_ms = 1000\nperiodic_interval_across_origins_ms = 1000\nperiodic_grouping_ms = 0\n\
    first_retry_delay_ms = 100\nretry_jitter_percent = 0\n";

fn granting(site: &Site, fields: &str) -> KioskBuilder {
    let origin = format!("http://127.0.0.1:{}", site.server.port());
    Kiosk::builder()
        .background_sync(SHORT_INTERVALS)
        .section("[permissions]", &format!("origin = '{origin}'\n{fields}\n"))
        .section(
            "[permissions]",
            "origin = 'https://other.example'\nbackground_sync = 'denied'\n",
        )
}

#[test]
fn periodic_sync_is_granted_to_an_origin() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open_with(granting(&site, "periodic_background_sync = 'granted'"));
    kiosk
        .settle("registration.periodicSync.register('news', { minInterval: 1000 })")
        .expect("registered");
    assert_eq!(site.server.wait_for(2)[1].body, "news");
    kiosk
        .settle("registration.sync.register('as before')")
        .expect("one-shot sync is granted by default");
}

#[test]
fn one_shot_sync_is_denied_to_an_origin() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open_with(granting(&site, "background_sync = 'denied'"));
    assert_eq!(
        kiosk.settle("registration.sync.register('no')"),
        Err("NotAllowedError".to_owned())
    );
    assert_eq!(
        kiosk.settle("registration.periodicSync.register('no', { minInterval: 1000 })"),
        Err("NotAllowedError".to_owned())
    );
}

#[test]
fn what_was_granted_goes_on_after_a_restart_with_no_page_open() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = Site::new(WORKER);
    let builder =
        || granting(&site, "periodic_background_sync = 'granted'").profile(profile.path());
    let mut kiosk = site.open_with(builder());
    kiosk
        .settle("registration.periodicSync.register('news', { minInterval: 1000 })")
        .expect("registered");
    site.server.wait_for(1);
    kiosk.kill();
    for _ in 0..3 {
        // Overdue or nearly; a kill before its end was stored makes it a failed attempt, which is tried again.
        let before = site.server.received_count();
        let mut kiosk = builder().open("about:blank");
        assert_eq!(kiosk.wait_for_sync("restored")["count"], json!(1));
        site.server.wait_for(before + 1);
        kiosk.kill();
    }
}
