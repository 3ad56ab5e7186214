//! The planned restart: in order, at its time, and not in the middle of a sync event.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use background_sync_e2e::metrics::{metrics, served_at};
use background_sync_e2e::{Answer, FAST_RETRIES, Kiosk, KioskBuilder, Site};
use serde_json::{Value, json};

/// A time of day in so many seconds, for a kiosk whose local time is UTC.
fn in_seconds(seconds: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let then = now.expect("a clock that is right") + Duration::from_secs(seconds);
    let of_day = then.as_secs() % 86_400;
    let (hours, minutes) = (of_day / 3600, of_day / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}", of_day % 60)
}

fn restarting_in(seconds: u64, profile: &Path) -> KioskBuilder {
    Kiosk::builder()
        .background_sync(&format!("{FAST_RETRIES}event_cap_ms = 20000\n"))
        .profile(profile)
        .environment("TZ", "UTC")
        .setting(&format!("restart_at = '{}'", in_seconds(seconds)))
}

fn wait_for_event(kiosk: &mut Kiosk, name: &str) -> Value {
    kiosk.wait_for(name, |event| event["event"] == name)
}

#[test]
fn it_begins_again_with_what_it_had() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = Site::new("onsync = (event) => event.waitUntil(post('/sync', event.tag));");
    let mut kiosk = site.open_with(restarting_in(6, profile.path()));
    let id = kiosk.id();
    kiosk.set_network("offline");
    kiosk.register_sync("waits");
    assert_eq!(
        wait_for_event(&mut kiosk, "restart-due")["running_events"],
        json!(0)
    );
    wait_for_event(&mut kiosk, "restarting");
    wait_for_event(&mut kiosk, "ready");
    kiosk.number_anew();
    // It has the network that a kiosk has at its start.
    site.server.wait_for_post("/sync", &json!("waits"));
    kiosk.wait_for_console("page ready");
    assert_eq!(kiosk.id(), id);
    // It takes commands as before, and does not restart again today.
    kiosk.register_sync("after it");
    site.server.wait_for_post("/sync", &json!("after it"));
    let seen = kiosk.seen().iter();
    assert_eq!(
        seen.filter(|event| event["event"] == "restarting").count(),
        1
    );
    assert!(kiosk.hang_up().success());
}

#[test]
fn it_waits_for_an_event_that_runs() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = Site::new("onsync = (event) => event.waitUntil(post('/sync', event.tag));");
    let mut kiosk = site.open_with(Kiosk::builder().profile(profile.path()));
    kiosk.set_network("offline");
    kiosk.register_sync("long");
    kiosk.terminate();

    site.server.answer_next([Answer::Hold]);
    let mut kiosk = restarting_in(8, profile.path()).open("about:blank");
    site.server.wait_for(1);
    let due = wait_for_event(&mut kiosk, "restart-due");
    assert_eq!(due["running_events"], json!(1));
    site.server.release();
    wait_for_event(&mut kiosk, "restarting");
    wait_for_event(&mut kiosk, "ready");
    let steps = kiosk.seen().iter().filter_map(|event| {
        let name = event["event"].as_str()?;
        // The worker may not have been there at the first try.
        let is_end = event["kind"] == "finished" && event["outcome"] == "Fulfilled";
        match name {
            "restart-due" | "restarting" => Some(name),
            _ => is_end.then_some("finished"),
        }
    });
    let steps: Vec<_> = steps.collect();
    assert_eq!(steps, ["restart-due", "finished", "restarting"]);
    assert_eq!(site.server.received_count(), 1, "it was sent once");
}

#[test]
fn metrics_go_on_at_their_port() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let address = {
        let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        probe.local_addr().expect("it is bound").to_string()
    };
    let builder = restarting_in(6, profile.path());
    let mut kiosk = builder
        .section("metrics", &format!("listen = '{address}'"))
        .open("about:blank");
    for is_first in [true, false] {
        assert_eq!(served_at(&mut kiosk), address);
        let samples = metrics(&address);
        // It begins anew, as counters do.
        assert!(samples["kiosk_uptime_seconds"] < 6.0, "{samples:#?}");
        if is_first {
            wait_for_event(&mut kiosk, "restarting");
        }
    }
}
