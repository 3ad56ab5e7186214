//! Workers that register by themselves, again and again: what is not wanted by a page backs off.

use background_sync_e2e::{Kiosk, Site};
use serde_json::{Value, json};

/// The page's event, and three that follow from it at once.
const AT_ONCE: usize = 4;

/// A back-off that no test sees the end of.
const SLOW_RETRIES: &str = "first_retry_delay_ms = 3600000\n";

fn open(site: &Site) -> Kiosk {
    site.open_with(Kiosk::builder().background_sync(SLOW_RETRIES))
}

fn register(kiosk: &mut Kiosk, tag: &str) {
    kiosk.register_sync(tag);
}

/// Waits until an event of a chain has to wait, and returns for which one that is.
fn wait_until_held_back(kiosk: &mut Kiosk) -> u64 {
    let held_back = kiosk.wait_for("a chain to be held back", |event: &Value| {
        event["kind"] == "held-back" && event["why"]["Chained"].is_object()
    });
    let depth = &held_back["why"]["Chained"]["depth"];
    depth.as_u64().expect("it is a number")
}

fn tags(site: &Site) -> Vec<Value> {
    let received = site.server.received().into_iter();
    received.map(|post| post.body).collect()
}

#[test]
fn a_handler_that_registers_its_own_tag_for_ever_backs_off() {
    let site = Site::new(
        r"self.addEventListener('sync', (event) => event.waitUntil((async () => {
            await post('/sync', event.tag);
            await self.registration.sync.register(event.tag);
        })()));",
    );
    let mut kiosk = open(&site);
    register(&mut kiosk, "again");
    assert_eq!(wait_until_held_back(&mut kiosk), 4);
    assert_eq!(tags(&site), vec![json!("again"); AT_ONCE]);

    // What the page wants fires at once all the same, and may have a chain of its own.
    register(&mut kiosk, "again");
    assert_eq!(wait_until_held_back(&mut kiosk), 4);
    assert_eq!(site.server.received_count(), 2 * AT_ONCE);
}

#[test]
fn two_tags_that_register_each_other_back_off() {
    let site = Site::new(
        r"self.addEventListener('sync', (event) => event.waitUntil((async () => {
            await post('/sync', event.tag);
            await self.registration.sync.register(event.tag === 'ping' ? 'pong' : 'ping');
        })()));",
    );
    let mut kiosk = open(&site);
    register(&mut kiosk, "ping");
    assert_eq!(wait_until_held_back(&mut kiosk), 4);
    // One that registers its predecessor while that still ends counts as if both were one.
    let count = site.server.received_count();
    assert!((AT_ONCE..=2 * AT_ONCE).contains(&count), "{count} events");
    register(&mut kiosk, "ping");
    site.server.wait_for(count + 1);
}

#[test]
fn a_handler_that_registers_when_its_event_is_over_backs_off() {
    let site = Site::new(
        r"self.addEventListener('sync', (event) => {
            event.waitUntil(post('/sync', event.tag));
            setTimeout(() => self.registration.sync.register(event.tag), 200);
        });",
    );
    let mut kiosk = open(&site);
    register(&mut kiosk, "later");
    assert_eq!(wait_until_held_back(&mut kiosk), 4);
    assert_eq!(tags(&site), vec![json!("later"); AT_ONCE]);
}

#[test]
fn a_worker_that_a_page_has_sent_a_message_speaks_for_it() {
    let site = Site::new(
        r"self.addEventListener('sync', (event) => event.waitUntil(post('/sync', event.tag)));
        self.addEventListener('message', (event) => event.waitUntil(self.registration.sync.register(event.data)));",
    );
    let mut kiosk = open(&site);
    let more = 2 * AT_ONCE;
    for count in 1..=more {
        kiosk
            .settle("(async () => registration.active.postMessage('asked'))()")
            .expect("sent");
        site.server.wait_for(count);
        kiosk.wait_for_sync("finished");
    }
    assert_eq!(tags(&site), vec![json!("asked"); more]);
}

#[test]
fn all_that_one_event_registers_fires_at_once() {
    const TAGS: usize = 50;
    let site = Site::new(
        r"self.addEventListener('sync', (event) => {
            if (event.tag !== 'first') return event.waitUntil(post('/sync', event.tag));
            event.waitUntil((async () => {
                for (let number = 0; number < 50; number++) await self.registration.sync.register(`tag ${number}`);
            })());
        });",
    );
    let mut kiosk = open(&site);
    register(&mut kiosk, "first");
    site.server.wait_for(TAGS);
    let mut all: Vec<String> = (0..TAGS).map(|number| format!("tag {number}")).collect();
    let mut seen: Vec<_> = tags(&site)
        .iter()
        .map(|tag| tag.as_str().unwrap_or_default().to_owned())
        .collect();
    all.sort();
    seen.sort();
    assert_eq!(seen, all);
}
