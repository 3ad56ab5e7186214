//! Events that come one after the other, to a worker that runs: they go straight to its thread, and all else must be as if
//! its manager had given each of them.

use background_sync_e2e::{FAST_RETRIES, Kiosk, KioskBuilder, Site};

/// The first event after a start goes by the constellation, the second by the worker's manager.
const UNTIL_DIRECT: usize = 2;

/// Resolved once the registration's newest worker is activated.
const ACTIVATED: &str = "new Promise((resolve) => { \
    const worker = registration.installing || registration.waiting || registration.active; \
    const look = () => worker.state === 'activated' && resolve(0); \
    worker.onstatechange = look; look(); })";

fn builder(section: &str) -> KioskBuilder {
    Kiosk::builder().background_sync(&format!("{FAST_RETRIES}{section}"))
}

/// Registers tags one after the other, each once the one before is done. The handler posts to `/sync`.
fn sync_often(kiosk: &mut Kiosk, site: &Site, count: usize) {
    for _ in 0..count {
        let before = site.server.received_count();
        kiosk.register_sync(&format!("tag {before}"));
        site.server.wait_for(before + 1);
        let finished = kiosk.wait_for_sync("finished");
        assert_eq!(finished["outcome"], "Fulfilled");
    }
}

#[test]
fn a_handler_knows_that_the_network_is_back() {
    let site = Site::new(
        "self.changes = []; \
         for (const name of ['online', 'offline']) self.addEventListener(name, () => changes.push(name)); \
         self.addEventListener('sync', (event) => event.waitUntil(post('/sync', [navigator.onLine, changes])));",
    );
    let mut kiosk = site.open_with(builder(""));
    sync_often(&mut kiosk, &site, UNTIL_DIRECT + 1);
    let mut changes = Vec::new();
    for round in 0..4 {
        kiosk.set_network("offline");
        kiosk.register_sync(&format!("round {round}"));
        kiosk.command("online");
        changes.extend(["offline", "online"]);
        let received = site.server.wait_for(UNTIL_DIRECT + 2 + round);
        // Each change is told once, by whichever way it comes first.
        let told = serde_json::json!([true, changes]);
        assert_eq!(received.last().map(|it| &it.body), Some(&told));
    }
}

#[test]
fn a_worker_that_is_given_events_goes_on_and_is_stopped_when_there_are_no_more() {
    let site = Site::new(
        "self.runs = 0; \
         self.addEventListener('sync', (event) => event.waitUntil(post('/sync', runs += 1)));",
    );
    let idle = "dom_serviceworker_idle_timeout_seconds=1";
    let mut kiosk = site.open_with(builder("").flag("--pref").flag(idle));
    let mut runs = 0;
    // For longer than an idle worker goes on.
    for _ in 0..8 {
        sync_often(&mut kiosk, &site, 1);
        runs += 1;
        let last = site.server.received().pop().expect("one has come");
        assert_eq!(last.body, runs, "it has begun anew");
        let pause = "new Promise((resolve) => setTimeout(resolve, 400))";
        kiosk.settle(pause).expect("it is over");
    }
    kiosk.wait_for_worker_threads(0);
    sync_often(&mut kiosk, &site, 1);
    let last = site.server.received().pop().expect("one has come");
    assert_eq!(last.body, 1);
}

#[test]
fn a_new_version_is_given_the_next_event() {
    let worker = |version: u32| {
        format!(
            "self.addEventListener('install', () => skipWaiting()); \
             self.addEventListener('sync', (event) => event.waitUntil(post('/sync', {version})));"
        )
    };
    let site = Site::new(&worker(0));
    let mut kiosk = site.open_with(builder(""));
    for version in 1..4 {
        sync_often(&mut kiosk, &site, UNTIL_DIRECT + 2);
        let last = site.server.received().pop().expect("some have come");
        assert_eq!(last.body, version - 1);
        site.serve_worker(&worker(version));
        kiosk
            .settle(&format!("registration.update().then(() => {ACTIVATED})"))
            .expect("it is active");
    }
}

#[test]
fn an_event_that_never_ends_ends_its_worker() {
    let site = Site::new(
        "self.runs = 0; \
         self.addEventListener('sync', (event) => event.waitUntil( \
           event.tag === 'endless' && runs > 0 ? new Promise(() => {}) : post('/sync', runs += 1)));",
    );
    let mut kiosk = site.open_with(builder("event_cap_ms = 1000\n"));
    sync_often(&mut kiosk, &site, UNTIL_DIRECT + 1);
    kiosk.register_sync("endless");
    assert_eq!(kiosk.wait_for_sync("finished")["outcome"], "TimedOut");
    // Its second attempt is at a worker that has begun anew.
    let received = site.server.wait_for(UNTIL_DIRECT + 2);
    assert_eq!(received.last().map(|it| &it.body), Some(&1.into()));
    assert_eq!(kiosk.wait_for_sync("finished")["outcome"], "Fulfilled");
    sync_often(&mut kiosk, &site, UNTIL_DIRECT + 1);
}

#[test]
fn an_unregistered_worker_is_given_no_more_events() {
    let site =
        Site::new("self.addEventListener('sync', (event) => event.waitUntil(post('/sync')));");
    let mut kiosk = site.open_with(builder(""));
    sync_often(&mut kiosk, &site, UNTIL_DIRECT + 1);
    kiosk.set_network("offline");
    kiosk.register_sync("of the one that goes");
    let gone = kiosk.settle("registration.unregister()");
    assert_eq!(gone, Ok(true.into()));
    kiosk.set_network("online");
    let registered_anew = format!(
        "navigator.serviceWorker.register('/sw.js') \
           .then((it) => {{ window.registration = it; return {ACTIVATED}; }}) \
           .then(() => registration.sync.register('of the new one'))"
    );
    kiosk.settle(&registered_anew).expect("there is a new one");
    assert_eq!(kiosk.wait_for_sync("finished")["tag"], "of the new one");
    assert_eq!(site.server.received_count(), UNTIL_DIRECT + 2);
}
