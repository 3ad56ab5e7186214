//! What waits to be sent, as whoever looks after a device finds it out and acts on it, with a kiosk that runs and without one.

use std::path::Path;

use background_sync_e2e::operator::{Told, operate};
use background_sync_e2e::{Answer, Kiosk, Site};
use serde_json::{Value, json};

const WORKER: &str =
    "self.addEventListener('sync', (event) => event.waitUntil(post('/sync', event.tag)));";

/// Nothing is tried again while a test runs.
const SLOW_RETRIES: &str = "first_retry_delay_ms = 3600000\nretry_jitter_percent = 0\n";

const UNSUCCESSFUL: i32 = 1;

fn open(site: &Site, profile: &Path) -> Kiosk {
    site.open_with(
        Kiosk::builder()
            .background_sync(SLOW_RETRIES)
            .profile(profile),
    )
}

fn profile() -> tempfile::TempDir {
    tempfile::tempdir().expect("a writable folder")
}

fn assert_asked_the_running_kiosk(told: &Told) {
    assert!(
        told.errors.contains("the running kiosk answers"),
        "{told:?}"
    );
}

fn assert_read_the_profile(told: &Told) {
    assert!(told.errors.contains("no kiosk runs"), "{told:?}");
}

#[test]
fn what_waits_and_why_while_the_kiosk_runs() {
    let (site, profile) = (Site::new(WORKER), profile());
    let mut kiosk = open(&site, profile.path());
    let nothing = operate(profile.path(), &["syncs", "list"]);
    assert_eq!(nothing.succeeded(), "Nothing waits to be sent.\n");
    assert_eq!(
        operate(profile.path(), &["syncs", "list", "--json"]).json(),
        json!([])
    );
    kiosk.set_network("offline");
    kiosk.register_sync("send-messages");

    let list = operate(profile.path(), &["syncs", "list"]);
    assert_asked_the_running_kiosk(&list);
    let lines: Vec<_> = list.succeeded().lines().collect();
    let [titles, row] = lines[..] else {
        panic!("{list:?}")
    };
    for title in ["NAME", "APP", "TRIES", "STORED", "WAITS FOR"] {
        assert!(titles.contains(title), "{list:?}");
    }
    assert!(
        row.starts_with("send-messages  ") && row.ends_with("  the network"),
        "{list:?}"
    );
    assert!(!list.text.contains('\u{1b}'), "colors are for terminals");

    let rows = operate(profile.path(), &["syncs", "list", "--json"]).json();
    let origin = site.server.url("");
    assert_eq!(rows[0]["tag"], "send-messages");
    assert_eq!(rows[0]["origin"], origin);
    assert_eq!(rows[0]["scope"], format!("{origin}/"));
    assert_eq!(rows[0]["api"], "one-shot");
    assert_eq!(rows[0]["state"], "pending");
    assert_eq!(rows[0]["why"]["code"], "offline");

    let why = operate(profile.path(), &["syncs", "why", "send-messages"]);
    assert_asked_the_running_kiosk(&why);
    let sentence = "The message waits for the network. It is sent as soon as there is one.";
    assert!(why.succeeded().contains(sentence), "{why:?}");
    assert!(why.text.contains("stored, waits to be sent"), "{why:?}");

    operate(profile.path(), &["syncs", "why", "another"]).assert_refused(
        UNSUCCESSFUL,
        &["`another`", "the journal knows nothing of it"],
    );
}

