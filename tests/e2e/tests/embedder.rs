//! What an embedder can do: list, forbid, clear.

use background_sync_e2e::{Answer, Kiosk, Site};
use serde_json::{Value, json};

const WORKER: &str =
    "self.addEventListener('sync', (event) => event.waitUntil(post('/sync', event.tag)));";

/// The registrations that the embedder sees, as [tag, state].
fn syncs(kiosk: &mut Kiosk) -> Value {
    let line = kiosk.command("syncs");
    let answer = kiosk.wait_for("the list of syncs", |event| {
        event["event"] == "syncs" && event["command"] == line
    });
    let registrations = answer["registrations"].as_array().expect("a list");
    registrations
        .iter()
        .map(|registration| json!([registration["tag"], registration["state"]]))
        .collect()
}

#[test]
fn registrations_are_listed() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open();
    assert_eq!(syncs(&mut kiosk), json!([]));
    kiosk.set_network("offline");
    kiosk.register_sync("a");
    assert_eq!(syncs(&mut kiosk), json!([["a", "pending"]]));
}

#[test]
fn a_forbidden_origin_loses_its_registrations_and_makes_no_new_ones() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open();
    kiosk.set_network("offline");
    kiosk.register_sync("early");
    let url = site.server.url("/");
    kiosk.command(&format!("forbid {url}"));
    assert_eq!(syncs(&mut kiosk), json!([]));
    assert_eq!(
        kiosk.settle("registration.sync.register('refused')"),
        Err("NotAllowedError".to_owned())
    );
    kiosk.command(&format!("allow {url}"));
    kiosk.register_sync("late");
    kiosk.set_network("online");
    kiosk.wait_for_sync("finished");
    let received = site.server.received();
    assert_eq!(received.len(), 1, "{received:?}");
    assert_eq!(received[0].body, "late");
}

#[test]
fn clearing_a_sites_data_clears_its_syncs_for_good() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = Site::new(WORKER);
    let mut kiosk = site.open_with(Kiosk::builder().profile(profile.path()));
    kiosk.set_network("offline");
    kiosk.register_sync("cleared");
    kiosk.command("clear-syncs other.example");
    assert_eq!(syncs(&mut kiosk), json!([["cleared", "pending"]]));
    kiosk.command("clear-syncs 127.0.0.1");
    assert_eq!(syncs(&mut kiosk), json!([]));
    kiosk.kill();

    let mut kiosk = Kiosk::builder().profile(profile.path()).open("about:blank");
    assert_eq!(kiosk.wait_for_sync("restored")["count"], 0);
}

#[test]
fn an_unregistered_sync_is_gone_for_good_and_the_others_are_not() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = Site::new(WORKER);
    let builder = || Kiosk::builder().profile(profile.path());
    let mut kiosk = site.open_with(builder());
    let url = site.server.url("/");
    kiosk.command(&format!("allow {url}"));
    kiosk.set_network("offline");
    for script in [
        "registration.sync.register('removed')",
        "registration.sync.register('kept')",
        // The APIs share no names.
        "registration.periodicSync.register('removed', { minInterval: 1e9 })",
    ] {
        kiosk.settle(script).expect("registered");
    }
    kiosk.command(&format!("unregister one-shot {url} removed"));
    let removed = kiosk.wait_for_sync("removed");
    assert_eq!(
        (&removed["tag"], &removed["api"]),
        (&json!("removed"), &json!("OneShot"))
    );
    let tags = |kiosk: &mut Kiosk, api| kiosk.settle(&format!("registration.{api}.getTags()"));
    assert_eq!(tags(&mut kiosk, "sync"), Ok(json!(["kept"])));
    assert_eq!(tags(&mut kiosk, "periodicSync"), Ok(json!(["removed"])));
    let again = kiosk.command(&format!("unregister one-shot {url} removed"));
    kiosk.wait_for("the refusal", |event| {
        event["command"] == again && event["error"].is_string()
    });
    kiosk.kill();

    let mut kiosk = builder().open("about:blank");
    assert_eq!(kiosk.wait_for_sync("restored")["count"], 2);
    assert_eq!(site.server.wait_for(1)[0].body, "kept");
    kiosk.wait_for("it to be done", |event| event["next"] == "Removed");
    assert_eq!(syncs(&mut kiosk), json!([["removed", "waiting"]]));
}

/// A sync that fires until the server answers, and then fails.
fn with_firing_sync() -> (Site, Kiosk) {
    let site = Site::new(
        "self.addEventListener('sync', (event) => event.waitUntil( \
           post('/sync', event.tag).then(() => Promise.reject(new Error('again')))));",
    );
    let mut kiosk = site.open();
    site.server.answer_next([Answer::Hold]);
    kiosk.register_sync("firing");
    kiosk.wait_for_sync("dispatched");
    (site, kiosk)
}

#[test]
fn unregistering_ends_a_sync_that_is_firing() {
    let (site, mut kiosk) = with_firing_sync();
    let url = site.server.url("/");
    kiosk.command(&format!("unregister one-shot {url} firing"));
    assert_eq!(syncs(&mut kiosk), json!([]));
    site.server.release();
    assert_is_not_tried_again(&mut kiosk);
}

#[test]
fn clearing_ends_a_sync_that_is_firing() {
    let (site, mut kiosk) = with_firing_sync();
    kiosk.command("clear-syncs 127.0.0.1");
    assert_eq!(syncs(&mut kiosk), json!([]));
    site.server.release();
    // Another one that fails is tried again, later than this one would have been.
    assert_is_not_tried_again(&mut kiosk);
}

/// Waits for the second attempt of a sync that is registered now: there must be none of `firing`.
fn assert_is_not_tried_again(kiosk: &mut Kiosk) {
    kiosk.register_sync("next");
    kiosk.wait_for("the next event to be tried again", |event| {
        event["kind"] == "dispatched" && event["tag"] == "next" && event["attempt"] == 2
    });
    let again = kiosk.seen().iter().find(|event| {
        event["kind"] == "dispatched" && event["tag"] == "firing" && event["attempt"] == 2
    });
    assert_eq!(again, None);
}

#[test]
fn a_sync_that_is_firing_while_its_origin_is_forbidden_is_not_tried_again() {
    let (site, mut kiosk) = with_firing_sync();
    let url = site.server.url("/");
    kiosk.command(&format!("forbid {url}"));
    assert_eq!(syncs(&mut kiosk), json!([]));
    site.server.release();
    kiosk.command(&format!("allow {url}"));
    assert_is_not_tried_again(&mut kiosk);
}

#[test]
fn pages_and_workers_are_told_once_that_the_network_has_changed() {
    let site = Site::new("ononline = () => post('/worker', navigator.onLine);");
    let mut kiosk = site.open();
    kiosk.evaluate(
        "window.seen = [], ['online', 'offline'].forEach((name) => addEventListener(name, () => seen.push(name))), 0",
    );
    for state in ["offline", "online"] {
        kiosk.set_network(state);
        kiosk.command(state);
    }
    assert_eq!(kiosk.evaluate("seen"), json!(["offline", "online"]));
    assert_eq!(site.server.wait_for(1)[0].body, json!(true));
}
