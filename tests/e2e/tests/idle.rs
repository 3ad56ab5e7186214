//! Workers that have nothing to do are stopped, and started again for what comes next.

use background_sync_e2e::{FAST_RETRIES, Kiosk, KioskBuilder, Site};

/// Longer than an idle worker goes on here, in milliseconds.
const LONG_MS: u32 = 2_500;

/// Workers go on for a second.
fn impatient() -> KioskBuilder {
    Kiosk::builder()
        .background_sync(FAST_RETRIES)
        .flag("--pref")
        .flag("dom_serviceworker_idle_timeout_seconds=1")
}

#[test]
fn a_worker_with_nothing_to_do_is_stopped_until_the_next_event() {
    let site = Site::new(
        "self.runs = 0; \
         self.addEventListener('sync', (event) => { runs += 1; event.waitUntil(post(`/${event.tag}`, runs)); });",
    );
    let mut kiosk = site.open_with(impatient());
    for tag in ["one", "two"] {
        kiosk.wait_for_worker_threads(0);
        kiosk
            .settle(&format!("registration.sync.register('{tag}')"))
            .expect("registered");
    }
    let received = site.server.wait_for(2);
    // Each time it has begun anew.
    assert_eq!(
        received
            .iter()
            .map(|request| (request.path.as_str(), request.body.as_u64()))
            .collect::<Vec<_>>(),
        [("/one", Some(1)), ("/two", Some(1))]
    );
    // A page's message starts it, too.
    kiosk.wait_for_worker_threads(0);
    assert_eq!(kiosk.evaluate("registration.active.state"), "activated");
    kiosk.evaluate("registration.active.postMessage(''), 0");
    kiosk.wait_for_worker_threads(1);
}

#[test]
fn a_worker_that_has_something_to_do_goes_on() {
    let site = Site::new(&format!(
        "const later = () => new Promise((resolve) => setTimeout(resolve, {LONG_MS})); \
         self.addEventListener('sync', (event) => event.waitUntil(later().then(() => post('/sync')))); \
         self.addEventListener('message', (event) => event.waitUntil(later().then(() => post('/message'))));",
    ));
    let mut kiosk = site.open_with(impatient());
    kiosk.evaluate("registration.active.postMessage(''), 0");
    assert_eq!(site.server.wait_for(1)[0].path, "/message");
    kiosk
        .settle("registration.sync.register('x')")
        .expect("registered");
    assert_eq!(site.server.wait_for(2)[1].path, "/sync");
    kiosk.wait_for_worker_threads(0);
}

#[test]
fn a_version_that_waits_for_pages_does_not_take_over_because_the_old_one_is_idle() {
    let site = Site::new(
        "self.addEventListener('activate', (event) => event.waitUntil(clients.claim())); \
         self.addEventListener('sync', (event) => event.waitUntil(post('/old')));",
    );
    let mut kiosk = site.open_with(impatient());
    kiosk
        .settle(
            "new Promise((resolve) => { navigator.serviceWorker.oncontrollerchange = resolve; \
             if (navigator.serviceWorker.controller) resolve(); }).then(() => 0)",
        )
        .expect("claimed");
    site.serve_worker("self.addEventListener('sync', (event) => event.waitUntil(post('/new')));");
    kiosk
        .settle(
            "registration.update().then(() => new Promise((resolve) => { const worker = registration.installing; \
             worker.onstatechange = resolve; })).then(() => registration.waiting.state)",
        )
        .map(|state| assert_eq!(state, "installed"))
        .expect("installed");
    // Nothing tells that nothing happens.
    kiosk
        .settle(&format!(
            "new Promise((resolve) => setTimeout(resolve, {LONG_MS}))"
        ))
        .expect("it is over");
    assert_eq!(kiosk.evaluate("registration.waiting.state"), "installed");
    kiosk
        .settle("registration.sync.register('x')")
        .expect("registered");
    assert_eq!(site.server.wait_for(1)[0].path, "/old");
}
