//! `register()` refuses with the specification's errors.

use background_sync_e2e::{FAST_RETRIES, Kiosk, PAGE, Site, TestServer};
use serde_json::json;

#[test]
fn no_active_worker_is_an_invalid_state() {
    // Installs for ever, so that it never becomes active.
    let site = Site::new(
        "self.addEventListener('install', (event) => event.waitUntil(new Promise(() => {})));",
    );
    let mut kiosk = Kiosk::builder().open(&site.server.url("/"));
    kiosk.wait_for("the page to load", |event| event["status"] == "complete");
    // In a scope of its own: the page has a job in `/`, which does not end, and a second one would wait for it.
    let register = "navigator.serviceWorker.register('/sw.js', { scope: '/early/' })
        .then((r) => r.sync.register('early'))"
        .replace('\n', " ");
    assert_eq!(kiosk.settle(&register), Err("InvalidStateError".to_owned()));
}

#[test]
fn no_window_is_an_invalid_access() {
    let site = Site::new(
        r"self.addEventListener('sync', (event) => {
            if (event.tag !== 'first') return;
            event.waitUntil(self.registration.sync.register('second').then(
              () => post('/result', 'registered'),
              (error) => post('/result', error.name)));
        });",
    );
    let mut kiosk = site.open();
    kiosk.set_network("offline");
    kiosk.register_sync("first");
    kiosk.close_window();
    kiosk.set_network("online");
    assert_eq!(site.server.wait_for(1)[0].body, "InvalidAccessError");
}

#[test]
fn a_worker_may_register_while_a_window_is_open() {
    let site = Site::new(
        r"self.addEventListener('sync', (event) => {
            event.waitUntil(event.tag === 'first'
              ? self.registration.sync.register('second') : post('/sync', event.tag));
        });",
    );
    let mut kiosk = site.open();
    kiosk.register_sync("first");
    assert_eq!(site.server.wait_for(1)[0].body, "second");
}

#[test]
fn a_tag_that_is_too_long_is_refused() {
    let site =
        Site::new("self.addEventListener('sync', (event) => event.waitUntil(post('/sync')));");
    let mut kiosk = site.open();
    kiosk.set_network("offline");
    assert_eq!(
        kiosk.settle("registration.sync.register('x'.repeat(10241))"),
        Err("InvalidAccessError".to_owned())
    );
    assert_eq!(
        kiosk.settle("registration.sync.register('x'.repeat(10240))"),
        Ok(json!(null))
    );
}

#[test]
fn http_on_a_name_that_is_not_local_has_no_sync() {
    let server = TestServer::start();
    server.serve("/", "text/html", PAGE);
    server.serve("/sw.js", "text/javascript", "");
    let url = format!("http://plain.test:{}/", server.port());
    let mut kiosk = Kiosk::builder()
        .background_sync(FAST_RETRIES)
        .host("plain.test")
        .open(&url);
    kiosk.wait_for("the page to load", |event| {
        event["status"] == "complete" && event["url"] == url.as_str()
    });
    assert_eq!(kiosk.evaluate("isSecureContext"), false);
    assert_eq!(kiosk.evaluate("typeof SyncManager"), "undefined");
    assert_eq!(
        kiosk.evaluate("typeof navigator.serviceWorker"),
        "undefined"
    );
}
