//! What a page finds of its service worker after a restart of the browser, before any event has started it.

use std::fs;
use std::path::Path;

use background_sync_e2e::{Kiosk, Site};
use serde_json::json;

/// Counts its installations, and answers messages.
const WORKER: &str = "oninstall = (event) => event.waitUntil(post('/installed', ''));
    onmessage = (event) => event.source.postMessage(`${event.data}, too`);
    onsync = (event) => event.waitUntil(post('/sync', event.tag));";

/// Registers nothing. Its first script notes what controls it.
const PLAIN_PAGE: &str = "<!DOCTYPE html><script>
    window.first = navigator.serviceWorker.controller?.scriptURL ?? null;
    function settle(label, work) {
      work().then(
        (value) => console.log(`${label}ok ${JSON.stringify(value ?? null)}`),
        (error) => console.log(`${label}error ${error.name}`));
    }
    console.log('page ready');
  </script>";

/// A site whose worker was installed by a browser that has ended.
fn installed(profile: &Path) -> Site {
    let site = Site::new(WORKER);
    site.server.serve("/plain", "text/html", PLAIN_PAGE);
    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile));
    kiosk.register_sync("first");
    site.server.wait_for(2);
    kiosk.terminate();
    site
}

fn open_plain_page(site: &Site, profile: &Path) -> Kiosk {
    let mut kiosk = Kiosk::with_fast_retries(profile).open(&site.server.url("/plain"));
    kiosk.wait_for_console("page ready");
    kiosk
}

fn installations(site: &Site) -> usize {
    let received = site.server.received();
    received.iter().filter(|it| it.path == "/installed").count()
}

#[test]
fn a_page_finds_its_registration_and_its_controller() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = installed(profile.path());
    let script_requests = site.server.asked_for("/sw.js").len();
    let mut kiosk = open_plain_page(&site, profile.path());
    let script_url = json!(site.server.url("/sw.js"));
    assert_eq!(kiosk.evaluate("first"), script_url, "before any script ran");
    for question in [
        "navigator.serviceWorker.getRegistration().then((it) => it.active.scriptURL)",
        "navigator.serviceWorker.getRegistrations().then(([it]) => it.active.scriptURL)",
        "navigator.serviceWorker.ready.then((it) => it.active.scriptURL)",
    ] {
        assert_eq!(kiosk.settle(question), Ok(script_url.clone()), "{question}");
    }
    assert_eq!(
        kiosk.settle(
            "navigator.serviceWorker.ready.then((it) => [it.scope, it.active.state, it.updateViaCache, \
               it.active === navigator.serviceWorker.controller, it.waiting, it.installing])"
        ),
        Ok(json!([site.server.url("/"), "activated", "imports", true, null, null]))
    );
    assert_eq!(kiosk.worker_threads(), 0);
    assert_eq!(site.server.asked_for("/sw.js").len(), script_requests);
}

#[test]
fn to_register_the_same_script_again_starts_no_worker() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = installed(profile.path());
    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    assert_eq!(
        kiosk.evaluate(
            "[registration.active === navigator.serviceWorker.controller, registration.installing]"
        ),
        json!([true, null])
    );
    // It has looked for a new version, and there is none.
    kiosk.settle("registration.update()").expect("looked");
    assert_eq!(kiosk.worker_threads(), 0);
    assert_eq!(installations(&site), 1);
    kiosk.register_sync("second");
    assert_eq!(site.server.wait_for(3)[2].body, "second");
}

#[test]
fn a_message_reaches_the_worker() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = installed(profile.path());
    let mut kiosk = open_plain_page(&site, profile.path());
    let answer = kiosk.settle(
        "new Promise((resolve) => { \
           navigator.serviceWorker.onmessage = (event) => resolve(event.data); \
           navigator.serviceWorker.controller.postMessage('you'); })",
    );
    assert_eq!(answer, Ok(json!("you, too")));
}

#[test]
fn a_new_version_is_found() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = installed(profile.path());
    site.serve_worker(&format!("{WORKER} // another"));
    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    // `register()` looks for it itself, so it may be found, and installed, before the test looks.
    let update = "(async () => { await registration.update(); \
        const worker = registration.installing; \
        if (worker) await new Promise((done) => { worker.onstatechange = done; }); \
        return registration.waiting.state; })()";
    assert_eq!(kiosk.settle(update), Ok(json!("installed")));
    assert_eq!(installations(&site), 2);
}

#[test]
fn what_is_unregistered_does_not_come_back() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = installed(profile.path());
    let mut kiosk = open_plain_page(&site, profile.path());
    let unregister = "navigator.serviceWorker.getRegistration().then((it) => it.unregister())";
    assert_eq!(kiosk.settle(unregister), Ok(json!(true)));
    kiosk.terminate();
    let mut kiosk = open_plain_page(&site, profile.path());
    assert_eq!(kiosk.evaluate("first"), json!(null));
    assert_eq!(
        kiosk.settle("navigator.serviceWorker.getRegistrations().then((all) => all.length)"),
        Ok(json!(0))
    );
}

#[test]
fn a_damaged_file_of_workers_delays_no_page() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = installed(profile.path());
    let file = profile.path().join("background_sync/workers.redb");
    fs::write(&file, "damaged").expect("a file to be damaged");
    let mut kiosk = open_plain_page(&site, profile.path());
    assert_eq!(kiosk.evaluate("first"), json!(null));
    drop(kiosk);
    // The app installs it again.
    site.open_with(Kiosk::with_fast_retries(profile.path()));
    assert_eq!(installations(&site), 2);
}
