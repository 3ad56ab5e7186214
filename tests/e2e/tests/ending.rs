//! What is ended is ended: workers that leave, and the browser, whatever its workers and servers do.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use background_sync_e2e::{
    FAST_RETRIES, Kiosk, KioskBuilder, Site, TestServer, in_namespace, mount_small_disk,
};

/// How long the browser may take to end.
const QUIT_LIMIT: Duration = Duration::from_secs(5);

/// In front of workers that never let go.
const FOREVER: &str = "const forever = () => { for (;;) {} };";

/// Steps of workers may take two seconds.
fn impatient() -> KioskBuilder {
    Kiosk::builder()
        .background_sync(FAST_RETRIES)
        .flag("--pref")
        .flag("dom_serviceworker_timeout_seconds=2")
}

fn site(worker: &str) -> Site {
    Site::new(&format!("{FOREVER} {worker}"))
}

#[test]
fn a_worker_that_leaves_has_its_limit() {
    for worker in [
        "onmessage = () => { post('/begun'); forever(); };",
        "onmessage = (event) => event.waitUntil(post('/begun').then(() => new Promise(() => {})));",
        "onactivate = () => { post('/begun'); forever(); };",
        "onactivate = (event) => event.waitUntil(post('/begun').then(() => new Promise(() => {})));",
    ] {
        let site = site(worker);
        let mut kiosk = site.open_with(impatient());
        kiosk.evaluate("registration.active.postMessage(''), 0");
        // A loop does not let its request go.
        if worker.contains("waitUntil") {
            site.server.wait_for(1);
        }
        kiosk
            .settle("registration.unregister()")
            .expect("an answer");
        kiosk.wait_for_worker_threads(0);
    }
}

/// It may finish its events, which have a limit of their own.
#[test]
fn a_worker_that_leaves_finishes_its_event() {
    let site = site(
        "const later = () => new Promise((resolve) => setTimeout(resolve, 4000)); \
         onsync = (event) => event.waitUntil(registration.unregister().then(later).then(() => post('/done')));",
    );
    let mut kiosk = site.open_with(impatient());
    kiosk.register_sync("x");
    assert_eq!(site.server.wait_for(1)[0].path, "/done");
    kiosk.wait_for_worker_threads(0);
}

#[test]
fn a_worker_whose_import_does_not_come_is_ended() {
    let site = site("");
    site.server.serve(
        "/waits.js",
        "text/javascript",
        "importScripts('/never.js');",
    );
    site.server.hold_path("/never.js");
    let mut kiosk = site.open_with(impatient());
    assert_eq!(
        kiosk.settle("navigator.serviceWorker.register('/waits.js', { scope: '/waits/' })"),
        Err("TypeError".to_owned())
    );
    kiosk
        .settle("registration.unregister()")
        .expect("an answer");
    kiosk.wait_for_worker_threads(0);
}

#[test]
fn a_script_whose_server_does_not_answer_is_refused() {
    let site = site("");
    site.server.hold_path("/never.js");
    let mut kiosk = site.open_with(impatient());
    let message = kiosk.settle(
        "navigator.serviceWorker.register('/never.js', { scope: '/never/' }).catch((error) => error.message)",
    );
    let message = message.expect("a message").to_string();
    assert!(message.contains("has not answered in full"), "{message}");
}

/// A conversion to a string that never ends.
#[test]
fn a_conversion_that_is_ended_ends_its_worker_and_no_more() {
    let endless = "{ toString() { for (;;) {} } }";
    for call in [
        format!("registration.sync.register({endless})"),
        format!("new SyncEvent('sync', {{ tag: {endless} }})"),
        format!("registration.periodicSync.unregister({endless})"),
    ] {
        let site = site(&format!(
            "onsync = (event) => {{ if (event.tag === 'next') event.waitUntil(post('/next')); \
               else event.waitUntil(Promise.resolve({call})); }};"
        ));
        let section = format!("{FAST_RETRIES}event_cap_ms = 500\n")
            .replace("max_attempts = 3", "max_attempts = 1");
        let mut kiosk = site.open_with(Kiosk::builder().background_sync(&section));
        kiosk.register_sync("endless");
        assert_eq!(
            kiosk.wait_for_sync("finished")["outcome"],
            "TimedOut",
            "{call}"
        );
        kiosk.wait_for_worker_threads(0);
        kiosk.register_sync("next");
        assert_eq!(site.server.wait_for(1)[0].path, "/next");
        // A thread that panics leaves its script engine behind, and is waited for.
        let took = kiosk.quit();
        assert!(took < Duration::from_millis(2_500), "{call}: {took:?}");
    }
}

/// Brings a browser into a state from which it must end.
type Hostile = fn(&Site, &mut Kiosk);

fn register(kiosk: &mut Kiosk, script: &str) {
    kiosk.evaluate(&format!(
        "navigator.serviceWorker.register('{script}', {{ scope: '{script}' }}).catch(() => {{}}), 0"
    ));
}

fn serve(server: &TestServer, path: &str, script: &str) {
    server.serve(path, "text/javascript", &format!("{FOREVER} {script}"));
}

