//! `navigator.sync`, the API of the explainer of 2014, in pages and workers.

use background_sync_e2e::{FAST_RETRIES, Kiosk, Site};
use serde_json::json;

const WORKER: &str = "self.addEventListener('sync', (event) => event.waitUntil( \
    post('/sync', [event.tag, event.id, event.data, event.lastChance])));";

fn open(site: &Site) -> Kiosk {
    open_with(site, FAST_RETRIES)
}

fn open_with(site: &Site, policy: &str) -> Kiosk {
    let builder = Kiosk::builder().background_sync(policy);
    site.open_with(
        builder
            .flag("--pref")
            .flag("dom_background_sync_explainer_enabled=true"),
    )
}

#[test]
fn it_is_off_unless_it_is_asked_for() {
    let site = Site::new(
        "onmessage = () => {}; post('/worker', ['sync' in navigator, 'id' in SyncEvent.prototype]);",
    );
    let mut kiosk = site.open();
    assert_eq!(kiosk.evaluate("'sync' in navigator"), false);
    assert_eq!(site.server.wait_for(1)[0].body, json!([false, false]));
}

#[test]
fn the_event_has_the_id_and_the_data() {
    let site = Site::new(WORKER);
    let mut kiosk = open(&site);
    let register = "navigator.sync.register('outbox', { data: JSON.stringify({ text: 'Grüße' }) })";
    assert_eq!(kiosk.settle(register), Ok(json!(null)));
    assert_eq!(
        site.server.wait_for(1)[0].body,
        json!(["outbox", "outbox", "{\"text\":\"Grüße\"}", false])
    );
    // A tag has neither.
    kiosk.register_sync("tag");
    assert_eq!(
        site.server.wait_for(2)[1].body,
        json!(["tag", null, null, false])
    );
}

#[test]
fn ids_are_listed_and_unregistered_beside_the_tags() {
    let site = Site::new(WORKER);
    let mut kiosk = open(&site);
    kiosk.set_network("offline");
    for script in [
        "navigator.sync.register('a')",
        "navigator.sync.register('b', { data: 'old' })",
        "navigator.sync.register('b', { data: 'new' })",
        "registration.sync.register('a')",
        "navigator.sync.unregister('a')",
        "navigator.sync.unregister('unknown')",
    ] {
        assert_eq!(kiosk.settle(script), Ok(json!(null)), "{script}");
    }
    assert_eq!(
        kiosk.settle("navigator.sync.registrations()"),
        Ok(json!(["b"]))
    );
    assert_eq!(
        kiosk.settle("registration.sync.getTags()"),
        Ok(json!(["a"]))
    );
    kiosk.set_network("online");
    let mut received: Vec<_> = site
        .server
        .wait_for(2)
        .into_iter()
        .map(|post| post.body)
        .collect();
    received.sort_by_key(ToString::to_string);
    assert_eq!(
        received,
        [
            json!(["a", null, null, false]),
            json!(["b", "b", "new", false])
        ]
    );
}

#[test]
fn what_repeats_fires_until_it_is_unregistered_by_its_worker() {
    let site = Site::new(
        "let events = 0; \
         self.addEventListener('sync', (event) => event.waitUntil((async () => { \
           events += 1; \
           if (events === 3) await navigator.sync.unregister(event.id); \
           await post('/sync', [event.id, await navigator.sync.registrations()]); \
         })()));",
    );
    let intervals = "periodic_interval_any_origin_ms = 100\nperiodic_interval_across_origins_ms = 100\nperiodic_grouping_ms = 0\n";
    let mut kiosk = open_with(&site, intervals);
    // It is the permission for events without end.
    assert_eq!(
        kiosk.settle("navigator.sync.register('news', { repeating: true, minInterval: 100 })"),
        Err("NotAllowedError".to_owned())
    );
    kiosk.command(&format!("allow {}", site.server.url("/")));
    kiosk
        .settle("navigator.sync.register('news', { repeating: true, minInterval: 100 })")
        .expect("registered");
    let received = site.server.wait_for(3);
    assert_eq!(received[0].body, json!(["news", ["news"]]));
    assert_eq!(received[1].body, json!(["news", ["news"]]));
    assert_eq!(received[2].body, json!(["news", []]));
    assert_eq!(
        kiosk.settle("navigator.sync.registrations()"),
        Ok(json!([]))
    );
}

#[test]
fn it_needs_a_registration_that_matches_but_not_an_active_worker() {
    let site = Site::new(WORKER);
    // Installing until the server is asked to let it go on.
    site.server.serve(
        "/none/sw.js",
        "text/javascript",
        "oninstall = (event) => event.waitUntil(new Promise((resolve) => { onmessage = resolve; })); \
         onsync = (event) => event.waitUntil(fetch('/sync', { method: 'POST', body: JSON.stringify(event.id) }));",
    );
    site.server.serve("/none/", "text/html", "<script>\
        function settle(label, work) { work().then(\
          (value) => console.log(`${label}ok ${JSON.stringify(value ?? null)}`), \
          (error) => console.log(`${label}error ${error.name}`)); } console.log('bare page');</script>");
    let mut kiosk = Kiosk::builder()
        .background_sync(FAST_RETRIES)
        .flag("--pref")
        .flag("dom_background_sync_explainer_enabled=true")
        .open(&site.server.url("/none/"));
    kiosk.wait_for_console("bare page");
    assert_eq!(
        kiosk.settle("navigator.sync.register('too-early')"),
        Err("InvalidStateError".to_owned())
    );
    assert_eq!(
        kiosk.settle("navigator.serviceWorker.register('/none/sw.js', { scope: '/none/' }).then((made) => (window.made = made).active)"),
        Ok(json!(null))
    );
    assert_eq!(
        kiosk.settle("navigator.sync.register('waits')"),
        Ok(json!(null))
    );
    assert!(site.server.received().is_empty(), "no worker is active");
    kiosk.evaluate("made.installing.postMessage('go on'), 0");
    assert_eq!(site.server.wait_for(1)[0].body, json!("waits"));
}

#[test]
fn wrong_options_are_refused() {
    let site = Site::new(WORKER);
    let mut kiosk = open(&site);
    for (options, error) in [
        ("{ minInterval: -1 }", "TypeError"),
        ("{ dir: 'up' }", "TypeError"),
        ("{ data: 'x'.repeat(262145) }", "InvalidAccessError"),
    ] {
        let call = format!("navigator.sync.register('wrong', {options})");
        assert_eq!(kiosk.settle(&call), Err(error.to_owned()), "{options}");
    }
    assert_eq!(
        kiosk.settle("navigator.sync.registrations()"),
        Ok(json!([]))
    );
}

#[test]
fn a_worker_registers_through_its_navigator() {
    let site = Site::new(
        "self.addEventListener('sync', (event) => event.waitUntil(event.tag === 'first' \
           ? navigator.sync.register('second', { data: 'from the worker' }) \
           : post('/sync', [event.id, event.data])));",
    );
    let mut kiosk = open(&site);
    kiosk
        .settle("navigator.sync.register('first')")
        .expect("registered");
    assert_eq!(
        site.server.wait_for(1)[0].body,
        json!(["second", "from the worker"])
    );
}
