//! Workers that have nothing to do are stopped, and started again for what comes next.

use background_sync_e2e::{FAST_RETRIES, Kiosk, KioskBuilder, Site};

/// Longer than an idle worker goes on here, in milliseconds.
const LONG_MS: u32 = 2_500;

/// Workers go on for a second.
fn impatient() -> KioskBuilder {
    with_idle_seconds(1)
}

fn with_idle_seconds(seconds: u32) -> KioskBuilder {
    Kiosk::builder()
        .background_sync(FAST_RETRIES)
        .flag("--pref")
        .flag(&format!("dom_serviceworker_idle_timeout_seconds={seconds}"))
}

#[test]
fn a_worker_with_nothing_to_do_is_stopped_until_the_next_event() {
    let site = Site::new(
        "self.runs = 0; \
         self.addEventListener('sync', (event) => { runs += 1; event.waitUntil(post(`/${event.tag}`, runs)); }); \
         self.addEventListener('message', (event) => { event.waitUntil(Promise.resolve()); post(event.data, runs); });",
    );
    let mut kiosk = site.open_with(impatient());
    for (count, tag) in ["one", "two"].into_iter().enumerate() {
        kiosk.wait_for_worker_threads(0);
        kiosk.register_sync(tag);
        site.server.wait_for(count + 1);
    }
    let received = site.server.received();
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
    kiosk.evaluate("registration.active.postMessage('/message'), 0");
    let received = site.server.wait_for(3);
    assert_eq!(
        (received[2].path.as_str(), received[2].body.as_u64()),
        ("/message", Some(0))
    );
    kiosk.wait_for_worker_threads(0);
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
    kiosk.register_sync("x");
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
    // The old one is stopped all the same.
    kiosk.wait_for_worker_threads(1);
    // Nothing tells that nothing happens.
    kiosk
        .settle(&format!(
            "new Promise((resolve) => setTimeout(resolve, {LONG_MS}))"
        ))
        .expect("it is over");
    assert_eq!(kiosk.evaluate("registration.waiting.state"), "installed");
    kiosk.register_sync("x");
    assert_eq!(site.server.wait_for(1)[0].path, "/old");
    // Without a page, nothing holds the new one back.
    kiosk.close_window();
    kiosk.command(&format!("open {}", site.server.url("/")));
    kiosk.wait_for_console("page ready");
    kiosk.register_sync("y");
    assert_eq!(site.server.wait_for(2)[1].path, "/new");
}

#[test]
fn a_worker_that_is_never_to_be_stopped_goes_on() {
    let site = Site::new(
        "self.events = 0; \
         self.addEventListener('sync', (event) => { events += 1; event.waitUntil(post('/sync', events)); }); \
         self.addEventListener('message', (event) => { events += 1; event.source.postMessage(events); });",
    );
    // Its messages have a limit, which must not be taken for the worker's.
    let builder = with_idle_seconds(0)
        .flag("--pref")
        .flag("dom_serviceworker_timeout_seconds=1");
    let mut kiosk = site.open_with(builder);
    let ask = "new Promise((resolve) => { \
        navigator.serviceWorker.onmessage = (event) => resolve(event.data); \
        registration.active.postMessage(''); })";
    assert_eq!(kiosk.settle(ask), Ok(1.into()));
    // Nothing tells that nothing happens.
    kiosk
        .settle(&format!(
            "new Promise((resolve) => setTimeout(resolve, 2 * {LONG_MS}))"
        ))
        .expect("it is over");
    assert_eq!(kiosk.settle(ask), Ok(2.into()), "it has not begun anew");
    kiosk.register_sync("x");
    assert_eq!(site.server.wait_for(1)[0].body, 3);
}

/// A sync event has its execution cap; a message has the limit of all other steps.
#[test]
fn a_message_that_takes_too_long_ends_its_worker() {
    assert_overlong_messages_end_their_worker(1);
}

#[test]
fn a_message_that_takes_too_long_ends_a_worker_that_is_never_to_be_stopped() {
    assert_overlong_messages_end_their_worker(0);
}

fn assert_overlong_messages_end_their_worker(idle_seconds: u32) {
    for handler in [
        "event.waitUntil(new Promise(() => {}))",
        "while (true) {}",
        "(function again() { Promise.resolve().then(again); })()",
    ] {
        let site = Site::new(&format!(
            "self.addEventListener('message', (event) => {{ {handler}; }}); \
             self.addEventListener('sync', (event) => event.waitUntil(post('/sync')));"
        ));
        let builder = with_idle_seconds(idle_seconds)
            .flag("--pref")
            .flag("dom_serviceworker_timeout_seconds=2");
        let mut kiosk = site.open_with(builder);
        kiosk.evaluate("registration.active.postMessage(''), 0");
        let url = site.server.url("/");
        kiosk.wait_for_console(&format!(
            "A message to the service worker of {url} took too long: the worker was ended."
        ));
        kiosk.wait_for_worker_threads(0);
        kiosk.register_sync("x");
        site.server.wait_for(1);
    }
}

#[test]
fn a_worker_that_loops_is_ended_although_it_is_given_messages() {
    let site = Site::new("onmessage = () => { for (;;); };");
    let mut kiosk = site.open_with(
        impatient()
            .flag("--pref")
            .flag("dom_serviceworker_timeout_seconds=3"),
    );
    kiosk.evaluate("setInterval(() => registration.active.postMessage(''), 200), 0");
    kiosk.wait_for("the report", |event| {
        let text = event["text"].as_str();
        text.is_some_and(|text| text.contains("took too long: the worker was ended"))
    });
}

/// It gets to all of them, though none is over for long.
#[test]
fn a_worker_with_messages_that_overlap_goes_on() {
    let site = Site::new(
        "onmessage = (event) => event.waitUntil(new Promise((done) => setTimeout(done, 1000)) \
           .then(() => event.source.postMessage(event.data)));",
    );
    let mut kiosk = site.open_with(
        impatient()
            .flag("--pref")
            .flag("dom_serviceworker_timeout_seconds=2"),
    );
    kiosk.evaluate(
        "navigator.serviceWorker.onmessage = (event) => console.log(`back ${event.data}`); \
         window.count = 0; setInterval(() => registration.active.postMessage(count++), 250), 0",
    );
    for number in [0, 10, 30] {
        kiosk.wait_for_console(&format!("back {number}"));
    }
    let ended = |event: &serde_json::Value| {
        event["text"]
            .as_str()
            .is_some_and(|text| text.contains("was ended"))
    };
    assert!(!kiosk.seen().iter().any(ended));
}