const HOSTILE: [(&str, Hostile); 11] = [
    ("a script that loops", |site, kiosk| {
        serve(
            &site.server,
            "/x.js",
            "fetch('/begun', { method: 'POST', keepalive: true }); forever();",
        );
        register(kiosk, "/x.js");
        kiosk.wait_for_worker_threads(2);
    }),
    ("a message that loops", |_, kiosk| {
        kiosk.evaluate("registration.active.postMessage('loop'), 0");
    }),
    ("an event that loops", |_, kiosk| {
        kiosk.register_sync("loop");
        kiosk.wait_for_sync("dispatched");
    }),
    ("an installation that loops", |site, kiosk| {
        serve(&site.server, "/x.js", "oninstall = forever;");
        register(kiosk, "/x.js");
        kiosk.wait_for_worker_threads(2);
    }),
    ("an activation that loops", |site, kiosk| {
        serve(&site.server, "/x.js", "onactivate = forever;");
        kiosk
            .settle(
                "navigator.serviceWorker.register('/x.js').then((it) => new Promise((resolve) => { \
                   const worker = it.installing; \
                   worker.onstatechange = () => { if (worker.state === 'activating') resolve(); }; })).then(() => 0)",
            )
            .expect("activating");
    }),
    ("microtasks that never end", |_, kiosk| {
        kiosk.evaluate("registration.active.postMessage('microtasks'), 0");
    }),
    ("a worker that has panicked", |_, kiosk| {
        kiosk.evaluate("registration.active.postMessage('panic'), 0");
        kiosk.wait_for_worker_threads(0);
    }),
    ("a script that does not come", |site, kiosk| {
        site.server.hold_path("/x.js");
        register(kiosk, "/x.js");
        site.server.wait_for_held("/x.js");
    }),
    ("an import that does not come", |site, kiosk| {
        serve(&site.server, "/x.js", "importScripts('/y.js');");
        site.server.hold_path("/y.js");
        register(kiosk, "/x.js");
        site.server.wait_for_held("/y.js");
    }),
    ("an event whose server does not answer", |site, kiosk| {
        site.server.hold_path("/y");
        kiosk.register_sync("fetch");
        site.server.wait_for_held("/y");
    }),
    ("a page that takes no answers", |_, kiosk| {
        kiosk.command(
            "eval for (let i = 0; i < 100; i++) registration.sync.register(`blocked ${i}`); for (;;) {}",
        );
        for _ in 0..100 {
            kiosk.wait_for_sync("registered");
        }
    }),
];

#[test]
fn the_browser_ends_whatever_its_workers_do() {
    for (state, bring_about) in HOSTILE {
        let site = site(
            "oninstall = () => skipWaiting(); \
             onmessage = ({ data }) => { \
               if (data === 'loop') forever(); \
               if (data === 'microtasks') (function again() { Promise.resolve().then(again); })(); \
               if (data === 'panic') new Worker('/nothing.js'); }; \
             onsync = (event) => { \
               if (event.tag === 'loop') forever(); \
               if (event.tag === 'fetch') event.waitUntil(fetch('/y')); };",
        );
        let mut kiosk = site.open();
        bring_about(&site, &mut kiosk);
        let took = kiosk.quit();
        assert!(took < QUIT_LIMIT, "{state}: {took:?}");
        println!("{state}: ended after {took:?}");
    }
}

#[test]
fn an_origin_runs_so_many_workers_at_a_time() {
    let site = site("onsync = (event) => event.waitUntil(post('/sync'));");
    serve(&site.server, "/empty.js", "");
    let mut kiosk = site.open();
    let register = |script: &str, path: &str, count: u32| {
        format!(
            "(async () => {{ for (let i = 0; i < {count}; i++) {{ \
               const made = await navigator.serviceWorker.register('/{script}', {{ scope: `/{path}/${{i}}` }}); \
               const worker = made.installing; \
               if ('{script}' === 'empty.js') await new Promise((done) => {{ \
                 worker.onstatechange = () => {{ if (worker.state === 'activated') done(); }}; }}); \
             }} return 0; }})()"
        )
    };
    // Idle ones give way.
    kiosk
        .settle(&register("empty.js", "idle", 80))
        .expect("registered");
    assert!(kiosk.worker_threads() <= 64, "{}", kiosk.worker_threads());
    kiosk.register_sync("x");
    site.server.wait_for(1);
    // Those that have something to do stay.
    serve(
        &site.server,
        "/busy.js",
        "oninstall = (event) => event.waitUntil(new Promise(() => {}));",
    );
    kiosk
        .settle(&register("busy.js", "busy", 64))
        .expect("registered");
    assert_eq!(
        kiosk.settle(&register("busy.js", "one-more", 1)),
        Err("TypeError".to_owned())
    );
    kiosk.wait_for_worker_threads(64);
    // What can't be started now is tried again.
    kiosk.register_sync("y");
    kiosk.wait_for("the event's outcome", |event| {
        event["kind"] == "finished" && event["tag"] == "y" && event["outcome"] == "WorkerGone"
    });
}

#[test]
fn the_browser_ends_on_a_full_disk() {
    in_namespace("the_browser_ends_on_a_full_disk", || {
        let disk = tempfile::tempdir().expect("a writable folder");
        mount_small_disk(disk.path(), 64);
        let site = site("");
        let builder = Kiosk::builder()
            .background_sync(FAST_RETRIES)
            .profile(&disk.path().join("profile"));
        let mut kiosk = site.open_with(builder);
        let mut filling = File::create(disk.path().join("filling")).expect("there is room");
        while filling.write_all(&[0; 4096]).is_ok() {}
        // More than the files have pages for already.
        let refused = kiosk.settle(
            "Promise.all(Array.from({ length: 250 }, (_, i) => registration.sync.register(`${i} `.repeat(2_000))))",
        );
        assert_eq!(refused, Err("OperationError".to_owned()));
        let took = kiosk.quit();
        assert!(took < QUIT_LIMIT, "{took:?}");
    });
}
