//! Notifications: what pages and workers show, what a person does with it, and what is left of it after a restart.

#![cfg(feature = "offline")]

use background_sync_e2e::{FAST_RETRIES, Kiosk, Site};
use serde_json::{Value, json};

/// Shows a notification for each sync, and tells the server of what becomes of it. A click opens the app.
const WORKER: &str = "
  onsync = (event) => event.waitUntil(registration.showNotification(`sent: ${event.tag}`, {
    body: 'all of it', tag: event.tag, data: { tag: event.tag, list: [1, 2] },
    actions: [{ action: 'again', title: 'Again' }] }));
  onnotificationclick = (event) => event.waitUntil((async () => {
    const { title, data, tag } = event.notification;
    await post('/click', [title, data, tag, event.action]);
    if (event.action) return;
    event.notification.close();
    const client = await clients.openWindow('/?opened');
    await post('/opened', [new URL(client.url).search, client.type, client.frameType]);
  })());
  onnotificationclose = (event) => event.waitUntil(post('/close', event.notification.title));";

fn grant(kiosk: &mut Kiosk, site: &Site) {
    kiosk.command(&format!(
        "permission notifications granted {}",
        site.server.url("/")
    ));
}

/// Opens the page of an origin that may show notifications.
fn open_with_permission(site: &Site) -> Kiosk {
    let mut kiosk = site.open();
    grant(&mut kiosk, site);
    kiosk
}

fn wait_for_notification(kiosk: &mut Kiosk, title: &str) -> Value {
    kiosk.wait_for(&format!("the notification {title:?}"), |event| {
        event["event"] == "notification" && event["title"] == title
    })
}

fn wait_until_closed(kiosk: &mut Kiosk, notification: &Value) {
    kiosk.wait_for("the notification to go", |event| {
        event["event"] == "notification-closed" && event["id"] == notification["id"]
    });
}

/// The titles of what the page's registration has shown.
fn titles(kiosk: &mut Kiosk, filter: &str) -> Value {
    kiosk
        .settle(&format!(
            "registration.getNotifications({filter}).then((all) => all.map((it) => it.title))"
        ))
        .expect("a list")
}

fn show(kiosk: &mut Kiosk, arguments: &str) -> Result<Value, String> {
    kiosk.settle(&format!("registration.showNotification({arguments})"))
}

#[test]
fn a_sync_with_no_page_open_shows_one_and_a_click_opens_the_app() {
    let site = Site::new(WORKER);
    let mut kiosk = open_with_permission(&site);
    kiosk.set_network("offline");
    kiosk
        .settle("registration.sync.register('outbox')")
        .expect("registered");
    kiosk.close_window();
    kiosk.set_network("online");
    let shown = wait_for_notification(&mut kiosk, "sent: outbox");
    assert_eq!(
        (&shown["body"], &shown["tag"], &shown["kept"]),
        (&json!("all of it"), &json!("outbox"), &json!(false))
    );
    assert_eq!(
        shown["actions"],
        json!([{"action": "again", "title": "Again"}])
    );
    assert_eq!(
        site.server.url("/"),
        format!("{}/", shown["origin"].as_str().expect("a text"))
    );

    kiosk.command(&format!("notification click {} again", shown["id"]));
    let data = json!({"tag": "outbox", "list": [1, 2]});
    let click = |action: &str| json!(["sent: outbox", data, "outbox", action]);
    assert_eq!(site.server.wait_for(1)[0].body, click("again"));

    kiosk.command(&format!("notification click {}", shown["id"]));
    kiosk.wait_for("the window", |event| event["event"] == "window-opened");
    wait_until_closed(&mut kiosk, &shown);
    let received = site.server.wait_for(3);
    assert_eq!(received[1].body, click(""));
    assert_eq!(received[2].body, json!(["?opened", "window", "top-level"]));
}

