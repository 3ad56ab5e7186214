//! `kiosk --sync-only`: without a window, what is due is delivered, and the kiosk ends.

use std::fs;
use std::path::Path;

use background_sync_e2e::operator::Told;
use background_sync_e2e::{Answer, FAST_RETRIES, Kiosk, Site, kiosk_command, run};
use serde_json::Value;

const WORKER: &str = "onsync = (event) => event.waitUntil(post('/message', event.tag));";

/// Retries that do not come while a test runs.
const SLOW_RETRIES: &str = "first_retry_delay_ms = 3600000\nretry_jitter_percent = 0\n\
    reconnect_retry_spread_ms = 0\n";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a writable folder")
}

/// Leaves a registration in the profile, and ends the kiosk.
fn register_offline(site: &Site, profile: &Path, tag: &str) {
    let mut kiosk = site.open_with(Kiosk::builder().profile(profile));
    kiosk.set_network("offline");
    kiosk.register_sync(tag);
    kiosk.quit();
}

/// Runs it with these retries, and more flags.
fn sync_only(site: &Site, profile: &Path, retries: &str, flags: &[&str]) -> Told {
    let config = profile.join("test.toml");
    let text = format!(
        "url = {:?}\n[background_sync]\n{retries}",
        site.server.url("/")
    );
    fs::write(&config, text).expect("a writable folder");
    let mut command = kiosk_command();
    command
        .args(["--sync-only", "--config"])
        .arg(config)
        .arg("--profile")
        .arg(profile)
        .args(flags);
    Told::new(run(&mut command))
}

/// The one line that it writes.
fn report(told: &Told) -> Value {
    let lines: Vec<_> = told.text.lines().collect();
    let [line] = lines[..] else {
        panic!("one line: {told:?}");
    };
    let report: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(report["event"], "sync-only");
    report
}

#[test]
fn what_is_due_is_delivered_without_a_page() {
    let (site, profile) = (Site::new(WORKER), folder());
    register_offline(&site, profile.path(), "outbox");
    let pages_before = site.server.asked_for("/").len();
    let told = sync_only(&site, profile.path(), FAST_RETRIES, &[]);
    let report = report(&told);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(report["delivered"], 1, "{report}");
    assert_eq!(report["left"], 0, "{report}");
    assert_eq!(report["next_due_in_ms"], Value::Null);
    let received = site.server.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].body, "outbox");
    assert_eq!(site.server.asked_for("/").len(), pages_before, "no page");
    // There is nothing more to do.
    let told = sync_only(&site, profile.path(), FAST_RETRIES, &[]);
    assert_eq!(self::report(&told)["delivered"], 0);
    assert_eq!(told.code, Some(0));
}

#[test]
fn what_becomes_due_at_once_is_delivered_too() {
    let (site, profile) = (Site::new(WORKER), folder());
    register_offline(&site, profile.path(), "outbox");
    site.server
        .answer_next([Answer::Status(503), Answer::Status(503)]);
    let told = sync_only(&site, profile.path(), FAST_RETRIES, &[]);
    let report = report(&told);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(
        (&report["failed"], &report["delivered"]),
        (&2.into(), &1.into())
    );
}

#[test]
fn what_is_due_later_is_left() {
    let (site, profile) = (Site::new(WORKER), folder());
    register_offline(&site, profile.path(), "outbox");
    site.server.answer_next([Answer::Status(503)]);
    let told = sync_only(&site, profile.path(), SLOW_RETRIES, &[]);
    let first = report(&told);
    assert_eq!(told.code, Some(1), "it was not delivered: {told:?}");
    assert_eq!((&first["failed"], &first["left"]), (&1.into(), &1.into()));
    let in_ms = first["next_due_in_ms"].as_u64().expect("a time");
    assert!((3_500_000..=3_600_000).contains(&in_ms), "{first}");
    // It is not due yet.
    let told = sync_only(&site, profile.path(), SLOW_RETRIES, &[]);
    let second = report(&told);
    assert_eq!(told.code, Some(0), "nothing has failed: {told:?}");
    assert_eq!((&second["failed"], &second["left"]), (&0.into(), &1.into()));
    assert_eq!(site.server.received_count(), 1);
}

#[test]
fn what_is_given_up_is_told() {
    let (site, profile) = (Site::new(WORKER), folder());
    register_offline(&site, profile.path(), "outbox");
    site.server.answer_next([503, 503, 503].map(Answer::Status));
    let told = sync_only(&site, profile.path(), FAST_RETRIES, &[]);
    let report = report(&told);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert_eq!(
        (&report["failed"], &report["given_up"]),
        (&2.into(), &1.into())
    );
    assert_eq!(report["left"], 0);
}

#[test]
fn without_a_network_nothing_is_tried() {
    let (site, profile) = (Site::new(WORKER), folder());
    register_offline(&site, profile.path(), "outbox");
    let told = sync_only(&site, profile.path(), FAST_RETRIES, &["--offline"]);
    let report = report(&told);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(
        (&report["network"], &report["left"]),
        (&"cut".into(), &1.into())
    );
    assert_eq!(site.server.received_count(), 0);
}

#[test]
fn a_kiosk_that_runs_does_it_itself() {
    let (site, profile) = (Site::new(WORKER), folder());
    let _kiosk = site.open_with(Kiosk::builder().profile(profile.path()));
    let told = sync_only(&site, profile.path(), FAST_RETRIES, &[]);
    assert_eq!(report(&told)["left_to"], "running-kiosk");
    told.assert_refused(
        0,
        &[
            "a kiosk runs on the profile folder",
            "it sends what is due itself",
        ],
    );
}

#[test]
fn it_does_not_go_with_what_needs_a_window() {
    for flags in [["--scenario", "outbox"], ["--control", "stdio"]] {
        let output = run(kiosk_command().arg("--sync-only").args(flags));
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}
