//! Periodic sync in pages and workers.

use background_sync_e2e::{Kiosk, Site};
use serde_json::{Value, json};

/// Intervals short enough for a test, and retries that are not needed.
const SHORT_INTERVALS: &str = "periodic_interval_any_origin_ms = 1000\nperiodic_interval_across_origins_ms = 1000\nperiodic_grouping_ms = 0\n";

const WORKER: &str = "self.addEventListener('periodicsync', (event) => event.waitUntil( \
    post('/periodic', [event.tag, event instanceof PeriodicSyncEvent, event.isTrusted])));";

fn open(site: &Site) -> Kiosk {
    let mut kiosk = site.open_with(Kiosk::builder().background_sync(SHORT_INTERVALS));
    kiosk.command(&format!("allow {}", site.server.url("/")));
    kiosk
}

#[test]
fn periodic_sync_fires_again_and_again_and_not_at_once() {
    let site = Site::new(WORKER);
    let mut kiosk = open(&site);
    kiosk
        .settle("registration.periodicSync.register('news', { minInterval: 300 })")
        .expect("registered");
    assert!(
        site.server.received().is_empty(),
        "not right after registering"
    );
    let received = site.server.wait_for(3);
    for post in received {
        assert_eq!(post.body, json!(["news", true, true]));
    }
    assert_eq!(
        kiosk.settle("registration.periodicSync.getTags()"),
        Ok(json!(["news"]))
    );
}

/// Tells the kiosk what to add to the site's intervals.
fn add_to_interval(kiosk: &mut Kiosk, site: &Site, time: &str) -> Value {
    let url = site.server.url("/");
    kiosk.command(&format!("extra-interval {time} {url}"));
    kiosk.wait_for_sync("extra-interval-set")
}

/// Three intervals, with nothing that could tell that nothing happens.
fn let_intervals_pass(kiosk: &mut Kiosk) {
    kiosk.evaluate("setTimeout(() => console.log('three intervals are over'), 3000), 0");
    kiosk.wait_for_console("three intervals are over");
}

#[test]
fn the_embedder_suspends_an_origins_periodic_syncs_until_it_says_otherwise() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = Site::new(WORKER);
    let permission = format!(
        "origin = {:?}\nperiodic_background_sync = \"granted\"",
        site.server.url("").trim_end_matches('/')
    );
    let builder = || {
        Kiosk::builder()
            .background_sync(SHORT_INTERVALS)
            .section("[permissions]", &permission)
            .profile(profile.path())
    };
    let mut kiosk = site.open_with(builder());
    add_to_interval(&mut kiosk, &site, "never");
    kiosk
        .settle("registration.periodicSync.register('news')")
        .expect("registered");
    let_intervals_pass(&mut kiosk);
    assert_eq!(site.server.received(), []);
    kiosk.kill();

    // It is kept.
    let mut kiosk = site.open_with(builder());
    assert_eq!(
        kiosk.settle("registration.periodicSync.getTags()"),
        Ok(json!(["news"]))
    );
    let_intervals_pass(&mut kiosk);
    assert_eq!(site.server.received(), []);
    assert_eq!(
        add_to_interval(&mut kiosk, &site, "0")["registrations"],
        json!(1)
    );
    site.server.wait_for(2);
}

#[test]
fn the_embedder_adds_to_an_origins_intervals() {
    let site = Site::new(WORKER);
    let mut kiosk = open(&site);
    add_to_interval(&mut kiosk, &site, "2000");
    kiosk
        .settle("registration.periodicSync.register('news')")
        .expect("registered");
    let mut fired = Vec::new();
    for _ in 0..3 {
        let dispatched = kiosk.wait_for_sync("dispatched");
        fired.push(dispatched["ms"].as_u64().expect("every event has its time"));
    }
    for pair in fired.windows(2) {
        let interval_ms = pair[1] - pair[0];
        // Without that it would be one second.
        assert!(interval_ms > 2_500, "{fired:?}");
    }
}

#[test]
fn periodic_sync_needs_its_permission() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open();
    assert_eq!(
        kiosk.settle("registration.periodicSync.register('news', { minInterval: 1 })"),
        Err("NotAllowedError".to_owned())
    );
}

#[test]
fn periodic_tags_are_listed_and_unregistered_beside_the_others() {
    let site = Site::new(WORKER);
    let mut kiosk = open(&site);
    kiosk.set_network("offline");
    for script in [
        "registration.periodicSync.register('a', { minInterval: 1e9 })",
        "registration.periodicSync.register('b', { minInterval: 1e9 })",
        "registration.sync.register('a')",
    ] {
        kiosk.settle(script).expect("registered");
    }
    assert_eq!(
        kiosk.settle("registration.periodicSync.getTags()"),
        Ok(json!(["a", "b"]))
    );
    for tag in ["a", "unknown"] {
        let unregister = format!("registration.periodicSync.unregister('{tag}')");
        assert_eq!(kiosk.settle(&unregister), Ok(json!(null)), "{tag}");
    }
    assert_eq!(
        kiosk.settle("registration.periodicSync.getTags()"),
        Ok(json!(["b"]))
    );
    assert_eq!(
        kiosk.settle("registration.sync.getTags()"),
        Ok(json!(["a"]))
    );
}

#[test]
fn intervals_are_in_range() {
    let site = Site::new(WORKER);
    let mut kiosk = open(&site);
    for interval in ["-1", "2 ** 53", "NaN", "Infinity"] {
        let register =
            format!("registration.periodicSync.register('x', {{ minInterval: {interval} }})");
        assert_eq!(
            kiosk.settle(&register),
            Err("TypeError".to_owned()),
            "{interval}"
        );
    }
}

#[test]
fn without_an_active_worker_there_is_nothing_to_register() {
    let site = Site::new(WORKER);
    site.server.serve(
        "/waits.js",
        "text/javascript",
        "oninstall = (event) => event.waitUntil(new Promise(() => {}));",
    );
    let mut kiosk = open(&site);
    kiosk.evaluate(
        "navigator.serviceWorker.register('/waits.js', { scope: '/waits/' })\
         .then((it) => { window.waits = it; console.log('it waits'); }), 0",
    );
    kiosk.wait_for_console("it waits");
    assert_eq!(
        kiosk.settle("waits.periodicSync.register('x')"),
        Err("InvalidStateError".to_owned())
    );
    assert_eq!(
        kiosk.settle("waits.periodicSync.unregister('x')"),
        Ok(json!(null))
    );
    assert_eq!(kiosk.settle("waits.periodicSync.getTags()"), Ok(json!([])));
}
