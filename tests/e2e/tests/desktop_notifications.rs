//! Notifications by the desktop's own service.

#![cfg(feature = "offline")]

use std::os::unix::net::UnixListener;

use background_sync_e2e::desktop::{Answers, Asked, DesktopService};
use background_sync_e2e::session_bus::SessionBus;
use background_sync_e2e::{FAST_RETRIES, Kiosk, Site};
use serde_json::{Value, json};

const WORKER: &str = "
  onnotificationclick = (event) => event.waitUntil(post('/click', [event.notification.title, event.action]));
  onnotificationclose = (event) => event.waitUntil(post('/close', event.notification.title));";

fn open(site: &Site, bus_address: &str) -> Kiosk {
    let permissions = format!(
        "origin = {:?}\nnotifications = \"granted\"",
        site.server.url("").trim_end_matches('/')
    );
    site.open_with(
        Kiosk::builder()
            .background_sync(FAST_RETRIES)
            .section("[permissions]", &permissions)
            .setting("notification_display = \"desktop\"")
            .environment("DBUS_SESSION_BUS_ADDRESS", bus_address),
    )
}

fn show(kiosk: &mut Kiosk, arguments: &str) {
    kiosk
        .settle(&format!("registration.showNotification({arguments})"))
        .expect("shown");
}

/// What the kiosk says of the desktop's showing something: `null`, or why it does not.
fn wait_for_desktop(kiosk: &mut Kiosk) -> Value {
    kiosk.wait_for("news of the desktop", |event| {
        event["event"] == "notification-desktop"
    })["error"]
        .clone()
}

fn wait_for_card(kiosk: &mut Kiosk) {
    kiosk.wait_for("a card", |event| {
        event["event"] == "notification-card" && event["shown"] == true
    });
}

fn has_card(kiosk: &mut Kiosk) -> bool {
    kiosk.catch_up();
    let mut events = kiosk.seen().iter();
    events.any(|event| event["event"] == "notification-card")
}

#[test]
fn the_desktop_shows_what_is_meant_and_says_who_shows_it() {
    let bus = SessionBus::start();
    let desktop = DesktopService::start(&bus, Answers::Yes);
    let site = Site::new(WORKER);
    let mut kiosk = open(&site, bus.address());
    show(
        &mut kiosk,
        "'<b>sent</b>\\0', { body: 'R&D <i>now</i>', silent: true, requireInteraction: true, \
           actions: [{ action: 'default', title: 'Again' }, { action: 'b', title: 'Never' }] }",
    );
    let request = desktop.wait_for_show();
    let origin = site.server.url("");
    let origin = origin.trim_end_matches('/');
    assert_eq!(request.summary, "<b>sent</b>");
    assert_eq!(
        request.body,
        format!("{origin}\nR&amp;D &lt;i&gt;now&lt;/i&gt;")
    );
    assert_eq!(
        request.actions,
        ["default", "", "action-0", "Again", "action-1", "Never"]
    );
    assert_eq!((request.replaces, request.time), (0, 0));
    assert_eq!(request.hints, ["suppress-sound"]);
    assert_eq!(wait_for_desktop(&mut kiosk), Value::Null);

    show(&mut kiosk, "'plain'");
    let plain = desktop.wait_for_show();
    assert_eq!(
        (plain.summary.as_str(), plain.body.as_str(), plain.time),
        ("plain", origin, -1)
    );
    assert!(!has_card(&mut kiosk));
}

#[test]
fn what_a_person_does_there_reaches_the_worker() {
    let bus = SessionBus::start();
    let desktop = DesktopService::start(&bus, Answers::Yes);
    let site = Site::new(WORKER);
    let mut kiosk = open(&site, bus.address());
    for title in ["one", "two", "three", "four"] {
        show(
            &mut kiosk,
            &format!("'{title}', {{ actions: [{{ action: 'again', title: 'Again' }}] }}"),
        );
    }
    let [one, two, three, four] = [(); 4].map(|()| desktop.wait_for_show().id);
    // The workers are told with no page open as well.
    kiosk.close_window();

    desktop.choose(one, "default");
    assert_eq!(desktop.wait(), Asked::Close(one));
    assert_eq!(site.server.wait_for(1)[0].body, json!(["one", ""]));
    // Services say so after a click, too.
    desktop.end(one, 2);

    desktop.choose(two, "action-0");
    assert_eq!(desktop.wait(), Asked::Close(two));
    assert_eq!(site.server.wait_for(2)[1].body, json!(["two", "again"]));

    // Its time is over, which closes nothing.
    desktop.end(three, 1);
    // Nobody knows these.
    desktop.choose(four, "action-7");
    desktop.choose(999, "default");
    show_and_dismiss(&mut kiosk, &desktop, &site);
}

