//! Notifications as scripts see them: what was given comes back, tags and limits hold, an origin sees its own.

#![cfg(feature = "offline")]

use background_sync_e2e::notifications::{
    grant, open_with_permission, show, titles, wait_for_any_closed, wait_for_notification,
    wait_until_closed,
};
use background_sync_e2e::{Kiosk, Site};
use serde_json::{Value, json};

#[test]
fn tags_replace_and_filter_and_scripts_close() {
    let site = Site::new("");
    let mut kiosk = open_with_permission(&site);
    for arguments in [
        "'one', { tag: 'a' }",
        "'two', { tag: 'b', renotify: true }",
        "'three'",
        "'four', { tag: 'a' }",
    ] {
        show(&mut kiosk, arguments).expect("shown");
    }
    let one = wait_for_notification(&mut kiosk, "one");
    assert_eq!(wait_for_notification(&mut kiosk, "two")["renotify"], true);
    assert_eq!(
        wait_for_notification(&mut kiosk, "four")["replaces"],
        one["id"]
    );
    assert_eq!(titles(&mut kiosk, ""), json!(["two", "three", "four"]));
    assert_eq!(titles(&mut kiosk, "{ tag: 'a' }"), json!(["four"]));
    assert_eq!(titles(&mut kiosk, "{ tag: 'c' }"), json!([]));
    assert_eq!(
        show(&mut kiosk, "'no tag', { renotify: true }"),
        Err("TypeError".to_owned())
    );
    kiosk
        .settle("registration.getNotifications({ tag: 'b' }).then(([it]) => it.close())")
        .expect("closed");
    let two = wait_for_any_closed(&mut kiosk);
    assert_eq!(titles(&mut kiosk, ""), json!(["three", "four"]));
    // What is gone can't be clicked.
    let number = kiosk.command(&format!("notification click {two}"));
    let answer = kiosk.wait_for("the answer", |event| event["command"] == number);
    assert_eq!(answer["event"], "error");
}

#[test]
fn everything_that_was_given_comes_back() {
    let site = Site::new("");
    let mut kiosk = open_with_permission(&site);
    let options = "{ body: 'b', dir: 'rtl', lang: 'de', tag: 't', icon: '/icon.png', badge: 'badge.png', \
         image: 'http://elsewhere.example/i.png', vibrate: [1, 2, 3], timestamp: 12345, renotify: true, \
         requireInteraction: true, actions: [{ action: 'a', title: 'A', icon: '/a.png' }], \
         data: { date: new Date(0), map: new Map([[1, new Set([2])]]), bytes: new Uint8Array([3]) } }";
    show(&mut kiosk, &format!("'title', {options}")).expect("shown");
    let seen = kiosk
        .settle(
            "registration.getNotifications().then(([it]) => [it.title, it.body, it.dir, it.lang, it.tag, \
               it.icon.replace(location.origin, ''), it.badge.replace(location.origin, ''), it.image, [...it.vibrate], \
               it.timestamp, it.renotify, it.requireInteraction, it.silent, it.actions.map((a) => [a.action, a.title]), \
               it.data.date.getTime(), [...it.data.map.get(1)], [...it.data.bytes]])",
        )
        .expect("read");
    assert_eq!(
        seen,
        json!([
            "title",
            "b",
            "rtl",
            "de",
            "t",
            "/icon.png",
            "/badge.png",
            "http://elsewhere.example/i.png",
            [1, 2, 3],
            12345,
            true,
            true,
            null,
            [["a", "A"]],
            0,
            [2],
            [3]
        ])
    );
    assert_eq!(
        show(&mut kiosk, "'x', { data: () => {} }"),
        Err("DataCloneError".to_owned())
    );
}

#[test]
fn limits_hold() {
    let site = Site::new("");
    let mut kiosk = open_with_permission(&site);
    for long in [
        "'x'.repeat(20_000)",
        "'x', { body: 'x'.repeat(20_000) }",
        "'x', { data: 'x'.repeat(70_000) }",
    ] {
        assert_eq!(
            show(&mut kiosk, long),
            Err("TypeError".to_owned()),
            "{long}"
        );
    }
    kiosk
        .settle(
            "Promise.all([...Array(40).keys()].map((number) => registration.showNotification(`${number}`))).then(() => 0)",
        )
        .expect("shown");
    let kept: Vec<String> = (8..40).map(|number| number.to_string()).collect();
    assert_eq!(titles(&mut kiosk, ""), json!(kept));
}

