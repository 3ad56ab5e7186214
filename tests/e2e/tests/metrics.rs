//! Metrics for Prometheus: what they count has happened, and they tell nothing of any page.

use std::io::Write;
use std::process::{Command, Stdio};

use background_sync_e2e::metrics::{Samples, metrics, metrics_text, parse, served_at};
use background_sync_e2e::{Answer, FAST_RETRIES, Kiosk, KioskBuilder, PAGE, Site};

/// Posts what it is told to send, so that the server decides how the event ends.
const WORKER: &str = "onsync = (event) => event.waitUntil(post('/message', event.tag));";

fn with_metrics() -> KioskBuilder {
    Kiosk::builder()
        .background_sync(FAST_RETRIES)
        .section("metrics", "listen = '127.0.0.1:0'")
}

/// Compares several at once.
fn assert_samples(samples: &Samples, expected: &[(&str, f64)]) {
    for (series, value) in expected {
        assert_eq!(
            samples.get(*series),
            Some(value),
            "{series} in {samples:#?}"
        );
    }
}

#[test]
fn counts_begin_at_zero() {
    let (_site, mut kiosk) = Site::controlled_in(WORKER, with_metrics());
    let address = served_at(&mut kiosk);
    let before = metrics(&address);
    assert_samples(
        &before,
        &[
            ("kiosk_sync_registered_total{api=\"one-shot\"}", 0.0),
            (
                "kiosk_sync_events_total{api=\"one-shot\",outcome=\"fulfilled\"}",
                0.0,
            ),
            (
                "kiosk_sync_lost_total{api=\"one-shot\",reason=\"given-up\"}",
                0.0,
            ),
            ("kiosk_sync_oldest_pending_age_seconds", 0.0),
            ("kiosk_network_state{state=\"up\"}", 1.0),
            ("kiosk_network_state{state=\"cut\"}", 0.0),
        ],
    );
    assert!(!before.contains_key("kiosk_sync_next_due_timestamp_seconds"));
    assert!(
        before["process_resident_memory_bytes"] > 10e6,
        "{before:#?}"
    );
}

#[test]
fn counts_are_what_has_happened() {
    let (site, mut kiosk) = Site::controlled_in(WORKER, with_metrics());
    let address = served_at(&mut kiosk);
    // The second succeeds at its second attempt; the third never does.
    let answers = [200, 503, 200, 503, 503, 503].map(Answer::Status);
    site.server.answer_next(answers);
    for (tag, attempts) in [("first", 1), ("second", 2), ("third", 3)] {
        kiosk.register_sync(tag);
        for _ in 0..attempts {
            kiosk.wait_for_sync("finished");
        }
    }
    let samples = metrics(&address);
    let of_sync = |name: &str| samples[&format!("kiosk_sync_{name}")];
    for (series, value) in [
        ("registered_total{api=\"one-shot\"}", 3.0),
        ("attempts_total{api=\"one-shot\"}", 6.0),
        ("events_total{api=\"one-shot\",outcome=\"fulfilled\"}", 2.0),
        ("events_total{api=\"one-shot\",outcome=\"rejected\"}", 4.0),
        ("last_chances_total{api=\"one-shot\"}", 1.0),
        ("lost_total{api=\"one-shot\",reason=\"given-up\"}", 1.0),
        ("lost_total{api=\"one-shot\",reason=\"cleared\"}", 0.0),
        ("event_duration_seconds_count{api=\"one-shot\"}", 6.0),
        (
            "event_duration_seconds_bucket{api=\"one-shot\",le=\"+Inf\"}",
            6.0,
        ),
        ("registrations{api=\"one-shot\",state=\"waiting\"}", 0.0),
        ("attempts_total{api=\"periodic\"}", 0.0),
    ] {
        assert!(
            (of_sync(series) - value).abs() < 0.5,
            "{series} in {samples:#?}"
        );
    }
    assert!(of_sync("event_duration_seconds_sum{api=\"one-shot\"}") > 0.0);
    assert!(samples["kiosk_uptime_seconds"] > 0.0);
}

