//! New versions of a worker, and messages to the one that waits.

use background_sync_e2e::{Answer, FAST_RETRIES, Kiosk, Site};

/// Waits until a new version of `script` has the active worker's place.
fn update_and_log(kiosk: &mut Kiosk) {
    kiosk.evaluate(
        "registration.update().then((it) => { const worker = it.installing; \
           const log = () => console.log(`new is ${worker.state}`); \
           log(); worker.onstatechange = log; }), 0",
    );
    kiosk.wait_for_console("new is installed");
}

#[test]
fn a_message_reaches_the_worker_that_waits() {
    let version = |number: u32| {
        format!(
            "onactivate = (event) => event.waitUntil(clients.claim()); \
             onmessage = (event) => {{ if (event.data === 'SKIP_WAITING') skipWaiting(); \
               event.source.postMessage({number}); }};"
        )
    };
    let site = Site::new(&version(1));
    let mut kiosk = site.open();
    kiosk
        .settle(
            "new Promise((done) => { const check = () => navigator.serviceWorker.controller && done(); \
               navigator.serviceWorker.addEventListener('controllerchange', check); check(); })",
        )
        .expect("the page is controlled");
    site.serve_worker(&version(2));
    update_and_log(&mut kiosk);
    kiosk.evaluate(
        "navigator.serviceWorker.addEventListener('controllerchange', () => console.log('taken over')), \
         navigator.serviceWorker.onmessage = (event) => \
           console.log(`answer of ${event.data}, ${event.source === waiting}, ${event.source instanceof ServiceWorker}`), \
         window.waiting = registration.waiting, waiting.postMessage('SKIP_WAITING'), 0",
    );
    kiosk.wait_for_console("answer of 2, true, true");
    kiosk.wait_for_console("taken over");
    assert_eq!(
        kiosk.evaluate("registration.active === waiting && registration.waiting === null"),
        true
    );
}

#[test]
fn a_worker_knows_the_page_that_sends_a_message() {
    let site = Site::new(
        "onmessage = (event) => event.waitUntil(post('/source', [event.source.url, event.source.frameType]));",
    );
    let mut kiosk = site.open();
    kiosk.evaluate("registration.active.postMessage(''), 0");
    assert_eq!(
        site.server.wait_for(1)[0].body,
        serde_json::json!([site.server.url("/"), "top-level"])
    );
}

#[test]
fn a_new_version_waits_for_the_event_of_the_old_one() {
    let version = |name: &str| {
        format!(
            "oninstall = () => skipWaiting(); \
             onsync = (event) => event.waitUntil(post('/{name}', event.tag));"
        )
    };
    let site = Site::new(&version("old"));
    let mut kiosk = site.open();
    site.server.answer_next([Answer::Hold]);
    kiosk.register_sync("long");
    site.server.wait_for(1);
    site.serve_worker(&version("new"));
    update_and_log(&mut kiosk);
    // It would have been activated by now, were there no event.
    kiosk
        .settle("navigator.serviceWorker.getRegistration()")
        .expect("an answer");
    assert_eq!(kiosk.evaluate("registration.waiting !== null"), true);
    site.server.release();
    kiosk.wait_for_console("new is activated");
    let finished = kiosk.wait_for_sync("finished");
    assert_eq!(finished["outcome"], "Fulfilled", "{finished}");
    kiosk.register_sync("next");
    assert_eq!(site.server.wait_for(2)[1].path, "/new");
}

#[test]
fn a_new_version_takes_over_from_one_that_has_passed_its_cap() {
    let site = Site::new(
        "onsync = (event) => event.waitUntil(post('/old').then(() => new Promise(() => {})));",
    );
    let section = format!("{FAST_RETRIES}event_cap_ms = 3000\n");
    let mut kiosk = site.open_with(Kiosk::builder().background_sync(&section));
    kiosk.register_sync("endless");
    site.server.wait_for(1);
    site.serve_worker(
        "oninstall = () => skipWaiting(); onsync = (event) => event.waitUntil(post('/new'));",
    );
    update_and_log(&mut kiosk);
    kiosk.wait_for_console("new is activated");
    assert_eq!(site.server.wait_for(2)[1].path, "/new");
}

#[test]
fn an_old_version_has_its_state_while_it_starts_again() {
    let site = Site::new(
        "const atStart = registration.active && registration.active.state; \
         onsync = (event) => { if (event.tag === 'hang') while (true) {} \
           event.waitUntil(post('/state', atStart)); };",
    );
    let section = format!("{FAST_RETRIES}event_cap_ms = 500\n")
        .replace("max_attempts = 3", "max_attempts = 1");
    let mut kiosk = site.open_with(Kiosk::builder().background_sync(&section));
    for tag in ["hang", "next"] {
        kiosk.register_sync(tag);
        kiosk.wait_for_sync("finished");
    }
    assert_eq!(site.server.wait_for(1)[0].body, "activated");
}
