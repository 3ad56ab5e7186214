//! Syncs that fire after a restart of the browser although nobody opens their app.

use background_sync_e2e::{FAST_RETRIES, Kiosk, Site};
use serde_json::json;

const WORKER: &str = "self.addEventListener('install', () => { self.installed = true; }); \
    self.addEventListener('sync', (event) => event.waitUntil( \
      post('/sync', [event.tag, event.lastChance, self.installed === undefined, \
                     self.registration.active.state, new URL(self.registration.scope).pathname])));";

#[test]
fn a_killed_browser_delivers_with_no_page_open() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = Site::new(WORKER);
    let builder = || {
        Kiosk::builder()
            .background_sync(FAST_RETRIES)
            .profile(profile.path())
    };
    let mut kiosk = site.open_with(builder());
    kiosk.set_network("offline");
    kiosk
        .settle("registration.sync.register('survivor')")
        .expect("registered");
    kiosk.kill();
    // Its script is not asked for: the server may be unable to give it.
    site.serve_worker("throw new Error('not this one')");

    let mut kiosk = builder().open("about:blank");
    assert_eq!(
        site.server.wait_for(1)[0].body,
        json!(["survivor", false, true, "activated", "/"])
    );
    kiosk.wait_for("the event to succeed", |event| {
        event["outcome"] == "Fulfilled"
    });
}

#[test]
fn an_unregistered_worker_is_not_started_again() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = Site::new(WORKER);
    let builder = || {
        Kiosk::builder()
            .background_sync(FAST_RETRIES)
            .profile(profile.path())
    };
    let mut kiosk = site.open_with(builder());
    kiosk.set_network("offline");
    kiosk
        .settle("registration.sync.register('never')")
        .expect("registered");
    assert_eq!(kiosk.settle("registration.unregister()"), Ok(json!(true)));
    kiosk.terminate();

    let mut kiosk = builder().open("about:blank");
    let restored = kiosk.wait_for_sync("restored");
    assert_eq!(restored["count"], 0);
    assert!(site.server.received().is_empty());
}