#[test]
fn what_was_shown_before_a_kill_is_clicked_after_it() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = Site::new(WORKER);
    let mut kiosk = site.open_with(Kiosk::builder().profile(profile.path()));
    grant(&mut kiosk, &site);
    for title in ["first", "second"] {
        show(
            &mut kiosk,
            &format!("'{title}', {{ data: new Map([['key', 1n]]) }}"),
        )
        .expect("shown");
    }
    kiosk.kill();
    // Its script is not asked for.
    site.serve_worker("throw new Error('not this one')");

    let mut kiosk = Kiosk::builder().profile(profile.path()).open("about:blank");
    let first = wait_for_notification(&mut kiosk, "first");
    let second = wait_for_notification(&mut kiosk, "second");
    assert_eq!(
        (&first["kept"], &second["kept"]),
        (&json!(true), &json!(true))
    );
    kiosk.command(&format!("notification close {}", first["id"]));
    assert_eq!(site.server.wait_for(1)[0].body, "first");
    kiosk.command(&format!("notification click {}", second["id"]));
    let received = site.server.wait_for(3);
    assert_eq!(
        (received[1].path.as_str(), &received[1].body[0]),
        ("/click", &json!("second"))
    );
    assert_eq!(received[2].path, "/opened");
    kiosk.quit();

    let mut kiosk = Kiosk::builder()
        .profile(profile.path())
        .open(&site.server.url("/?again"));
    kiosk.wait_for_console("page ready");
    assert_eq!(titles(&mut kiosk, ""), json!([]));
}

#[test]
fn a_click_may_focus_the_page_once_and_nothing_else_may() {
    let site = Site::new(
        "const outcome = (promise) => promise.then((it) => it, (error) => error.name);
         const focus = async () => {
           const [client] = await clients.matchAll({ includeUncontrolled: true });
           const focused = await outcome(client.focus());
           return focused instanceof WindowClient
             ? [focused.focused, focused.visibilityState, focused.id === client.id] : focused; };
         onmessage = (event) => event.waitUntil((async () =>
           post('/message', [await focus(), await outcome(clients.openWindow('/'))]))());
         onnotificationclick = (event) => event.waitUntil((async () =>
           post('/click', [await focus(), await focus(), await outcome(clients.openWindow('/'))]))());",
    );
    let mut kiosk = open_with_permission(&site);
    kiosk.evaluate("registration.active.postMessage(0), 0");
    let refused = "InvalidAccessError";
    assert_eq!(site.server.wait_for(1)[0].body, json!([refused, refused]));
    show(&mut kiosk, "'click me'").expect("shown");
    let shown = wait_for_notification(&mut kiosk, "click me");
    kiosk.command(&format!("notification click {}", shown["id"]));
    assert_eq!(
        site.server.wait_for(2)[1].body,
        json!([[true, "visible", true], refused, refused])
    );
}

#[test]
fn a_window_of_another_origin_is_refused() {
    let site = Site::new(
        "onnotificationclick = (event) => event.waitUntil(
           clients.openWindow('http://elsewhere.example/').then(() => post('/opened'),
             (error) => post('/refused', error.name)));",
    );
    let mut kiosk = open_with_permission(&site);
    show(&mut kiosk, "'click me'").expect("shown");
    let shown = wait_for_notification(&mut kiosk, "click me");
    kiosk.command(&format!("notification click {}", shown["id"]));
    kiosk.wait_for("the refusal", |event| event["event"] == "window-refused");
    let received = site.server.wait_for(1);
    assert_eq!(
        (received[0].path.as_str(), &received[0].body),
        ("/refused", &json!("TypeError"))
    );
}

#[test]
fn only_who_is_permitted_shows_any() {
    let site = Site::new(
        "onmessage = (event) => event.waitUntil(registration.showNotification('of the worker').then(
           () => post('/shown', Notification.permission), (error) => post('/refused', [error.name, Notification.permission])));",
    );
    let mut kiosk = site.open();
    let permission = |kiosk: &mut Kiosk| {
        kiosk
            .settle(
                "navigator.permissions.query({ name: 'notifications' }).then( \
                   ({ state }) => [state, Notification.permission])",
            )
            .expect("a state")
    };
    assert_eq!(permission(&mut kiosk), json!(["prompt", "default"]));
    assert_eq!(
        show(&mut kiosk, "'of the page'"),
        Err("TypeError".to_owned())
    );
    // The kiosk has nobody to be asked.
    assert_eq!(
        kiosk.settle("Notification.requestPermission()"),
        Ok(json!("denied"))
    );
    assert_eq!(permission(&mut kiosk), json!(["denied", "denied"]));
    kiosk.evaluate("registration.active.postMessage(0), 0");
    assert_eq!(
        site.server.wait_for(1)[0].body,
        json!(["TypeError", "denied"])
    );

    grant(&mut kiosk, &site);
    assert_eq!(permission(&mut kiosk), json!(["granted", "granted"]));
    assert_eq!(
        kiosk.settle("Notification.requestPermission()"),
        Ok(json!("granted"))
    );
    kiosk.evaluate("registration.active.postMessage(0), 0");
    assert_eq!(site.server.wait_for(2)[1].body, "granted");
    let shown = wait_for_notification(&mut kiosk, "of the worker");

    kiosk.command(&format!(
        "permission notifications denied {}",
        site.server.url("/")
    ));
    wait_until_closed(&mut kiosk, &shown);
    assert_eq!(titles(&mut kiosk, ""), json!([]));
}