#[test]
fn what_waits_and_why_without_a_kiosk() {
    let (site, profile) = (Site::new(WORKER), profile());
    let mut kiosk = open(&site, profile.path());
    kiosk.register_sync("first");
    site.server.wait_for(1);
    kiosk.wait_for_sync("finished");
    kiosk.set_network("offline");
    kiosk.register_sync("send-messages");
    kiosk.quit();

    let list = operate(profile.path(), &["syncs", "list"]);
    assert_read_the_profile(&list);
    assert!(list.succeeded().contains("send-messages"), "{list:?}");
    assert!(list.text.contains("the kiosk to run"), "{list:?}");
    let why = operate(profile.path(), &["syncs", "why", "send-messages", "--json"]);
    assert_read_the_profile(&why);
    let row = &why.json()[0];
    assert_eq!(row["why"]["code"], "kiosk-not-running");
    assert_eq!(
        row["why"]["sentence"],
        "The message is stored on this device. It is sent once the kiosk runs and there is a network."
    );
    assert_eq!(row["history"][0]["kind"], "registered");
    let sent = operate(profile.path(), &["syncs", "why", "first"]);
    assert!(
        sent.succeeded().contains("The message was sent. That was "),
        "{sent:?}"
    );
    let journal = operate(profile.path(), &["syncs", "journal", "--last", "1"]);
    assert_read_the_profile(&journal);
    assert_eq!(journal.succeeded().lines().count(), 2, "{journal:?}");

    for command in [
        &["syncs", "dispatch", "send-messages"][..],
        &["screenshot", "/nowhere/page.png"],
        &["reload"],
        &["open", "http://localhost/"],
    ] {
        operate(profile.path(), command)
            .assert_refused(UNSUCCESSFUL, &["the kiosk must be running"]);
    }
    let status = operate(profile.path(), &["status", "--json"]);
    status.assert_refused(UNSUCCESSFUL, &["no kiosk runs", "1 wait"]);
    let shown: Value = serde_json::from_str(&status.text).expect("JSON");
    assert_eq!(shown, json!({"running": false, "syncs": 1}));
    // Looking has changed nothing.
    open(&site, profile.path());
    site.server.wait_for(2);
}

#[test]
fn what_a_killed_kiosk_has_left() {
    let (site, profile) = (Site::new(WORKER), profile());
    let mut kiosk = open(&site, profile.path());
    kiosk.set_network("offline");
    kiosk.register_sync("send-messages");
    kiosk.kill();
    let list = operate(profile.path(), &["syncs", "list", "--json"]);
    assert_read_the_profile(&list);
    assert_eq!(list.json()[0]["tag"], "send-messages");
    let why = operate(profile.path(), &["syncs", "why", "send-messages"]);
    assert!(why.succeeded().contains("It is sent once the kiosk runs"));
    open(&site, profile.path());
    site.server.wait_for(1);
}

#[test]
fn what_is_asked_for_is_sent_now() {
    let (site, profile) = (Site::new(WORKER), profile());
    let mut kiosk = open(&site, profile.path());
    site.server.answer_next([Answer::Status(503)]);
    kiosk.register_sync("send-messages");
    kiosk.wait_for_sync("finished");
    let why = operate(profile.path(), &["syncs", "why", "send-messages"]);
    let sentence = "The message could not be sent in 1 try. The next one is in 60 min.";
    assert!(why.succeeded().contains(sentence), "{why:?}");

    site.server.answer_next([Answer::Status(503)]);
    let failed = operate(profile.path(), &["syncs", "dispatch", "send-messages"]);
    assert_eq!(failed.code, Some(UNSUCCESSFUL), "{failed:?}");
    assert_eq!(failed.text, "It was not sent.\n");
    let sent = operate(
        profile.path(),
        &["syncs", "dispatch", "send-messages", "--json"],
    );
    assert_eq!(sent.json()["outcome"], "fulfilled");
    assert_eq!(site.server.received().len(), 3);
    operate(profile.path(), &["syncs", "dispatch", "send-messages"])
        .assert_refused(UNSUCCESSFUL, &["nothing with the name `send-messages`"]);
}

#[test]
fn one_of_two_with_the_same_name() {
    let (site, profile) = (Site::new(WORKER), profile());
    let mut kiosk = site.open_with(
        Kiosk::builder()
            .background_sync(SLOW_RETRIES)
            .profile(profile.path())
            .flag("--pref")
            .flag("dom_background_sync_explainer_enabled=true"),
    );
    kiosk.set_network("offline");
    kiosk.register_sync("twice");
    kiosk
        .settle("navigator.sync.register('twice')")
        .expect("registered");
    let why = operate(profile.path(), &["syncs", "why", "twice", "--json"]).json();
    assert_eq!(why.as_array().map(Vec::len), Some(2), "{why}");
    operate(profile.path(), &["syncs", "dispatch", "twice"]).assert_refused(
        UNSUCCESSFUL,
        &["2 things", "--api one-shot", "--api explainer"],
    );
    let one = operate(
        profile.path(),
        &["syncs", "why", "twice", "--api", "explainer", "--json"],
    );
    assert_eq!(one.json()[0]["api"], "explainer");
    let scope = site.server.url("/other/");
    operate(
        profile.path(),
        &["syncs", "why", "twice", "--scope", &scope],
    )
    .assert_refused(UNSUCCESSFUL, &["nothing with the name `twice`"]);
}

