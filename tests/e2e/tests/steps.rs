//! Workers that do not get through the steps until they are active: they take too long, or fail.

use background_sync_e2e::{Answer, FAST_RETRIES, Kiosk, Site};
use serde_json::json;

const POSTS_TAGS: &str = "onsync = (event) => event.waitUntil(post('/sync', event.tag));";

/// Opens the page with little time for each step.
fn open(site: &Site) -> Kiosk {
    site.open_with(
        Kiosk::builder()
            .background_sync(FAST_RETRIES)
            .flag("--pref")
            .flag("dom_serviceworker_timeout_seconds=1"),
    )
}

/// An `activate` event that does not end keeps no sync from firing.
fn assert_fires_nevertheless(onactivate: &str) {
    let site = Site::new(&format!("{onactivate}; {POSTS_TAGS}"));
    let mut kiosk = open(&site);
    kiosk.register_sync("late");
    assert_eq!(site.server.wait_for(1)[0].body, "late");
    let finished = kiosk.wait_for_sync("finished");
    assert_eq!(
        (&finished["outcome"], &finished["attempt"]),
        (&json!("Fulfilled"), &json!(1))
    );
    kiosk.wait_for_report("The activate event of the service worker of ");
    assert_eq!(kiosk.evaluate("registration.active.state"), "activated");
    kiosk.wait_for_worker_threads(1);
}

#[test]
fn an_activate_event_whose_promise_never_settles_ends() {
    assert_fires_nevertheless("onactivate = (event) => event.waitUntil(new Promise(() => {}))");
}

#[test]
fn an_activate_event_that_loops_ends() {
    assert_fires_nevertheless("onactivate = () => { while (true) {} }");
}

#[test]
fn an_event_that_waits_for_the_activation_does_not_wait_longer_than_its_cap() {
    let site = Site::new(&format!(
        "onactivate = (event) => event.waitUntil(new Promise(() => {{}})); {POSTS_TAGS}"
    ));
    let section = format!("{FAST_RETRIES}event_cap_ms = 500\n");
    let mut kiosk = site.open_with(Kiosk::builder().background_sync(&section));
    kiosk.register_sync("second time");
    assert_eq!(site.server.wait_for(1)[0].body, "second time");
}

#[test]
fn events_wait_for_the_end_of_the_activation() {
    let site = Site::new(&format!(
        "onactivate = (event) => event.waitUntil(post('/activate')); {POSTS_TAGS}"
    ));
    site.server.answer_next([Answer::Hold]);
    let mut kiosk = site.open();
    for tag in ["one", "two"] {
        kiosk.register_sync(tag);
        kiosk.wait_for_sync("dispatched");
    }
    let received = site.server.received();
    assert_eq!(received.len(), 1, "{received:?}");
    site.server.release();
    let mut tags: Vec<_> = site.server.wait_for(3)[1..]
        .iter()
        .map(|request| request.body.clone())
        .collect();
    tags.sort_by_key(ToString::to_string);
    assert_eq!(tags, ["one", "two"]);
}

#[test]
fn a_rejected_activation_is_reported_and_the_worker_is_active() {
    let site = Site::new(&format!(
        "onactivate = (event) => event.waitUntil(Promise.reject(new Error('no cache'))); {POSTS_TAGS}"
    ));
    let mut kiosk = site.open();
    let report = kiosk.wait_for("the report", |event| {
        let text = event["text"].as_str();
        text.is_some_and(|text| text.contains("its activate event failed"))
    });
    assert_eq!(report["level"], "error", "{report}");
    let text = report["text"].as_str().expect("a text");
    assert!(
        text.contains("/sw.js") && text.contains("no cache"),
        "{text}"
    );
    kiosk.register_sync("nevertheless");
    assert_eq!(site.server.wait_for(1)[0].body, "nevertheless");
}

