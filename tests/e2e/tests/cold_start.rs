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
    let builder = || Kiosk::with_fast_retries(profile.path());
    let mut kiosk = site.open_with(builder());
    kiosk.set_network("offline");
    kiosk.register_sync("survivor");
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

/// Its page is open, and goes on to use it.
#[test]
fn a_worker_whose_site_was_cleared_starts_with_no_page_open() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = Site::new(
        "self.addEventListener('message', (event) => event.source.postMessage('')); \
         self.addEventListener('sync', (event) => event.waitUntil(post('/sync', event.tag)));",
    );
    let builder = || Kiosk::with_fast_retries(profile.path());
    let mut kiosk = site.open_with(builder());
    kiosk.set_network("offline");
    let register = |kiosk: &mut Kiosk, tag| {
        let call = format!("registration.sync.register('{tag}')");
        kiosk.settle(&call).expect("registered");
    };
    register(&mut kiosk, "cleared");
    kiosk.command("clear-syncs 127.0.0.1");
    kiosk.wait_for_sync("removed");
    // With this, the worker is asked for; when it has answered the page, it has been told of as well.
    register(&mut kiosk, "kept");
    kiosk
        .settle(
            "new Promise((resolve) => { navigator.serviceWorker.onmessage = () => resolve(); \
             registration.active.postMessage(''); })",
        )
        .expect("answered");
    register(&mut kiosk, "kept");
    kiosk.kill();

    let _kiosk = builder().open("about:blank");
    assert_eq!(site.server.wait_for(1)[0].body, "kept");
}

#[test]
fn an_unregistered_worker_is_not_started_again() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = Site::new(WORKER);
    let builder = || Kiosk::with_fast_retries(profile.path());
    let mut kiosk = site.open_with(builder());
    kiosk.set_network("offline");
    kiosk.register_sync("never");
    assert_eq!(kiosk.settle("registration.unregister()"), Ok(json!(true)));
    kiosk.terminate();

    let mut kiosk = builder().open("about:blank");
    let restored = kiosk.wait_for_sync("restored");
    assert_eq!(restored["count"], 0);
    assert!(site.server.received().is_empty());
}

#[test]
fn what_a_worker_has_imported_is_there_without_the_network() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = Site::new(
        "importScripts('/lib.js', '/lib.js'); \
         oninstall = () => importScripts('/late.js'); \
         onsync = (event) => { if (event.tag === 'hang') while (true) {} \
           event.waitUntil(post('/sync', [event.tag, lib(), self.loads])); };",
    );
    let lib = "self.loads = (self.loads ?? 0) + 1; function lib() { return 'of the library'; }";
    site.server.serve("/lib.js", "text/javascript", lib);
    site.server
        .serve("/late.js", "text/javascript", "self.late = true;");
    let section = format!("{FAST_RETRIES}event_cap_ms = 500\n")
        .replace("max_attempts = 3", "max_attempts = 1");
    let builder = || {
        Kiosk::builder()
            .background_sync(&section)
            .profile(profile.path())
    };
    let mut kiosk = site.open_with(builder());
    for path in ["/lib.js", "/late.js"] {
        site.server.serve_status(path, 503);
    }
    // Started again in the same run.
    for tag in ["hang", "again"] {
        kiosk.register_sync(tag);
        kiosk.wait_for_sync("finished");
    }
    assert_eq!(
        site.server.wait_for(1)[0].body,
        json!(["again", "of the library", 2])
    );
    kiosk.set_network("offline");
    kiosk.register_sync("survivor");
    kiosk.kill();
    // And in the next run, without its page.
    let _kiosk = builder().open("about:blank");
    assert_eq!(
        site.server.wait_for(2)[1].body,
        json!(["survivor", "of the library", 2])
    );
}

/// Both ask the engine's central thread for something at once, which stood still in 3 of 100 starts.
#[test]
fn a_page_and_a_worker_can_start_at_the_same_time() {
    const STARTS: usize = 40;
    let profile = tempfile::tempdir().expect("a writable folder");
    // It is never done, so it is due at each start.
    let site = Site::new(
        "onsync = (event) => event.waitUntil(post('/sync', event.tag).then(() => { throw new Error('again'); }));",
    );
    let policy = "first_retry_delay_ms = 1\nretry_factor = 1\nretry_jitter_percent = 0\nmax_attempts = \"unlimited\"\n";
    let builder = || {
        Kiosk::builder()
            .background_sync(policy)
            .profile(profile.path())
    };
    let mut kiosk = site.open_with(builder());
    kiosk.set_network("offline");
    kiosk.register_sync("again");
    kiosk.kill();
    for _ in 0..STARTS {
        let before = site.server.received_count();
        let mut kiosk = builder().open("about:blank");
        kiosk.wait_for("the page", |event| {
            event["event"] == "load" && event["status"] == "complete"
        });
        site.server.wait_for(before + 1);
        kiosk.kill();
    }
}
