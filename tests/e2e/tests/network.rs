//! While the network is cut, nothing of any page or worker reaches it.

use background_sync_e2e::{Kiosk, Site};
use serde_json::json;

/// Waits for the page at `url`. Its address and its loading are told by two threads of the engine, in either order, so
/// the page itself is asked whether it is loaded.
fn wait_for_page(kiosk: &mut Kiosk, url: &str) {
    kiosk.wait_for(&format!("{url} to be the address"), |event| {
        event["event"] == "address" && event["url"] == url
    });
    kiosk.evaluate(
        "{ const report = () => console.log(`loaded ${location.href}`); \
         if (document.readyState === 'complete') report(); else addEventListener('load', report); } 0",
    );
    kiosk.wait_for_console(&format!("loaded {url}"));
}

#[test]
fn a_page_that_is_missed_is_loaded_when_the_network_returns() {
    let site = Site::new("");
    let url = site.server.url("/");
    let mut kiosk = Kiosk::builder().flag("--offline").open(&url);
    wait_for_page(&mut kiosk, "about:offline");
    assert_eq!(kiosk.evaluate("document.title"), "No network");
    assert_eq!(kiosk.evaluate("navigator.onLine"), false);
    assert_eq!(kiosk.evaluate("location.origin"), "null");

    kiosk.command("online");
    wait_for_page(&mut kiosk, &url);
    kiosk.wait_for_console("page ready");
}

#[test]
fn a_link_that_is_followed_offline_is_followed_when_the_network_returns() {
    let site = Site::new("");
    site.server
        .serve("/next", "text/html", "<!DOCTYPE html><title>next</title>");
    let mut kiosk = site.open();
    kiosk.set_network("offline");
    kiosk.evaluate("location.href = '/next', 0");
    wait_for_page(&mut kiosk, "about:offline");
    kiosk.command("online");
    wait_for_page(&mut kiosk, &site.server.url("/next"));
}

#[test]
fn no_kind_of_load_gets_through() {
    let site = Site::new(
        "self.addEventListener('message', () => post('/worker').catch((error) => console.log(`worker ${error.name}`)));",
    );
    let mut kiosk = site.open();
    kiosk.set_network("offline");
    for attempt in [
        "fetch('/page', { method: 'POST', body: '' })",
        "new Promise((resolve, reject) => { const request = new XMLHttpRequest(); \
         request.onload = resolve; request.onerror = () => reject(new TypeError()); \
         request.open('POST', '/xhr'); request.send(); })",
        "new Promise((resolve, reject) => { const image = new Image(); \
         image.onload = resolve; image.onerror = () => reject(new TypeError()); image.src = '/image'; })",
        "new Promise((resolve, reject) => { const script = document.createElement('script'); \
         script.onload = resolve; script.onerror = () => reject(new TypeError()); \
         script.src = '/script'; document.head.append(script); })",
    ] {
        assert_eq!(
            kiosk.settle(attempt),
            Err("TypeError".to_owned()),
            "{attempt}"
        );
    }
    kiosk.evaluate("registration.active.postMessage('try'), 0");
    kiosk.wait_for_console("worker TypeError");
    assert_eq!(site.server.received(), []);

    kiosk.set_network("online");
    assert_eq!(
        kiosk.settle("fetch('/page', { method: 'POST', body: '1' }).then((r) => r.status)"),
        Ok(json!(200))
    );
}

#[test]
fn a_frame_that_is_refused_does_not_keep_the_page_from_loading() {
    let site = Site::new("");
    let mut kiosk = site.open();
    kiosk.set_network("offline");
    kiosk.evaluate(
        "document.body.append(Object.assign(document.createElement('iframe'), \
         { src: '/frame', onload: () => console.log('frame loaded') })), 0",
    );
    kiosk.wait_for_console("frame loaded");
    assert_eq!(site.server.received(), []);
}

#[test]
fn dedicated_workers_hear_of_the_network() {
    let site = Site::new("");
    site.server.serve(
        "/nested.js",
        "text/javascript",
        "const say = (event) => postMessage(`${event.type} ${navigator.onLine}`); \
         addEventListener('online', say); addEventListener('offline', say); postMessage('listens');",
    );
    site.server.serve(
        "/dedicated.js",
        "text/javascript",
        "importScripts('/nested.js'); const nested = new Worker('/nested.js'); \
         nested.onmessage = (event) => postMessage(`nested ${event.data}`);",
    );
    let mut kiosk = site.open();
    kiosk.evaluate(
        "window.dedicated = new Worker('/dedicated.js'); \
         dedicated.onmessage = (event) => console.log(event.data), 0",
    );
    for text in ["listens", "nested listens"] {
        kiosk.wait_for_console(text);
    }
    for (command, text) in [("offline", "offline false"), ("online", "online true")] {
        kiosk.set_network(command);
        kiosk.wait_for_console(text);
        kiosk.wait_for_console(&format!("nested {text}"));
    }
}
