//! When nobody has touched the kiosk for a while, the start page returns. What the visitor left is gone; what waits to be
//! sent is not.

use background_sync_e2e::{FAST_RETRIES, INDEXED_DB, Kiosk, Site};
use serde_json::json;

fn site() -> Site {
    let site = Site::new(
        "onsync = (event) => event.waitUntil( \
           fetch('/inbox').then(() => post('/sync', event.tag)));",
    );
    site.add_to_page(&format!(
        "{INDEXED_DB} document.body.append(document.createElement('input')); \
         document.querySelector('input').id = 'name';"
    ));
    site.server.serve(
        "/next",
        "text/html",
        "<script>console.log('next loaded')</script>",
    );
    site
}

fn with_visits(seconds: u32) -> background_sync_e2e::KioskBuilder {
    Kiosk::builder()
        .background_sync(FAST_RETRIES)
        .setting(&format!("idle_reset_s = {seconds}"))
}

fn type_name(kiosk: &mut Kiosk, name: &str) {
    kiosk.command("click input");
    kiosk.wait_for("the click", |event| event["event"] == "clicked");
    kiosk.command(&format!("type {name}"));
    kiosk.wait_for("the keys", |event| event["event"] == "typed");
    assert_eq!(
        kiosk.evaluate("document.querySelector('input').value"),
        name
    );
}

#[test]
fn what_a_visitor_left_is_gone_and_what_waits_is_sent() {
    let site = site();
    let mut kiosk = site.open_with(with_visits(2));
    kiosk.set_network("offline");
    kiosk.run(
        "document.cookie = 'session=eve'; document.cookie = 'device=7; Max-Age=86400';
         sessionStorage.setItem('name', 'Eve'); localStorage.setItem('device', '7');
         await inOutbox('readwrite', (store) => store.put('from Eve', 1));
         await registration.sync.register('outbox');
         history.pushState(null, '', '/#step');
         window.name = 'of Eve';
         window.open('/next');",
    );
    type_name(&mut kiosk, "Eve");

    kiosk.set_network("online");
    site.server.wait_for_post("/sync", &json!("outbox"));
    kiosk.wait_for("the end of the visit", |event| {
        event["event"] == "visit-ended"
    });
    kiosk.wait_for_console("page ready");
    assert_eq!(
        kiosk.evaluate("location.href"),
        site.server.url("/").as_str()
    );
    assert_eq!(kiosk.evaluate("document.cookie"), "device=7");
    assert_eq!(kiosk.evaluate("sessionStorage.length"), 0);
    assert_eq!(kiosk.evaluate("localStorage.getItem('device')"), "7");
    assert_eq!(kiosk.evaluate("history.length"), 1);
    assert_eq!(kiosk.evaluate("window.name"), "");
    assert_eq!(kiosk.evaluate("document.querySelector('input').value"), "");
    assert_eq!(
        kiosk.run("return await inOutbox('readonly', (store) => store.get(1));"),
        "from Eve"
    );
    // The next visitor's keys reach the page.
    type_name(&mut kiosk, "Bob");
}

/// The network is back only when the visitor has left.
#[test]
fn what_waits_when_the_visit_ends_is_sent_later() {
    let site = site();
    let mut kiosk = site.open_with(with_visits(1));
    kiosk.set_network("offline");
    kiosk.register_sync("waits");
    kiosk.command("type x");
    kiosk.wait_for("the end of the visit", |event| {
        event["event"] == "visit-ended"
    });
    kiosk.wait_for("the page without a network", |event| {
        event["event"] == "address" && event["url"] == "about:offline"
    });
    kiosk.set_network("online");
    site.server.wait_for_post("/sync", &json!("waits"));
    kiosk.wait_for_console("page ready");
}

#[test]
fn input_makes_a_visit_longer_and_only_input_begins_one() {
    let site = site();
    let mut kiosk = site.open_with(with_visits(2));
    // The page's own doing is no visit.
    kiosk.evaluate("location.href = '/next', 0");
    kiosk.wait_for_console("next loaded");
    let mut last_ms = 0;
    for _ in 0..5 {
        kiosk.command("type x");
        let typed = kiosk.wait_for("the keys", |event| event["event"] == "typed");
        last_ms = typed["ms"].as_u64().expect("a time");
    }
    let ended = kiosk.wait_for("the end of the visit", |event| {
        event["event"] == "visit-ended"
    });
    let ended_ms = ended["ms"].as_u64().expect("a time");
    // `typed` is told after the last key, which was pressed before.
    assert!(ended_ms + 500 >= last_ms + 2_000, "{ended}, {last_ms}");
    kiosk.wait_for_console("page ready");
    let ends = |kiosk: &Kiosk| {
        let seen = kiosk.seen().iter();
        seen.filter(|event| event["event"] == "visit-ended").count()
    };
    assert_eq!(ends(&kiosk), 1);
    // A window that is closed stays closed.
    kiosk.command("type x");
    kiosk.close_window();
    kiosk.wait_for("the end of the visit", |event| {
        event["event"] == "visit-ended"
    });
    let number = kiosk.command("eval 1");
    let answer = kiosk.wait_for("an answer", |event| event["command"] == number);
    assert!(answer["error"].is_string(), "{answer}");
}
