//! Handlers that take their time, and handlers that never end.

use background_sync_e2e::{Answer, FAST_RETRIES, Kiosk, Site};
use serde_json::{Value, json};

/// How long an event may last in these tests, in milliseconds.
const CAP_MS: u64 = 1_500;

fn open_with_cap(site: &Site) -> Kiosk {
    let section = format!("{FAST_RETRIES}event_cap_ms = {CAP_MS}\n");
    site.open_with(Kiosk::builder().background_sync(&section))
}

fn ms(event: &Value) -> u64 {
    event["ms"].as_u64().expect("every event has its time")
}

/// Registers a tag whose handler never ends, and checks that it is stopped in time and the page goes on.
fn assert_is_stopped(worker: &str) {
    let site = Site::new(worker);
    let mut kiosk = open_with_cap(&site);
    kiosk
        .settle("registration.sync.register('endless')")
        .expect("registered");
    let dispatched = kiosk.wait_for_sync("dispatched");

    // The page answers while the worker runs.
    assert_eq!(
        kiosk
            .evaluate("document.body.append('alive'), document.body.textContent.includes('alive')"),
        true
    );
    let is_over = |kiosk: &Kiosk| kiosk.seen().iter().any(|event| event["kind"] == "finished");
    assert!(
        !is_over(&kiosk),
        "the page had to wait until the event was over"
    );

    let finished = kiosk.wait_for_sync("finished");
    assert_eq!(finished["outcome"], "TimedOut");
    let lasted_ms = ms(&finished) - ms(&dispatched);
    assert!(
        (CAP_MS - 100..=CAP_MS + 1_000).contains(&lasted_ms),
        "it lasted {lasted_ms} ms"
    );

    // A timed-out event is a failed one: it is tried again, in a new worker.
    assert_eq!(kiosk.wait_for_sync("dispatched")["attempt"], 2);
    assert_eq!(kiosk.evaluate("1 + 1"), 2);
}

#[test]
fn a_handler_that_loops_for_ever_is_stopped() {
    assert_is_stopped("self.addEventListener('sync', () => { while (true) {} });");
}

#[test]
fn a_promise_that_never_settles_is_given_up() {
    assert_is_stopped(
        "self.addEventListener('sync', (event) => event.waitUntil(new Promise(() => {})));",
    );
}

#[test]
fn a_browser_whose_worker_loops_ends_when_told() {
    let site = Site::new("self.addEventListener('sync', () => { while (true) {} });");
    let mut kiosk = open_with_cap(&site);
    kiosk
        .settle("registration.sync.register('endless')")
        .expect("registered");
    kiosk.wait_for_sync("dispatched");
    assert!(kiosk.hang_up().success());
}

#[test]
fn an_event_lasts_as_long_as_its_promises() {
    let site = Site::new(
        r"self.addEventListener('sync', (event) => {
            event.waitUntil(post('/one').then(() => { event.waitUntil(post('/two')); }));
        });",
    );
    site.server.answer_next([Answer::Status(200), Answer::Hold]);
    let mut kiosk = site.open();
    kiosk
        .settle("registration.sync.register('long')")
        .expect("registered");
    let paths: Vec<_> = site
        .server
        .wait_for(2)
        .into_iter()
        .map(|request| request.path)
        .collect();
    assert_eq!(paths, ["/one", "/two"]);
    // Had the event ended with its first promise, this would be known now.
    assert_eq!(
        kiosk.settle("registration.sync.getTags()"),
        Ok(json!(["long"]))
    );
    site.server.release();
    assert_eq!(kiosk.wait_for_sync("finished")["outcome"], "Fulfilled");
}

#[test]
fn a_rejected_second_promise_fails_the_event() {
    let site = Site::new(
        r"self.addEventListener('sync', (event) => {
            event.waitUntil(post('/one'));
            event.waitUntil(post('/two'));
        });",
    );
    site.server
        .answer_next([Answer::Status(200), Answer::Status(500)]);
    let mut kiosk = site.open();
    kiosk
        .settle("registration.sync.register('half')")
        .expect("registered");
    assert_eq!(kiosk.wait_for_sync("finished")["outcome"], "Rejected");
}

#[test]
fn a_handler_without_promise_succeeds() {
    let site = Site::new("self.addEventListener('sync', () => {});");
    let mut kiosk = site.open();
    kiosk
        .settle("registration.sync.register('quick')")
        .expect("registered");
    let finished = kiosk.wait_for_sync("finished");
    assert_eq!(
        (&finished["outcome"], &finished["next"]),
        (&json!("Fulfilled"), &json!("Removed"))
    );
}
