//! Requests of a page that its service worker answers.

use std::path::Path;

use background_sync_e2e::{FAST_RETRIES, Kiosk, KioskBuilder, Site};
use serde_json::json;

/// Claims its page, so that a test need not load it again.
const CLAIM: &str = "onactivate = (event) => event.waitUntil(clients.claim());";

fn builder(profile: &Path) -> KioskBuilder {
    Kiosk::builder()
        .background_sync(FAST_RETRIES)
        .profile(profile)
}

/// A page that `worker` controls.
fn controlled(worker: &str, profile: &Path) -> (Site, Kiosk) {
    let site = Site::new(&format!("{CLAIM}{worker}"));
    let mut kiosk = site.open_with(builder(profile));
    let controlled = "new Promise((resolve) => {
        const look = () => navigator.serviceWorker.controller && resolve();
        navigator.serviceWorker.oncontrollerchange = look;
        look();
      })";
    kiosk.settle(controlled).expect("controlled");
    (site, kiosk)
}

fn text_of(kiosk: &mut Kiosk, url: &str) -> Result<serde_json::Value, String> {
    kiosk.settle(&format!("fetch('{url}').then((it) => it.text())"))
}

#[test]
fn a_worker_answers_fetch_and_leaves_the_rest_to_the_network() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (site, mut kiosk) = controlled(
        "onfetch = (event) => {
           if (event.request.url.endsWith('/made')) event.respondWith(new Response('made here'));
           if (event.request.url.endsWith('/passed')) event.respondWith(fetch(event.request));
         };",
        profile.path(),
    );
    site.server.serve("/passed", "text/plain", "from the server");
    site.server.serve("/left", "text/plain", "from the network");
    assert_eq!(text_of(&mut kiosk, "/made"), Ok(json!("made here")));
    assert_eq!(site.server.asked_for("/made").len(), 0);
    assert_eq!(text_of(&mut kiosk, "/passed"), Ok(json!("from the server")));
    assert_eq!(text_of(&mut kiosk, "/left"), Ok(json!("from the network")));
}
