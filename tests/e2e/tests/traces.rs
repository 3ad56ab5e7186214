//! Traces for a collector of OpenTelemetry: one span an attempt, and nothing of any page.

use background_sync_e2e::{Answer, FAST_RETRIES, Kiosk, Site, TestServer};
use serde_json::{Value, json};

const WORKER: &str = "onsync = (event) => event.waitUntil(post('/message', event.tag));";

fn attribute<'a>(list: &'a Value, key: &str) -> &'a Value {
    let attributes = list["attributes"].as_array().expect("a list");
    let found = attributes.iter().find(|it| it["key"] == key);
    &found.unwrap_or_else(|| panic!("no {key} in {list}"))["value"]
}

/// All spans that have come, in their order.
fn spans(collector: &TestServer) -> Vec<Value> {
    let mut spans = Vec::new();
    for request in collector.received() {
        assert_eq!(request.path, "/v1/traces");
        assert_eq!(request.headers["content-type"], "application/json");
        for of_resource in request.body["resourceSpans"].as_array().expect("a list") {
            let resource = &of_resource["resource"];
            assert_eq!(attribute(resource, "service.name")["stringValue"], "kiosk");
            let instance = attribute(resource, "service.instance.id");
            assert_eq!(instance["stringValue"], "shop-12");
            for of_scope in of_resource["scopeSpans"].as_array().expect("a list") {
                spans.extend(of_scope["spans"].as_array().expect("a list").clone());
            }
        }
    }
    spans
}

fn with_traces(collector: &TestServer) -> background_sync_e2e::KioskBuilder {
    let endpoint = collector.url("/v1/traces");
    Kiosk::builder().background_sync(FAST_RETRIES).section(
        "traces",
        &format!("endpoint = {endpoint:?}\ninstance = 'shop-12'"),
    )
}

#[test]
fn each_attempt_is_a_span() {
    let collector = TestServer::start();
    let (site, mut kiosk) = Site::controlled_in(WORKER, with_traces(&collector));
    site.server.answer_next([Answer::Status(503)]);
    kiosk.register_sync("secret-tag");
    kiosk.wait_for_sync("finished");
    kiosk.wait_for_sync("finished");
    kiosk.wait_until("both spans have come", || spans(&collector).len() >= 2);
    let spans = spans(&collector);
    let [failed, succeeded] = &spans[..] else {
        panic!("two: {spans:?}");
    };
    for (span, attempt, outcome, next, status) in [
        (failed, "1", "rejected", "retry", 2),
        (succeeded, "2", "fulfilled", "removed", 1),
    ] {
        assert_eq!(span["name"], "sync attempt (one-shot)");
        assert_eq!(span["status"]["code"], status);
        assert_eq!(
            attribute(span, "kiosk.sync.attempt"),
            &json!({"intValue": attempt})
        );
        assert_eq!(
            attribute(span, "kiosk.sync.outcome")["stringValue"],
            outcome
        );
        assert_eq!(attribute(span, "kiosk.sync.api")["stringValue"], "one-shot");
        assert_eq!(attribute(span, "kiosk.sync.next")["stringValue"], next);
        let time = |name: &str| -> u64 {
            span[name]
                .as_str()
                .expect("a text")
                .parse()
                .expect("a number")
        };
        assert!(time("startTimeUnixNano") <= time("endTimeUnixNano"));
        assert!(time("startTimeUnixNano") > 1_700_000_000_000_000_000);
        assert_eq!(span["traceId"].as_str().map(str::len), Some(32));
        assert_eq!(span["spanId"].as_str().map(str::len), Some(16));
    }
    assert_eq!(failed["traceId"], succeeded["traceId"]);
    assert_ne!(failed["spanId"], succeeded["spanId"]);
    let all: Vec<_> = collector
        .received()
        .into_iter()
        .map(|it| it.body.to_string())
        .collect();
    for word in ["secret", "http"] {
        assert!(!all.concat().contains(word), "{word} in {all:?}");
    }
}

#[test]
fn the_last_spans_are_sent_at_the_end() {
    let collector = TestServer::start();
    let (_site, mut kiosk) = Site::controlled_in(WORKER, with_traces(&collector));
    kiosk.register_sync("outbox");
    kiosk.wait_for_sync("finished");
    kiosk.quit();
    assert_eq!(spans(&collector).len(), 1);
}

#[test]
fn a_collector_that_is_not_there_holds_nothing_up() {
    let nobody = {
        let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        probe.local_addr().expect("it is bound")
    };
    let builder = Kiosk::builder()
        .background_sync(FAST_RETRIES)
        .section("traces", &format!("endpoint = 'http://{nobody}/v1/traces'"));
    let (site, mut kiosk) = Site::controlled_in(WORKER, builder);
    for tag in ["one", "two", "three"] {
        kiosk.register_sync(tag);
    }
    site.server.wait_for(3);
    kiosk.quit();
}

#[test]
fn nothing_is_sent_without_being_told_to() {
    let collector = TestServer::start();
    let builder = Kiosk::builder()
        .background_sync(FAST_RETRIES)
        .environment("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url("/"));
    let (site, mut kiosk) = Site::controlled_in(WORKER, builder);
    kiosk.register_sync("outbox");
    site.server.wait_for(1);
    kiosk.wait_for_sync("finished");
    kiosk.quit();
    assert_eq!(collector.received_count(), 0);
}
