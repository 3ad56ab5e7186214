//! How new versions of a worker are found, and what waits for what.

use background_sync_e2e::{Answer, FAST_RETRIES, Kiosk, PAGE, Site};
use serde_json::json;

/// Takes over at once, and says which library it has.
const IMPORTING: &str = "importScripts('/lib.js'); oninstall = () => skipWaiting(); \
    onsync = (event) => event.waitUntil(post('/lib', version));";

fn serve_lib(site: &Site, version: u32) {
    let text = format!("self.version = {version};");
    site.server.serve("/lib.js", "text/javascript", &text);
}

/// Waits until a new worker is active, after `update` has begun.
fn wait_for_new_worker(kiosk: &mut Kiosk, update: &str) {
    kiosk
        .settle(&format!(
            "new Promise((resolve, reject) => {{ \
               registration.onupdatefound = () => {{ const worker = registration.installing; \
                 worker.onstatechange = () => {{ if (worker.state === 'activated') resolve(); }}; }}; \
               ({update}).catch(reject); }})"
        ))
        .expect("a new version");
}

#[test]
fn an_imported_script_that_changes_makes_a_new_version() {
    let site = Site::new(IMPORTING);
    serve_lib(&site, 1);
    let mut kiosk = site.open();
    serve_lib(&site, 2);
    wait_for_new_worker(&mut kiosk, "registration.update()");
    kiosk.register_sync("x");
    assert_eq!(site.server.wait_for(1)[0].body, json!(2));
    // The same again is no version, and one that is gone is none either.
    let worker = "window.before = registration.active, 0";
    kiosk.evaluate(worker);
    kiosk.settle("registration.update()").expect("looked");
    site.server.serve_status("/lib.js", 404);
    kiosk.settle("registration.update()").expect("looked");
    assert_eq!(
        kiosk.evaluate("registration.installing === null && registration.active === before"),
        true
    );
}

/// How often the library is asked for, where the HTTP cache may keep it, when the app looks for a new version.
fn requests_of_cached_import(update_interval_seconds: u64) -> usize {
    let site = Site::new(IMPORTING);
    let headers = [
        ("Content-Type", "text/javascript"),
        ("Cache-Control", "max-age=1000000"),
    ];
    site.server
        .serve_with("/lib.js", &headers, "self.version = 1;");
    let interval = format!("dom_serviceworker_update_interval_seconds={update_interval_seconds}");
    let mut kiosk = site.open_with(
        Kiosk::builder()
            .background_sync(FAST_RETRIES)
            .flag("--pref")
            .flag(&interval),
    );
    let before = site.server.asked_for("/lib.js").len();
    kiosk.settle("registration.update()").expect("looked");
    site.server.asked_for("/lib.js").len() - before
}

#[test]
fn a_stale_registration_gets_its_imports_past_the_http_cache() {
    assert_eq!(requests_of_cached_import(86_400), 0);
    assert_eq!(requests_of_cached_import(0), 1);
}

#[test]
fn an_update_check_runs_no_worker() {
    let site = Site::new("");
    let mut kiosk = site.open_with(
        Kiosk::builder()
            .background_sync(FAST_RETRIES)
            .flag("--pref")
            .flag("dom_serviceworker_idle_timeout_seconds=1"),
    );
    kiosk.wait_for_worker_threads(0);
    site.server.hold_path("/sw.js");
    kiosk.evaluate("registration.update().then(() => console.log('updated')), 0");
    site.server.wait_for_held("/sw.js");
    assert_eq!(kiosk.worker_threads(), 0);
    site.server.release_path("/sw.js");
    kiosk.wait_for_console("updated");
    assert_eq!(kiosk.worker_threads(), 0);
}

#[test]
fn an_app_whose_page_is_never_left_has_new_versions() {
    let version = |name: &str| {
        format!(
            "oninstall = () => skipWaiting(); \
             onsync = (event) => event.waitUntil(post('/{name}', event.tag));"
        )
    };
    let site = Site::new(&version("old"));
    let mut kiosk = site.open_with(
        Kiosk::builder()
            .background_sync(FAST_RETRIES)
            .flag("--pref")
            .flag("dom_serviceworker_update_interval_seconds=0"),
    );
    site.serve_worker(&version("new"));
    wait_for_new_worker(&mut kiosk, "registration.sync.register('first')");
    kiosk.register_sync("second");
    let paths: Vec<_> = site
        .server
        .wait_for(2)
        .into_iter()
        .map(|it| it.path)
        .collect();
    assert_eq!(paths, ["/old", "/new"]);
}

#[test]
fn a_version_that_was_just_looked_for_is_not_looked_for_again() {
    let site = Site::new("onsync = (event) => event.waitUntil(post('/sent'));");
    let mut kiosk = site.open();
    let asked = site.server.asked_for("/sw.js").len();
    for (count, tag) in ["one", "two", "three"].into_iter().enumerate() {
        kiosk.register_sync(tag);
        site.server.wait_for(count + 1);
    }
    assert_eq!(site.server.asked_for("/sw.js").len(), asked);
}

