//! Notifications that a person sees: who may show them, what a click does, what is left after a restart.

#![cfg(feature = "offline")]

use background_sync_e2e::notifications::{
    grant, open_with_permission, show, titles, wait_for_notification, wait_until_closed,
};
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

#[test]
fn a_sync_with_no_page_open_shows_one_and_a_click_opens_the_app() {
    let site = Site::new(WORKER);
    let mut kiosk = open_with_permission(&site);
    kiosk.set_network("offline");
    kiosk.register_sync("outbox");
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
