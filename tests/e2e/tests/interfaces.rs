//! What scripts see.

use background_sync_e2e::{FAST_RETRIES, Kiosk, Site};
use serde_json::{Value, json};

/// Runs an expression in a service worker when its script is first evaluated, and returns its value.
fn in_worker(expression: &str) -> Value {
    let site = Site::new(&format!(
        "const work = async () => ({expression});
         work().then((value) => post('/result', value), (error) => post('/result', error.name));"
    ));
    let _kiosk = site.open();
    site.server.wait_for(1)[0].body.clone()
}

#[test]
fn sync_events_can_be_made() {
    let expression = "(() => { \
        const event = new SyncEvent('sync', { tag: 'x', lastChance: true }); \
        return [event.type, event.tag, event.lastChance, event.isTrusted, event instanceof ExtendableEvent, \
                new SyncEvent('sync', { tag: '' }).lastChance]; })()";
    assert_eq!(
        in_worker(expression),
        json!(["sync", "x", true, false, true, false])
    );
}

#[test]
fn sync_events_need_a_tag() {
    for arguments in ["'sync'", "'sync', {}", ""] {
        assert_eq!(
            in_worker(&format!("new SyncEvent({arguments})")),
            "TypeError",
            "{arguments}"
        );
    }
}

#[test]
fn sync_events_are_for_workers_only() {
    let site = Site::new("");
    let mut kiosk = site.open();
    assert_eq!(kiosk.evaluate("typeof SyncEvent"), "undefined");
    assert_eq!(kiosk.evaluate("'onsync' in window"), false);
    assert_eq!(
        in_worker("['onsync' in self, self.onsync]"),
        json!([true, null])
    );
}

#[test]
fn the_attribute_onsync_hears_events() {
    let site = Site::new(
        "self.onsync = (event) => event.waitUntil(post('/sync', [event.tag, event.isTrusted, event.target === self]));",
    );
    let mut kiosk = site.open();
    kiosk.register_sync("attribute");
    assert_eq!(
        site.server.wait_for(1)[0].body,
        json!(["attribute", true, true])
    );
}

#[test]
fn a_registration_has_one_sync_manager() {
    let site = Site::new("");
    let mut kiosk = site.open();
    for (expression, value) in [
        ("registration.sync instanceof SyncManager", json!(true)),
        ("registration.sync === registration.sync", json!(true)),
        (
            "Object.prototype.toString.call(registration.sync)",
            json!("[object SyncManager]"),
        ),
        (
            "(() => { try { new SyncManager(); } catch (error) { return error.name; } })()",
            json!("TypeError"),
        ),
        ("registration.sync.register.length", json!(1)),
    ] {
        assert_eq!(kiosk.evaluate(expression), value, "{expression}");
    }
    assert_eq!(
        kiosk.settle("registration.sync.register()"),
        Err("TypeError".to_owned())
    );
    assert_eq!(
        kiosk.settle("registration.sync.register('x')"),
        Ok(json!(null)),
        "undefined"
    );
}

#[test]
fn tags_are_listed_in_the_order_of_their_registration() {
    let site = Site::new("self.addEventListener('sync', () => {});");
    let mut kiosk = site.open();
    assert_eq!(kiosk.settle("registration.sync.getTags()"), Ok(json!([])));
    kiosk.set_network("offline");
    for tag in ["b", "a", "c", "a"] {
        kiosk.register_sync(tag);
    }
    assert_eq!(
        kiosk.settle("registration.sync.getTags()"),
        Ok(json!(["b", "a", "c"]))
    );
}

#[test]
fn workers_know_their_registration() {
    let expression = "[self.registration instanceof ServiceWorkerRegistration, \
        new URL(self.registration.scope).pathname, self.registration.sync instanceof SyncManager, \
        await self.registration.sync.getTags()]";
    assert_eq!(in_worker(expression), json!([true, "/", true, []]));
}

#[test]
fn pages_and_workers_know_whether_there_is_a_network() {
    let site = Site::new(
        r"self.addEventListener('sync', (event) => event.waitUntil(post('/sync', navigator.onLine)));
          self.addEventListener('message', () => console.log(`worker onLine ${navigator.onLine}`));",
    );
    let mut kiosk = site.open();
    assert_eq!(kiosk.evaluate("navigator.onLine"), true);
    kiosk.evaluate(
        "['online', 'offline'].forEach((type) => addEventListener(type, (event) => \
         console.log(`heard ${event.type} ${event.isTrusted} ${navigator.onLine}`))), 0",
    );
    kiosk.command("offline");
    kiosk.wait_for_console("heard offline true false");
    assert_eq!(kiosk.evaluate("navigator.onLine"), false);
    kiosk.evaluate("registration.active.postMessage('?'), 0");
    kiosk.wait_for_console("worker onLine false");

    kiosk.register_sync("later");
    kiosk.command("online");
    kiosk.wait_for_console("heard online true true");
    assert_eq!(site.server.wait_for(1)[0].body, true);
}

#[test]
fn a_page_loaded_offline_knows_it() {
    let site = Site::new("");
    let mut kiosk = site.open();
    kiosk.set_network("offline");
    let fetched = kiosk.settle("fetch('/')");
    assert_eq!(
        fetched,
        Err("TypeError".to_owned()),
        "content must not reach the network"
    );
    kiosk.evaluate(
        "document.body.append(Object.assign(document.createElement('iframe'), \
         { srcdoc: '<script>console.log(`frame onLine ${navigator.onLine}`)</script>' })), 0",
    );
    kiosk.wait_for_console("frame onLine false");
}

#[test]
fn workers_without_a_page_know_that_the_network_is_back() {
    let site = Site::new(
        "self.addEventListener('sync', (event) => event.waitUntil(post('/sync', navigator.onLine)));",
    );
    let mut kiosk = site.open();
    kiosk.set_network("offline");
    kiosk.register_sync("later");
    kiosk.close_window();
    kiosk.command("online");
    assert_eq!(site.server.wait_for(1)[0].body, true);
    kiosk.command("open");
    kiosk.wait_for_console("page ready");
    assert_eq!(kiosk.evaluate("navigator.onLine"), true);
}

#[test]
fn no_event_comes_before_the_news_that_the_network_is_back() {
    let site = Site::new(
        "let changes = 0;
         for (const type of ['online', 'offline']) self.addEventListener(type, () => { changes += 1; });
         self.addEventListener('sync', (event) =>
             console.log(`sync ${event.tag} ${navigator.onLine} ${changes}`));",
    );
    // What nobody flushes is soonest at its worker.
    let relaxed = format!("{FAST_RETRIES}durability = \"relaxed\"");
    let mut kiosk = site.open_with(Kiosk::builder().background_sync(&relaxed));
    for round in 1..=50 {
        kiosk.set_network("offline");
        kiosk.register_sync("later");
        kiosk.command("online");
        let said = kiosk.wait_for_report("sync later ");
        assert_eq!(said, format!("true {}", 2 * round));
    }
}