#[test]
fn a_configured_permission_holds_from_the_start() {
    let site = Site::new("");
    let fields = format!(
        "origin = {:?}\nnotifications = \"granted\"",
        site.server.url("").trim_end_matches('/')
    );
    let mut kiosk = site.open_with(
        Kiosk::builder()
            .background_sync(FAST_RETRIES)
            .section("[permissions]", &fields),
    );
    assert_eq!(show(&mut kiosk, "'shown'"), Ok(Value::Null));
    wait_for_notification(&mut kiosk, "shown");
}

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
    let two = wait_for_notification_closed(&mut kiosk);
    assert_eq!(titles(&mut kiosk, ""), json!(["three", "four"]));
    // What is gone can't be clicked.
    let number = kiosk.command(&format!("notification click {two}"));
    let answer = kiosk.wait_for("the answer", |event| event["command"] == number);
    assert_eq!(answer["event"], "error");
}

fn wait_for_notification_closed(kiosk: &mut Kiosk) -> Value {
    kiosk.wait_for("a notification to go", |event| {
        event["event"] == "notification-closed"
    })["id"]
        .clone()
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

/// One at a time, each for some seconds, unless its notification waits for a person.
#[test]
fn cards_come_one_after_the_other() {
    let site = Site::new("");
    let mut kiosk = open_with_permission(&site);
    let wait_for_card = |kiosk: &mut Kiosk, id: &Value, shown: bool| {
        kiosk.wait_for(&format!("the card {id}, shown: {shown}"), |event| {
            event["event"] == "notification-card" && event["id"] == *id && event["shown"] == shown
        });
    };
    show(&mut kiosk, "'first', { requireInteraction: true }").expect("shown");
    show(&mut kiosk, "'second'").expect("shown");
    let first = wait_for_notification(&mut kiosk, "first");
    let second = wait_for_notification(&mut kiosk, "second");
    wait_for_card(&mut kiosk, &first["id"], true);
    kiosk.command(&format!("notification click {}", first["id"]));
    wait_for_card(&mut kiosk, &first["id"], false);
    wait_for_card(&mut kiosk, &second["id"], true);
    // After its time. The notification stays.
    wait_for_card(&mut kiosk, &second["id"], false);
    assert_eq!(titles(&mut kiosk, ""), json!(["first", "second"]));
}

#[test]
fn a_handler_that_loops_costs_its_worker_alone() {
    let site = Site::new(
        "onnotificationclick = (event) => { if (event.notification.title === 'loop') for (;;); \
           event.waitUntil(post('/click', event.notification.title)); };",
    );
    // A worker is asked whether it goes on once it was given nothing for so long.
    let preferences =
        "dom_serviceworker_idle_timeout_seconds = 1\ndom_serviceworker_timeout_seconds = 2";
    let mut kiosk = site.open_with(Kiosk::builder().section("prefs", preferences));
    grant(&mut kiosk, &site);
    show(&mut kiosk, "'loop'").expect("shown");
    show(&mut kiosk, "'fine'").expect("shown");
    let looping = wait_for_notification(&mut kiosk, "loop");
    let fine = wait_for_notification(&mut kiosk, "fine");
    kiosk.command(&format!("notification click {}", looping["id"]));
    kiosk.wait_for("the end of the worker", |event| {
        let text = event["text"].as_str().unwrap_or_default();
        event["event"] == "console" && text.ends_with("took too long: the worker was ended.")
    });
    kiosk.command(&format!("notification click {}", fine["id"]));
    assert_eq!(site.server.wait_for(1)[0].body, "fine");
}
