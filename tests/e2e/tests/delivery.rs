//! Events are fired when they should be, and nothing is lost.

use background_sync_e2e::{Answer, Kiosk, Site};
use serde_json::json;

/// Posts tag and `lastChance` of each event; the answer decides.
const WORKER: &str = r"
  self.addEventListener('sync', (event) => {
    event.waitUntil(post('/sync', { tag: event.tag, lastChance: event.lastChance }));
  });
";

#[test]
fn online_a_sync_fires_at_once() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open();
    kiosk.register_sync("now");
    let received = site.server.wait_for(1);
    assert_eq!(received[0].path, "/sync");
    assert_eq!(received[0].body, json!({"tag": "now", "lastChance": false}));
    let finished = kiosk.wait_for_sync("finished");
    assert_eq!(finished["outcome"], "Fulfilled");
    assert_eq!(kiosk.settle("registration.sync.getTags()"), Ok(json!([])));
}

#[test]
fn one_event_serves_three_registrations_of_one_tag() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open();
    kiosk.set_network("offline");
    for _ in 0..3 {
        kiosk.register_sync("outbox");
    }
    assert_eq!(
        kiosk.settle("registration.sync.getTags()"),
        Ok(json!(["outbox"]))
    );
    assert!(
        site.server.received().is_empty(),
        "nothing may arrive offline"
    );

    kiosk.set_network("online");
    kiosk.wait_for_sync("finished");
    // A second event would have been dispatched before this answer.
    assert_eq!(kiosk.settle("registration.sync.getTags()"), Ok(json!([])));
    let dispatched = kiosk
        .seen()
        .iter()
        .filter(|event| event["kind"] == "dispatched")
        .count();
    assert_eq!(dispatched, 1);
    assert_eq!(site.server.received().len(), 1);
}

#[test]
fn different_tags_fire_one_event_each() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open();
    kiosk.set_network("offline");
    for tag in ["a", "", "ü ☕"] {
        kiosk.register_sync(tag);
    }
    kiosk.set_network("online");
    let mut tags: Vec<_> = site
        .server
        .wait_for(3)
        .iter()
        .map(|request| request.body["tag"].as_str().expect("a tag").to_owned())
        .collect();
    tags.sort_unstable();
    assert_eq!(tags, ["", "a", "ü ☕"]);
}

#[test]
fn a_failed_sync_is_retried_until_its_last_chance() {
    let site = Site::new(WORKER);
    site.server.answer_next([Answer::Status(503); 3]);
    let mut kiosk = site.open();
    kiosk.register_sync("stubborn");
    let last_chances: Vec<_> = site
        .server
        .wait_for(3)
        .iter()
        .map(|request| request.body["lastChance"].clone())
        .collect();
    assert_eq!(last_chances, [json!(false), json!(false), json!(true)]);
    kiosk.wait_for("the registration to be given up", |event| {
        event["kind"] == "finished" && event["attempt"] == 3 && event["next"] == "Removed"
    });
    assert_eq!(kiosk.settle("registration.sync.getTags()"), Ok(json!([])));
    assert_eq!(site.server.received().len(), 3);
}

#[test]
fn a_retry_that_succeeds_is_the_last() {
    let site = Site::new(WORKER);
    site.server.answer_next([Answer::Status(503)]);
    let mut kiosk = site.open();
    kiosk.register_sync("once more");
    let failed = kiosk.wait_for_sync("finished");
    assert_eq!(failed["outcome"], "Rejected");
    assert!(failed["next"]["RetryIn"]["ms"].is_u64(), "{failed}");
    let finished = kiosk.wait_for_sync("finished");
    assert_eq!(
        (&finished["outcome"], &finished["next"]),
        (&json!("Fulfilled"), &json!("Removed"))
    );
    assert_eq!(site.server.received().len(), 2);
}

#[test]
fn a_sync_fires_after_its_window_is_closed() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open();
    kiosk.set_network("offline");
    kiosk.register_sync("later");
    kiosk.close_window();
    kiosk.set_network("online");
    assert_eq!(site.server.wait_for(1)[0].body["tag"], "later");
    assert_eq!(kiosk.wait_for_sync("finished")["outcome"], "Fulfilled");
}

#[test]
fn registered_again_while_firing_fires_again() {
    let site = Site::new(WORKER);
    site.server.answer_next([Answer::Hold]);
    let mut kiosk = site.open();
    kiosk.register_sync("again");
    site.server.wait_for(1);
    kiosk.register_sync("again");
    site.server.release();
    site.server.wait_for(2);
    kiosk.wait_for("the second event to end", |event| {
        event["kind"] == "finished" && event["next"] == "Removed"
    });
    assert_eq!(site.server.received().len(), 2);
}

#[test]
fn a_killed_browser_delivers_after_its_restart() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = Site::new(WORKER);
    let builder = || Kiosk::with_fast_retries(profile.path());
    let mut kiosk = site.open_with(builder());
    kiosk.set_network("offline");
    kiosk.register_sync("survivor");
    kiosk.kill();
    assert!(
        site.server.received().is_empty(),
        "nothing may arrive offline"
    );

    let mut kiosk = site.open_with(builder());
    assert_eq!(site.server.wait_for(1)[0].body["tag"], "survivor");
    // It may have been tried in vain before the worker was active.
    kiosk.wait_for("the event to succeed", |event| {
        event["outcome"] == "Fulfilled"
    });
    assert_eq!(kiosk.settle("registration.sync.getTags()"), Ok(json!([])));
}

#[test]
fn a_tag_with_a_lone_surrogate_is_the_same_after_a_restart() {
    const CODE_UNITS: &str = r"
      self.addEventListener('sync', (event) => {
        const units = Array.from({ length: event.tag.length }, (_, at) => event.tag.charCodeAt(at));
        event.waitUntil(post('/sync', units));
      });
    ";
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = Site::new(CODE_UNITS);
    let builder = || Kiosk::with_fast_retries(profile.path());
    let mut kiosk = site.open_with(builder());
    kiosk.set_network("offline");
    for tag in [r"a\uD83D", r"a\uDCEE"] {
        kiosk.register_sync(tag);
    }
    kiosk.kill();

    let _kiosk = site.open_with(builder());
    let mut tags: Vec<_> = site
        .server
        .wait_for(2)
        .into_iter()
        .map(|request| request.body)
        .collect();
    tags.sort_by_key(|units| units[1].as_u64());
    assert_eq!(tags, [json!([0x61, 0xD83D]), json!([0x61, 0xDCEE])]);
}