#[test]
fn a_version_that_is_too_long_to_be_kept_does_not_bring_back_the_one_before() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = Site::new("onsync = (event) => event.waitUntil(post('/old'));");
    let builder = || Kiosk::with_fast_retries(profile.path());
    let mut kiosk = site.open_with(builder());
    let padding = "x".repeat(5 * 1024 * 1024);
    site.serve_worker(&format!(
        "oninstall = () => skipWaiting(); onsync = (event) => event.waitUntil(post('/new')); \
         /* {padding} */"
    ));
    wait_for_new_worker(&mut kiosk, "registration.update()");
    kiosk.wait_for_report(&format!(
        "The service worker of {} is too long to be kept",
        site.server.url("/")
    ));
    kiosk.set_network("offline");
    kiosk.register_sync("x");
    kiosk.kill();
    // Its page installs it anew.
    let mut kiosk = site.open_with(builder());
    kiosk.wait_for_sync("finished");
    assert_eq!(site.server.wait_for(1)[0].path, "/new");
}

#[test]
fn each_worker_has_its_own_script_url() {
    let site = Site::new("onactivate = (event) => event.waitUntil(clients.claim());");
    site.server.serve("/other.js", "text/javascript", "");
    let mut kiosk = site.open();
    kiosk
        .settle(
            "new Promise((resolve) => { navigator.serviceWorker.oncontrollerchange = resolve; \
               if (navigator.serviceWorker.controller) resolve(); }).then(() => 0)",
        )
        .expect("claimed");
    kiosk
        .settle(
            "navigator.serviceWorker.register('/other.js').then((it) => new Promise((resolve) => { \
               const worker = it.installing; worker.onstatechange = resolve; })).then(() => 0)",
        )
        .expect("installed");
    // A page that comes later sees the same.
    let page = PAGE.replace("await navigator.serviceWorker.register('/sw.js');", "");
    site.server.serve("/later", "text/html", &page);
    kiosk.command(&format!("open {}", site.server.url("/later")));
    kiosk.wait_for_console("page ready");
    let urls = "[registration.active, navigator.serviceWorker.controller, registration.waiting] \
         .map((worker) => worker && new URL(worker.scriptURL).pathname)";
    assert_eq!(
        kiosk.settle(&format!(
            "navigator.serviceWorker.getRegistration().then((registration) => {urls})"
        )),
        Ok(json!(["/sw.js", "/sw.js", "/other.js"]))
    );
}

#[test]
fn jobs_of_a_scope_wait_for_each_other() {
    let site = Site::new("");
    site.server.serve(
        "/slow.js",
        "text/javascript",
        "oninstall = (event) => event.waitUntil(fetch('/installing', { method: 'POST' }));",
    );
    site.server.answer_next([Answer::Hold]);
    let mut kiosk = site.open();
    kiosk.evaluate(
        "window.order = [], window.done = (async () => { \
           const made = await navigator.serviceWorker.register('/slow.js', { scope: '/slow/' }); \
           order.push('registered'); \
           const worker = made.installing; \
           worker.onstatechange = () => order.push(worker.state); \
           const gone = made.unregister().then((found) => order.push(`unregistered ${found}`)); \
           const again = navigator.serviceWorker.register('/slow.js', { scope: '/slow/' }) \
             .then((it) => order.push(`again ${it === made}`)); \
           console.log('asked'); await gone; await again; })(), 0",
    );
    kiosk.wait_for_console("asked");
    site.server.wait_for(1);
    assert_eq!(kiosk.evaluate("order.join()"), "registered");
    site.server.release();
    kiosk.settle("done").expect("all of it");
    let order = kiosk.evaluate("order.filter((it) => !it.startsWith('activat')).join()");
    assert_eq!(
        order,
        "registered,installed,redundant,unregistered true,again false"
    );
}

#[test]
fn a_worker_sees_the_other_versions_of_its_registration() {
    let site = Site::new(
        "onactivate = (event) => event.waitUntil(clients.claim()); \
         registration.onupdatefound = () => { const worker = registration.installing; \
           if (!registration.active) return; /* It is this worker itself. */ \
           worker.onstatechange = () => post('/found', [worker.state, registration.installing === null, \
             registration.waiting === worker, registration.active.state]); };",
    );
    let mut kiosk = site.open();
    site.serve_worker(
        "onmessage = (event) => event.waitUntil(post('/own', \
        [registration.waiting.state, registration.active.state, registration.installing]));",
    );
    kiosk.settle("registration.update()").expect("updated");
    assert_eq!(
        site.server.wait_for(1)[0].body,
        json!(["installed", true, true, "activated"])
    );
    kiosk.evaluate("registration.waiting.postMessage(''), 0");
    assert_eq!(
        site.server.wait_for(2)[1].body,
        json!(["installed", "activated", null])
    );
}

/// `new Worker()` in a service worker panics its thread in this release of Servo.
#[test]
fn a_waiting_worker_that_has_crashed_is_activated_all_the_same() {
    let site = Site::new("onactivate = (event) => event.waitUntil(clients.claim());");
    let mut kiosk = site.open();
    site.serve_worker(
        "onmessage = () => { new Worker('/nothing.js'); }; \
         onactivate = (event) => event.waitUntil(post('/activate')); \
         onsync = (event) => event.waitUntil(post('/sync'));",
    );
    kiosk
        .settle(
            "registration.update().then(() => new Promise((resolve) => { \
               registration.installing.onstatechange = resolve; })).then(() => 0)",
        )
        .expect("installed");
    kiosk.evaluate("registration.waiting.postMessage(''), 0");
    kiosk.wait_for_worker_threads(1);
    kiosk.close_window();
    assert_eq!(site.server.wait_for(1)[0].path, "/activate");
    kiosk.command(&format!("open {}", site.server.url("/")));
    kiosk.wait_for_console("page ready");
    kiosk.register_sync("x");
    assert_eq!(site.server.wait_for(2)[1].path, "/sync");
}