#[test]
fn an_origin_sees_its_own_alone() {
    let (one, other) = (Site::new(""), Site::new(""));
    let mut kiosk = open_with_permission(&one);
    grant(&mut kiosk, &other);
    show(&mut kiosk, "'of one', { tag: 't' }").expect("shown");
    kiosk.command(&format!("open {}", other.server.url("/")));
    kiosk.wait_for_console("page ready");
    assert_eq!(titles(&mut kiosk, ""), json!([]));
    show(&mut kiosk, "'of other', { tag: 't' }").expect("shown");
    assert_eq!(
        wait_for_notification(&mut kiosk, "of other")["replaces"],
        Value::Null
    );
    kiosk.command(&format!("open {}", one.server.url("/")));
    kiosk.wait_for_console("page ready");
    assert_eq!(titles(&mut kiosk, ""), json!(["of one"]));
}

#[test]
fn a_registration_takes_its_notifications_with_it() {
    let site = Site::new("");
    let mut kiosk = open_with_permission(&site);
    show(&mut kiosk, "'gone'").expect("shown");
    let shown = wait_for_notification(&mut kiosk, "gone");
    kiosk
        .settle("registration.unregister()")
        .expect("unregistered");
    wait_until_closed(&mut kiosk, &shown);
}

#[test]
fn clearing_site_data_clears_notifications() {
    let site = Site::new("");
    let mut kiosk = open_with_permission(&site);
    show(&mut kiosk, "'cleared'").expect("shown");
    let shown = wait_for_notification(&mut kiosk, "cleared");
    kiosk.command("clear-syncs 127.0.0.1");
    wait_until_closed(&mut kiosk, &shown);
    assert_eq!(titles(&mut kiosk, ""), json!([]));
}

/// With a picture and without one.
#[test]
fn a_page_hears_of_its_own() {
    let site = Site::new("");
    let mut kiosk = open_with_permission(&site);
    let notify = |kiosk: &mut Kiosk, name: &str, options: &str| {
        kiosk.evaluate(&format!(
            "(() => {{ const it = window.{name} = new Notification('{name}', {options}); \
               for (const type of ['show', 'click', 'close', 'error']) \
                 it.addEventListener(type, () => console.log(`${{it.title}} ${{type}}`)); }})(), 0"
        ));
    };
    notify(&mut kiosk, "plain", "{ data: [1] }");
    let plain = wait_for_notification(&mut kiosk, "plain");
    kiosk.wait_for_console("plain show");
    assert_eq!(kiosk.evaluate("plain.data"), json!([1]));
    kiosk.command(&format!("notification click {}", plain["id"]));
    kiosk.wait_for_console("plain click");
    kiosk.command(&format!("notification close {}", plain["id"]));
    kiosk.wait_for_console("plain close");

    notify(&mut kiosk, "pictured", "{ icon: '/missing.png', tag: 't' }");
    let pictured = wait_for_notification(&mut kiosk, "pictured");
    kiosk.wait_for_console("pictured show");
    notify(&mut kiosk, "next", "{ tag: 't' }");
    assert_eq!(
        wait_for_notification(&mut kiosk, "next")["replaces"],
        pictured["id"]
    );
    kiosk.wait_for_console("pictured close");
    kiosk.evaluate("next.close(), 0");
    kiosk.wait_for_console("next close");
    // They are the page's, not the registration's.
    assert_eq!(titles(&mut kiosk, ""), json!([]));

    notify(&mut kiosk, "long", "{ body: 'x'.repeat(1_000_000) }");
    kiosk.wait_for_console("long error");

    kiosk.command(&format!(
        "permission notifications denied {}",
        site.server.url("/")
    ));
    notify(&mut kiosk, "refused", "{}");
    kiosk.wait_for_console("refused error");
}

#[test]
fn a_dedicated_worker_shows_one_too() {
    let site = Site::new("");
    site.server.serve(
        "/dedicated.js",
        "text/javascript",
        "const it = new Notification(`of a worker that may: ${Notification.permission}`); \
         it.onclick = () => postMessage('clicked');",
    );
    let mut kiosk = open_with_permission(&site);
    kiosk.evaluate(
        "(() => { window.dedicated = new Worker('/dedicated.js'); \
           dedicated.onmessage = (event) => console.log(event.data); })(), 0",
    );
    let shown = wait_for_notification(&mut kiosk, "of a worker that may: granted");
    kiosk.command(&format!("notification click {}", shown["id"]));
    kiosk.wait_for_console("clicked");
}