/// The last of a test: what was not to come would have come before.
fn show_and_dismiss(kiosk: &mut Kiosk, desktop: &DesktopService, site: &Site) {
    kiosk.command(&format!("open {}", site.server.url("/")));
    kiosk.wait_for_console("page ready");
    show(kiosk, "'last'");
    desktop.end(desktop.wait_for_show().id, 2);
    let received = site.server.wait_for(3);
    assert_eq!(
        (received[2].path.as_str(), &received[2].body),
        ("/close", &json!("last"))
    );
}

#[test]
fn scripts_close_and_replace_and_the_end_takes_all_away() {
    let bus = SessionBus::start();
    let desktop = DesktopService::start(&bus, Answers::Yes);
    let site = Site::new(WORKER);
    let mut kiosk = open(&site, bus.address());
    show(&mut kiosk, "'one', { tag: 'a' }");
    let one = desktop.wait_for_show().id;
    show(&mut kiosk, "'two', { tag: 'a' }");
    assert_eq!(desktop.wait_for_show().replaces, one);
    // A person is to be told anew.
    show(&mut kiosk, "'three', { tag: 'a', renotify: true }");
    assert_eq!(desktop.wait(), Asked::Close(one));
    let three = desktop.wait_for_show();
    assert_eq!(three.replaces, 0);

    kiosk
        .settle("registration.getNotifications().then((all) => all.forEach((it) => it.close()))")
        .expect("closed");
    assert_eq!(desktop.wait(), Asked::Close(three.id));

    show(&mut kiosk, "'four'");
    let four = desktop.wait_for_show().id;
    kiosk.quit();
    assert_eq!(desktop.wait(), Asked::Close(four));
    assert_eq!(desktop.count_waiting(), 0);
}

#[test]
fn without_the_service_the_window_shows_it() {
    let bus = SessionBus::start();
    let site = Site::new(WORKER);
    let mut kiosk = open(&site, bus.address());
    show(&mut kiosk, "'nobody is there'");
    let error = wait_for_desktop(&mut kiosk);
    let error = error.as_str().expect("a reason");
    assert!(error.contains("org.freedesktop.Notifications"), "{error}");
    wait_for_card(&mut kiosk);

    // It comes, goes and comes again.
    let desktop = DesktopService::start(&bus, Answers::Yes);
    show(&mut kiosk, "'somebody is there'");
    let first = desktop.wait_for_show();
    assert_eq!(first.summary, "somebody is there");
    assert_eq!(wait_for_desktop(&mut kiosk), Value::Null);
    drop(desktop);
    show(&mut kiosk, "'nobody is there again'");
    assert!(wait_for_desktop(&mut kiosk).is_string());
    let desktop = DesktopService::start(&bus, Answers::Yes);
    show(&mut kiosk, "'another one is there'");
    let second = desktop.wait_for_show();
    // Names of the one before mean nothing now.
    assert_eq!(first.id, second.id);
    // Nobody can choose what is not shown yet.
    assert_eq!(wait_for_desktop(&mut kiosk), Value::Null);
    desktop.choose(second.id, "default");
    assert_eq!(
        site.server.wait_for(1)[0].body,
        json!(["another one is there", ""])
    );
}

#[test]
fn without_a_bus_the_window_shows_it() {
    let site = Site::new(WORKER);
    let mut kiosk = open(&site, "unix:path=/nonexistent/bus");
    show(&mut kiosk, "'no bus'");
    assert!(wait_for_desktop(&mut kiosk).is_string());
    wait_for_card(&mut kiosk);
}

#[test]
fn a_service_that_does_not_answer_holds_nothing_up() {
    let bus = SessionBus::start();
    let desktop = DesktopService::start(&bus, Answers::Never);
    let site = Site::new(WORKER);
    let mut kiosk = open(&site, bus.address());
    for number in 0..40 {
        show(&mut kiosk, &format!("'{number}', {{ tag: '{number}' }}"));
    }
    assert_eq!(desktop.wait_for_show().summary, "0");
    wait_for_card(&mut kiosk);
    for _ in 0..40 {
        assert!(wait_for_desktop(&mut kiosk).is_string());
    }
    // Those that waited when the first one failed were not tried, each for its time.
    let tried = 1 + desktop.count_waiting();
    assert!(tried < 10, "{tried} were tried");
}

#[test]
fn a_bus_that_says_nothing_holds_nothing_up() {
    let folder = tempfile::tempdir().expect("a writable folder");
    let path = folder.path().join("bus");
    // It connects, as the system does that alone, and nobody is there.
    let _bus = UnixListener::bind(&path).expect("a socket");
    let site = Site::new(WORKER);
    let mut kiosk = open(&site, &format!("unix:path={}", path.display()));
    show(&mut kiosk, "'silence'");
    assert!(wait_for_desktop(&mut kiosk).is_string());
    wait_for_card(&mut kiosk);
    kiosk.quit();
}
