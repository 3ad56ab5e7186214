//! `registration.update()` and `registration.unregister()` in a service worker.

use background_sync_e2e::Site;
use serde_json::json;

#[test]
fn a_worker_updates_itself_without_a_page() {
    let old = "onsync = (event) => event.waitUntil(registration.update() \
        .then((same) => post('/old', same === registration)));";
    let new =
        "oninstall = () => skipWaiting(); onactivate = (event) => event.waitUntil(post('/new'));";
    let site = Site::new(old);
    let mut kiosk = site.open();
    kiosk.set_network("offline");
    kiosk.register_sync("update");
    kiosk.close_window();
    site.serve_worker(new);
    kiosk.set_network("online");
    let received = site.server.wait_for(2);
    let mut paths: Vec<_> = received.iter().map(|post| post.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/new", "/old"]);
    let old = received.iter().find(|post| post.path == "/old");
    assert_eq!(old.map(|post| &post.body), Some(&json!(true)));
}

#[test]
fn a_worker_cannot_update_itself_while_it_is_installed() {
    let site = Site::new(
        "oninstall = (event) => event.waitUntil(registration.update() \
           .then(() => post('/install', 'updated'), (error) => post('/install', error.name)));",
    );
    let _kiosk = site.open();
    assert_eq!(site.server.wait_for(1)[0].body, json!("InvalidStateError"));
}

/// Its registration does not have it yet.
#[test]
fn a_worker_that_unregisters_while_its_script_runs_is_redundant() {
    let site = Site::new("");
    let script = "registration.unregister()";
    site.server.serve("/gone/sw.js", "text/javascript", script);
    let mut kiosk = site.open();
    let is_left = kiosk.settle(
        "navigator.serviceWorker.register('/gone/sw.js') \
           .then(({ installing }) => new Promise((done) => { \
             installing.onstatechange = () => installing.state === 'redundant' && done(); })) \
           .then(() => navigator.serviceWorker.getRegistrations()) \
           .then((all) => all.some((one) => one.scope.endsWith('/gone/')))",
    );
    assert_eq!(is_left, Ok(json!(false)));
}

#[test]
fn a_worker_that_retires_itself_takes_its_syncs_along() {
    let site = Site::new(
        "onsync = (event) => event.waitUntil(event.tag === 'second' ? Promise.reject() \
           : registration.unregister().then((found) => post('/gone', found)));",
    );
    let mut kiosk = site.open();
    kiosk.set_network("offline");
    for tag in ["first", "second"] {
        kiosk.register_sync(tag);
    }
    kiosk.set_network("online");
    assert_eq!(site.server.wait_for(1)[0].body, json!(true));
    assert_eq!(
        kiosk.settle("navigator.serviceWorker.getRegistration()"),
        Ok(json!(null))
    );
    let number = kiosk.command("syncs");
    let listed = kiosk.wait_for("the registrations", |event| event["command"] == number);
    assert_eq!(listed["registrations"], json!([]));
}

#[test]
fn a_worker_that_is_unregistered_registers_nothing_more() {
    let site = Site::new(
        "onsync = (event) => event.waitUntil(registration.unregister() \
           .then(() => registration.sync.register('again')) \
           .then(() => post('/again', 'registered'), (error) => post('/again', error.name)));",
    );
    let mut kiosk = site.open();
    kiosk.register_sync("last");
    assert_eq!(site.server.wait_for(1)[0].body, json!("InvalidStateError"));
}
