//! Handlers that take their time, and handlers that never end.

use background_sync_e2e::{Answer, FAST_RETRIES, Kiosk, Received, Site};
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
    kiosk.register_sync("endless");
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
fn waiting_for_one_promise_after_the_other_is_given_up() {
    assert_is_stopped(
        "self.addEventListener('sync', (event) => { \
           const more = () => event.waitUntil(new Promise((done) => setTimeout(done, 20)).then(more)); more(); });",
    );
}

#[test]
fn promises_without_end_are_stopped() {
    assert_is_stopped(
        "self.addEventListener('sync', () => { \
           const next = () => { Promise.resolve().then(next); }; next(); next(); });",
    );
}

#[test]
fn no_thread_of_a_stopped_worker_goes_on() {
    let site = Site::new(
        r"self.addEventListener('sync', (event) => {
            const next = () => { Promise.resolve().then(next); };
            if (event.tag === 'promises') { next(); next(); }
            if (event.tag === 'microtasks') { (function again() { queueMicrotask(again); queueMicrotask(again); })(); }
            if (event.tag.startsWith('loop')) while (true) {}
            event.waitUntil(post('/sync', event.tag));
        });
        self.addEventListener('sync', (event) => { if (event.tag === 'loop twice') while (true) {} });",
    );
    let mut kiosk = open_with_cap(&site);
    // All of them are given to the worker before it begins with the first.
    kiosk.set_network("offline");
    let tags = ["promises", "loop", "microtasks", "loop twice", "loop again"];
    for tag in tags {
        kiosk.register_sync(tag);
    }
    kiosk.set_network("online");
    for _ in tags {
        kiosk.wait_for("a tag to be given up", |event| event["next"] == "Removed");
    }
    kiosk.register_sync("next");
    kiosk.wait_for("the next event to succeed", |event| {
        event["kind"] == "finished" && event["tag"] == "next" && event["outcome"] == "Fulfilled"
    });
    kiosk.wait_for_worker_threads(1);
}

/// It loses its worker, but not its only chance.
#[test]
fn what_runs_beside_a_loop_is_not_lost() {
    let site = Site::new(
        r"self.addEventListener('sync', (event) => {
            if (event.tag === 'loop') while (true) {}
            event.waitUntil(post('/sync', [event.tag, event.lastChance]));
        });",
    );
    let mut kiosk = site
        .open_with(Kiosk::builder().background_sync(
            "event_cap_ms = 2000\nmax_attempts = 1\nfirst_retry_delay_ms = 100\n",
        ));
    let register = |kiosk: &mut Kiosk, tag| {
        let call = format!("registration.sync.register('{tag}')");
        kiosk.settle(&call).expect("registered");
        kiosk.wait_for("it to be fired", |event| {
            event["kind"] == "dispatched" && event["tag"] == tag
        });
    };
    register(&mut kiosk, "loop");
    // So that its own cap is later.
    kiosk
        .settle("new Promise((resolve) => setTimeout(resolve, 500))")
        .expect("it is over");
    register(&mut kiosk, "innocent");
    assert_eq!(site.server.wait_for(1)[0].body, json!(["innocent", true]));
    kiosk.wait_for("the loop to be given up", |event| {
        event["tag"] == "loop" && event["next"] == "Removed"
    });
}

#[test]
fn the_cap_ends_the_worker_of_an_unregistered_registration_and_no_other() {
    let site = Site::new(
        r"const started = Math.random();
        self.addEventListener('message', (event) => event.source.postMessage(started));
        self.addEventListener('sync', () => { while (true) {} });",
    );
    let mut kiosk = open_with_cap(&site);
    kiosk.register_sync("endless");
    kiosk.wait_for_sync("dispatched");
    assert_eq!(kiosk.settle("registration.unregister()"), Ok(json!(true)));
    // The scope is registered again while the old worker still loops.
    let again = "navigator.serviceWorker.register('/sw.js').then(async (it) => { \
        const worker = it.installing; \
        await new Promise((done) => { worker.onstatechange = () => { \
          if (worker.state === 'activated') done(); }; }); \
        window.ask = () => new Promise((answer) => { \
          navigator.serviceWorker.onmessage = (event) => answer(event.data); worker.postMessage(''); }); })";
    kiosk.settle(again).expect("registered again");
    let before = kiosk.settle("ask()").expect("the new worker runs");
    kiosk.wait_for_worker_threads(1);
    assert_eq!(kiosk.settle("ask()"), Ok(before), "it is still the same");
}

#[test]
fn a_browser_whose_worker_loops_ends_when_told() {
    let site = Site::new("self.addEventListener('sync', () => { while (true) {} });");
    let mut kiosk = open_with_cap(&site);
    kiosk.register_sync("endless");
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
    kiosk.register_sync("long");
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
    kiosk.register_sync("half");
    assert_eq!(kiosk.wait_for_sync("finished")["outcome"], "Rejected");
}