#[test]
fn what_waits_is_told_and_what_is_cleared_is_lost() {
    let (_site, mut kiosk) = Site::controlled_in(WORKER, with_metrics());
    let address = served_at(&mut kiosk);
    kiosk.set_network("offline");
    kiosk.register_sync("outbox");
    let pending = "kiosk_sync_registrations{api=\"one-shot\",state=\"pending\"}";
    let cleared = "kiosk_sync_lost_total{api=\"one-shot\",reason=\"cleared\"}";
    let samples = metrics(&address);
    assert_samples(
        &samples,
        &[
            (pending, 1.0),
            (cleared, 0.0),
            ("kiosk_network_state{state=\"up\"}", 0.0),
            ("kiosk_network_state{state=\"cut\"}", 1.0),
        ],
    );
    assert!(samples["kiosk_sync_oldest_pending_age_seconds"] > 0.0);
    kiosk.command("clear-syncs 127.0.0.1");
    kiosk.wait_for_sync("removed");
    assert_samples(
        &metrics(&address),
        &[
            (pending, 0.0),
            (cleared, 1.0),
            ("kiosk_sync_oldest_pending_age_seconds", 0.0),
        ],
    );
}

#[test]
fn the_next_attempt_is_told() {
    let retry = "first_retry_delay_ms = 3600000\nretry_jitter_percent = 0\n";
    let builder = Kiosk::builder()
        .background_sync(retry)
        .section("metrics", "listen = '127.0.0.1:0'");
    let (site, mut kiosk) = Site::controlled_in(WORKER, builder);
    let address = served_at(&mut kiosk);
    site.server.answer_next([Answer::Status(503)]);
    kiosk.register_sync("later");
    kiosk.wait_for_sync("finished");
    let samples = metrics(&address);
    let now = samples["process_start_time_seconds"] + samples["kiosk_uptime_seconds"];
    let ahead = samples["kiosk_sync_next_due_timestamp_seconds"] - now;
    assert!((3500.0..=3600.1).contains(&ahead), "{ahead} s");
    assert_samples(
        &samples,
        &[(
            "kiosk_sync_registrations{api=\"one-shot\",state=\"waiting\"}",
            1.0,
        )],
    );
}

#[test]
fn a_page_that_crashes_is_counted() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open_with(with_metrics());
    let address = served_at(&mut kiosk);
    // A fault of this Servo release.
    kiosk.command("eval new DocumentTimeline({ originTime: 1e300 })");
    kiosk.wait_for("the crash", |event| event["event"] == "crashed");
    kiosk.wait_for("its repair", |event| event["event"] == "reload-planned");
    assert_samples(
        &metrics(&address),
        &[
            ("kiosk_page_crashes_total{window=\"page\"}", 1.0),
            ("kiosk_page_recoveries_total", 1.0),
        ],
    );
}

#[test]
fn no_page_leaves_a_trace() {
    let site = Site::new(WORKER);
    site.server.serve("/secret-page", "text/html", PAGE);
    let builder = with_metrics().host("secret-origin.example");
    let (port, name) = (site.server.port(), "secret-origin.example");
    let mut kiosk = builder.open(&format!("http://{name}:{port}/secret-page"));
    let address = served_at(&mut kiosk);
    kiosk.wait_for("the page", |event| event["status"] == "complete");
    // Only pages of this machine have service workers without TLS.
    kiosk.command(&format!("open http://127.0.0.1:{port}/secret-page"));
    kiosk.wait_for_console("page ready");
    kiosk.set_network("offline");
    kiosk.register_sync("secret-tag");
    kiosk.set_network("online");
    kiosk.wait_for_sync("finished");
    let text = metrics_text(&address);
    assert!(text.contains("outcome=\"fulfilled\"} 1\n"), "{text}");
    for word in ["secret", "example", "http", "127.0.0.1"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
    // Labels have names and values of a short list.
    let label_names: Vec<_> = text
        .split(['{', ','])
        .filter_map(|part| part.split_once("=\""))
        .map(|(name, _)| name)
        .collect();
    for name in label_names {
        assert!(
            [
                "api", "state", "outcome", "reason", "window", "le", "version"
            ]
            .contains(&name),
            "{name}"
        );
    }
}

#[test]
fn promtool_has_nothing_to_say() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open_with(with_metrics());
    let text = metrics_text(&served_at(&mut kiosk));
    assert!(parse(&text).len() > 50, "{text}");
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else {
        eprintln!("skipped: promtool is not here; the text was read by the test's own parser");
        return;
    };
    let mut input = promtool.stdin.take().expect("piped");
    input.write_all(text.as_bytes()).expect("it reads");
    drop(input);
    let output = promtool.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.is_empty(), "{told}\n{text}");
}
