//! `kiosk:syncs`: what whoever looks after a device is told there, and has done there.

use background_sync_e2e::operator::operate;
use background_sync_e2e::syncs_page::{builder, follow, show, text, wait_for_page, wait_for_text};
use background_sync_e2e::{Answer, Kiosk, Site};

const WORKER: &str =
    "self.addEventListener('sync', (event) => event.waitUntil(post('/sync', event.tag)));";

const UNSUCCESSFUL: i32 = 1;

#[test]
fn it_tells_what_waits_and_why_and_goes_with_escape() {
    let site = Site::new(WORKER);
    let profile = tempfile::tempdir().expect("a writable folder");
    let mut kiosk = site.open_with(builder().profile(profile.path()));
    kiosk.set_network("offline");
    kiosk.register_sync("send-messages");
    kiosk.evaluate("window.typed = 'not lost', 0");

    let opened = operate(profile.path(), &["open", "kiosk:syncs"]);
    assert!(opened.succeeded().contains("loaded"), "{opened:?}");
    wait_for_page(&mut kiosk, "loaded");
    assert_eq!(kiosk.evaluate("location.href"), "kiosk:syncs");
    let origin = site.server.url("");
    assert_eq!(text(&mut kiosk, "#waiting h3 bdi"), origin);
    assert_eq!(
        text(&mut kiosk, "#waiting caption"),
        format!("Scope {origin}/")
    );
    let row = text(&mut kiosk, "#waiting tbody tr");
    for told in [
        "send-messages",
        "The message waits for the network. It is sent as soon as there is one.",
        "Waiting",
        "pending",
        "0",
    ] {
        assert!(row.contains(told), "no {told:?} in {row:?}");
    }
    assert!(text(&mut kiosk, "#figures").contains("1\nwaiting"));
    assert_eq!(text(&mut kiosk, "#network"), "Network: cut by hand");
    assert!(text(&mut kiosk, "#journal").contains("stored, waits to be sent"));
    assert!(
        kiosk.evaluate("document.querySelectorAll('#timeline svg[role=img] circle').length") == 1
    );

    kiosk.command(r"type \e");
    wait_for_page(&mut kiosk, "closed");
    assert_eq!(kiosk.evaluate("typed"), "not lost");

    show(&mut kiosk);
    kiosk.set_network("online");
    kiosk.command(&format!("open {}", site.server.url("/")));
    wait_for_page(&mut kiosk, "closed");
    kiosk.wait_for_console("page ready");
    show(&mut kiosk);
    kiosk.command("click .top a");
    wait_for_page(&mut kiosk, "closed");
}

#[test]
fn it_is_there_only_where_the_configuration_says_so() {
    let site = Site::new("");
    let profile = tempfile::tempdir().expect("a writable folder");
    let mut kiosk = site.open_with(Kiosk::builder().profile(profile.path()));
    let reason = "`kiosk:syncs` is switched off: `syncs_page = true` in the configuration, or --syncs-page, switches it on";
    operate(profile.path(), &["open", "kiosk:syncs"]).assert_refused(UNSUCCESSFUL, &[reason]);
    let number = kiosk.command("open kiosk:syncs");
    let refused = kiosk.wait_for("the refusal", |event| event["command"] == number);
    assert_eq!(refused["error"], reason);
    assert_eq!(kiosk.evaluate("location.href"), site.server.url("/"));

    let mut kiosk = site.open_with(Kiosk::builder().flag("--syncs-page"));
    show(&mut kiosk);
    assert_eq!(text(&mut kiosk, "#waiting"), "Nothing waits to be sent.");
    let number = kiosk.command("open kiosk:other");
    let refused = kiosk.wait_for("the refusal", |event| event["command"] == number);
    assert_eq!(
        refused["error"],
        "`kiosk:other` is no page of the kiosk: `kiosk:syncs` is"
    );
}

#[test]
fn it_is_live() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open_with(builder());
    kiosk.set_network("offline");
    kiosk.register_sync("outbox");
    show(&mut kiosk);
    kiosk.evaluate("window.same = document.querySelector('#waiting tbody a'), same.focus(), 0");
    let link = kiosk.evaluate("document.activeElement.getAttribute('href')");

    site.server.answer_next([Answer::Status(503)]);
    kiosk.set_network("online");
    wait_for_text(&mut kiosk, "#waiting tbody tr", "Retrying");
    wait_for_text(&mut kiosk, "#waiting tbody tr", "in 60 min");
    assert_eq!(text(&mut kiosk, "#network"), "Network: connected");
    assert_eq!(
        kiosk.evaluate("document.activeElement.getAttribute('href')"),
        link,
        "whoever works with the keyboard stays where they are"
    );
    // The document was changed, not loaded again.
    assert_eq!(kiosk.evaluate("same instanceof HTMLAnchorElement"), true);
}

#[test]
fn it_sends_once_somebody_has_confirmed_and_once_only() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open_with(builder());
    site.server.answer_next([Answer::Status(503)]);
    kiosk.register_sync("outbox");
    kiosk.wait_for_sync("finished");
    assert_eq!(site.server.received_count(), 1);
    show(&mut kiosk);

    follow(&mut kiosk, "#waiting tbody a");
    assert_eq!(text(&mut kiosk, "h2"), "Send outbox now?");
    follow(&mut kiosk, ".answers a:last-child");
    assert_eq!(site.server.received_count(), 1, "nobody has confirmed");

    follow(&mut kiosk, "#waiting tbody a");
    let link = kiosk.evaluate("document.querySelector('.answers a').href");
    follow(&mut kiosk, ".answers a");
    site.server.wait_for(2);
    wait_for_text(&mut kiosk, "#notice", "“outbox”: sent.");
    wait_for_text(&mut kiosk, "#waiting", "Nothing waits to be sent.");

    let again = link.as_str().expect("a link");
    kiosk.evaluate(&format!("location.href = {again:?}, 0"));
    wait_for_page(&mut kiosk, "loaded");
    assert_eq!(
        text(&mut kiosk, "#notice"),
        "That page was out of date. Nothing was done."
    );
    assert_eq!(kiosk.evaluate("location.href"), "kiosk:syncs");
}

#[test]
fn it_drops_what_an_origin_has_once_somebody_has_confirmed() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open_with(builder());
    kiosk.set_network("offline");
    for number in 0..20 {
        kiosk.register_sync(&format!("message-{number}"));
    }
    show(&mut kiosk);
    follow(&mut kiosk, "#waiting header a");
    let origin = site.server.url("");
    assert_eq!(text(&mut kiosk, "h2"), format!("Drop all 20 of {origin}?"));
    follow(&mut kiosk, ".answers a");
    wait_for_text(&mut kiosk, "#notice", "Dropped: 20.");
    wait_for_text(&mut kiosk, "#waiting", "Nothing waits to be sent.");
    wait_for_text(&mut kiosk, "#journal", "whoever looks after this device");
}

#[test]
fn it_goes_when_the_visit_ends() {
    let site = Site::new("");
    let mut kiosk = site.open_with(builder().setting("idle_reset_s = 2"));
    show(&mut kiosk);
    kiosk.command("type x");
    wait_for_page(&mut kiosk, "closed");
    kiosk.wait_for("the visit to end", |event| event["event"] == "visit-ended");
    kiosk.wait_for_console("page ready");
    assert_eq!(kiosk.evaluate("location.href"), site.server.url("/"));
}