#[test]
fn a_handler_without_promise_succeeds() {
    let site = Site::new("self.addEventListener('sync', () => {});");
    let mut kiosk = site.open();
    kiosk.register_sync("quick");
    let finished = kiosk.wait_for_sync("finished");
    assert_eq!(
        (&finished["outcome"], &finished["next"]),
        (&json!("Fulfilled"), &json!("Removed"))
    );
}

/// No script can end its own service worker, but one that throws when it is started again does.
#[test]
fn a_worker_that_dies_by_itself_is_started_again_by_the_next_event() {
    let site = Site::new(
        "self.addEventListener('periodicsync', (event) => event.waitUntil(post('/sync', event.tag))); \
         if (self.registration.active && !navigator.onLine) throw new Error('no network');",
    );
    let section = format!("{FAST_RETRIES}periodic_interval_any_origin_ms = 100000000\n");
    let mut kiosk = site.open_with(
        Kiosk::builder()
            .background_sync(&section)
            .flag("--pref")
            .flag("dom_serviceworker_idle_timeout_seconds=1"),
    );
    let url = site.server.url("/");
    kiosk.command(&format!("allow {url}"));
    kiosk
        .settle("registration.periodicSync.register('news')")
        .expect("registered");
    kiosk.wait_for_worker_threads(0);
    kiosk.set_network("offline");
    kiosk.command(&format!("fire-periodic {url} news"));
    assert_eq!(kiosk.wait_for_sync("finished")["outcome"], "WorkerGone");
    kiosk.wait_for_worker_threads(0);
    assert!(site.server.received().is_empty());
    kiosk.set_network("online");
    assert_eq!(site.server.wait_for(1)[0].body, "news");
    assert_eq!(kiosk.wait_for_sync("finished")["outcome"], "Fulfilled");
}

/// In this Servo release, the thread of a service worker that makes a `Worker` panics.
const PANIC: &str = "new Worker('/sw.js')";

#[test]
fn an_event_that_crashes_its_worker_is_tried_again_as_are_those_beside_it() {
    let site = Site::new(&format!(
        "self.addEventListener('sync', (event) => {{ \
           event.waitUntil(post(`/${{event.tag}}`, event.lastChance)); \
           if (event.tag === 'crash' && !event.lastChance) {PANIC}; }});",
    ));
    // The other one is on its way when it happens.
    site.server.answer_next([Answer::Hold]);
    let mut kiosk = site.open();
    kiosk.register_sync("beside");
    site.server.wait_for(1);
    kiosk.register_sync("crash");
    // At once: their caps are minutes away.
    for tag in ["beside", "crash"] {
        kiosk.wait_for("the worker to crash", |event| {
            event["kind"] == "finished" && event["tag"] == tag && event["outcome"] == "WorkerGone"
        });
    }
    for tag in ["beside", "crash"] {
        kiosk.wait_for("the event to succeed", |event| {
            event["tag"] == tag && event["outcome"] == "Fulfilled"
        });
    }
    assert_eq!(kiosk.settle("registration.sync.getTags()"), Ok(json!([])));
    let last = |request: &&Received| request.path == "/crash" && request.body == json!(true);
    assert_eq!(site.server.received().iter().filter(last).count(), 1);
}

#[test]
fn a_worker_that_crashes_before_it_is_active_fails_at_once() {
    let site = Site::new("");
    for (path, script) in [
        ("/run/sw.js", format!("{PANIC};")),
        ("/install/sw.js", format!("self.oninstall = () => {PANIC};")),
        (
            "/activate/sw.js",
            format!(
                "self.onactivate = () => {PANIC}; self.onsync = (event) => event.waitUntil(fetch(`/sync`, {{ \
                   method: 'POST', body: JSON.stringify(event.tag) }}));"
            ),
        ),
    ] {
        site.server.serve(path, "text/javascript", &script);
    }
    let mut kiosk = site.open();
    let register = "navigator.serviceWorker.register";
    assert_eq!(
        kiosk.settle(&format!("{register}('/run/sw.js')")),
        Err("TypeError".to_owned())
    );
    let until = "const until = (worker, state) => new Promise((resolve) => { \
        const look = () => { if (worker.state === state) resolve(state); }; \
        worker.onstatechange = look; look(); });";
    let outcome = |path, state| {
        format!(
            "(async () => {{ {until} const added = await {register}('{path}'); \
             const worker = added.installing ?? added.waiting ?? added.active; \
             await until(worker, '{state}'); await added.sync.register('{state}'); }})()"
        )
    };
    assert_eq!(
        kiosk.settle(&outcome("/install/sw.js", "redundant")),
        Err("InvalidStateError".to_owned())
    );
    assert_eq!(
        kiosk.settle(&outcome("/activate/sw.js", "activated")),
        Ok(json!(null))
    );
    assert_eq!(site.server.wait_for(1)[0].body, "activated");
}