#[test]
fn an_install_event_that_never_ends_fails() {
    let site = Site::new("");
    site.server.serve(
        "/endless.js",
        "text/javascript",
        "oninstall = (event) => event.waitUntil(new Promise(() => {}));",
    );
    let mut kiosk = open(&site);
    let register = "navigator.serviceWorker.register('/endless.js', { scope: '/endless/' }).then((it) => \
        new Promise((done) => { it.installing.onstatechange = (event) => done(event.target.state); }))";
    assert_eq!(kiosk.settle(register), Ok(json!("redundant")));
    kiosk.wait_for("the report", |event| {
        let text = event["text"].as_str();
        text.is_some_and(|text| text.contains("its install event was not over"))
    });
    kiosk.wait_for_worker_threads(1);
}

#[test]
fn a_script_that_never_ends_is_refused() {
    let site = Site::new("");
    site.server
        .serve("/endless.js", "text/javascript", "while (true) {}");
    let mut kiosk = open(&site);
    assert_eq!(
        kiosk.settle("navigator.serviceWorker.register('/endless.js', { scope: '/endless/' })"),
        Err("TypeError".to_owned())
    );
    kiosk.wait_for_worker_threads(1);
}

#[test]
fn a_script_that_does_not_arrive_is_refused_and_holds_up_nobody() {
    let site = Site::new(POSTS_TAGS);
    site.server.hold_path("/late.js");
    let mut kiosk = open(&site);
    let register = "navigator.serviceWorker.register('/late.js', { scope: '/late/' })";
    assert_eq!(kiosk.settle(register), Err("TypeError".to_owned()));
    kiosk.register_sync("next");
    assert_eq!(site.server.wait_for(1)[0].body, "next");
}

#[test]
fn a_worker_that_fails_to_install_takes_no_other_along() {
    let site = Site::new("");
    site.server.serve(
        "/bad.js",
        "text/javascript",
        "oninstall = (event) => event.waitUntil(fetch('/install', { method: 'POST' })\
           .then(() => Promise.reject(new Error('not today'))));",
    );
    site.server
        .serve("/good.js", "text/javascript", "// nothing to do");
    site.server.answer_next([Answer::Hold]);
    site.server.hold_path("/good.js");
    let mut kiosk = site.open();
    kiosk.evaluate(
        "window.bad = navigator.serviceWorker.register('/bad.js', { scope: '/shared/' }), \
         bad.then((it) => { it.installing.onstatechange = (event) => console.log(`bad is ${event.target.state}`); }), 0",
    );
    site.server.wait_for(1);
    kiosk.evaluate(
        "window.good = navigator.serviceWorker.register('/good.js', { scope: '/shared/' }), 0",
    );
    site.server.release();
    kiosk.wait_for_console("bad is redundant");
    kiosk.wait_for("the report", |event| {
        let text = event["text"].as_str();
        text.is_some_and(|text| {
            text.contains("its install event failed") && text.contains("not today")
        })
    });
    site.server.wait_for_held("/good.js");
    site.server.release_path("/good.js");
    assert_eq!(
        kiosk.settle("good.then((it) => new URL(it.scope).pathname)"),
        Ok(json!("/shared/"))
    );
}

#[test]
fn a_registration_is_given_up_once_it_is_made() {
    let site = Site::new("");
    site.server.serve("/late.js", "text/javascript", "");
    site.server.hold_path("/late.js");
    let mut kiosk = site.open();
    kiosk.evaluate(
        "window.calls = ['/late.js', '/sw.js'].map((script) => \
           navigator.serviceWorker.register(script, { scope: '/' }).then(() => script)), \
         calls.push(registration.unregister()), 0",
    );
    site.server.wait_for_held("/late.js");
    site.server.release_path("/late.js");
    assert_eq!(
        kiosk.settle("Promise.all(calls)"),
        Ok(json!(["/late.js", "/sw.js", true]))
    );
    assert_eq!(
        kiosk.settle("navigator.serviceWorker.getRegistration()"),
        Ok(json!(null))
    );
}