/// Registers a sync of the site and one of another origin; returns the kiosk.
fn with_two_origins(site: &Site, other: &Site, profile: &Path) -> Kiosk {
    let mut kiosk = open(site, profile);
    kiosk.command(&format!("open {}", other.server.url("/")));
    kiosk.wait_for_console("page ready");
    kiosk.set_network("offline");
    kiosk.register_sync("other");
    kiosk.set_network("online");
    // Its page and worker are there again, and what waits is held back.
    other.server.wait_for(1);
    kiosk.wait_for_sync("finished");
    kiosk.command(&format!("open {}", site.server.url("/")));
    kiosk.wait_for_console("page ready");
    kiosk.set_network("offline");
    for number in 0..20 {
        kiosk.register_sync(&format!("message-{number}"));
    }
    kiosk
}

fn waiting(profile: &Path) -> Vec<String> {
    let rows = operate(profile, &["syncs", "list", "--json"]).json();
    let tags = rows.as_array().expect("a list").iter();
    tags.map(|row| row["tag"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn an_origin_is_cleared_while_the_kiosk_runs() {
    let (site, other, profile) = (Site::new(WORKER), Site::new(WORKER), profile());
    other.server.answer_next([Answer::Status(503)]);
    let kiosk = with_two_origins(&site, &other, profile.path());
    assert_eq!(waiting(profile.path()).len(), 21);
    operate(profile.path(), &["syncs", "clear", "no origin"])
        .assert_refused(UNSUCCESSFUL, &["`no origin` is not an origin"]);
    let cleared = operate(profile.path(), &["syncs", "clear", &site.server.url("")]);
    assert_asked_the_running_kiosk(&cleared);
    assert_eq!(
        cleared.succeeded(),
        "Dropped: 20. They are not sent any more.\n"
    );
    assert_eq!(waiting(profile.path()), ["other"]);
    let why = operate(profile.path(), &["syncs", "why", "message-7"]);
    assert!(
        why.succeeded()
            .contains("was dropped by whoever looks after this device"),
        "{why:?}"
    );
    kiosk.quit();
    assert_eq!(waiting(profile.path()), ["other"], "it is durable");
}

#[test]
fn an_origin_is_cleared_without_a_kiosk() {
    let (site, other, profile) = (Site::new(WORKER), Site::new(WORKER), profile());
    other.server.answer_next([Answer::Status(503)]);
    with_two_origins(&site, &other, profile.path()).quit();
    let cleared = operate(
        profile.path(),
        &["syncs", "clear", &site.server.url(""), "--json"],
    );
    assert_read_the_profile(&cleared);
    assert_eq!(cleared.json(), json!({"removed": 20}));
    let why = operate(profile.path(), &["syncs", "why", "message-7"]);
    assert!(
        why.succeeded()
            .contains("was dropped by whoever looks after this device"),
        "{why:?}"
    );
    // The next kiosk takes over what is left, and goes on with the journal.
    let mut kiosk = Kiosk::builder()
        .background_sync(SLOW_RETRIES)
        .profile(profile.path())
        .open("about:blank");
    let restored = kiosk.wait_for_sync("restored");
    assert_eq!(restored["count"], 1);
    let journal = operate(profile.path(), &["syncs", "journal", "--json"]);
    let sequences: Vec<_> = journal
        .succeeded()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["sequence"].as_u64())
        .collect();
    assert!(sequences.is_sorted_by(|a, b| a < b), "{journal:?}");
    assert!(
        site.server.received().is_empty(),
        "they are not sent any more"
    );
}
