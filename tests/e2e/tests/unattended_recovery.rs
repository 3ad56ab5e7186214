//! A page that crashed or could not be loaded comes back without anybody's help.

use std::net::TcpListener;

use background_sync_e2e::{Kiosk, Site, TestServer};
use serde_json::json;

const PAGE: &str = "<!DOCTYPE html><title>app</title><script>console.log('app loaded')</script>";

/// A port at which nobody listens.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

fn wait_for_planned_reload(kiosk: &mut Kiosk) -> u64 {
    let planned = kiosk.wait_for("another try", |event| event["event"] == "reload-planned");
    planned["in_ms"].as_u64().expect("a number")
}

#[test]
fn a_page_whose_server_is_down_is_loaded_once_that_is_up() {
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/");
    let mut kiosk = Kiosk::builder().open(&url);
    let failed = kiosk.wait_for("the failure", |event| event["event"] == "load-failed");
    assert_eq!(failed["url"], url.as_str());
    assert!(
        failed["reason"]
            .as_str()
            .is_some_and(|reason| !reason.is_empty())
    );
    // Meanwhile there is a page of the kiosk's own, without a way out, as it is the start page.
    assert_eq!(kiosk.evaluate("document.title"), "Page not loaded");
    assert_eq!(kiosk.evaluate("document.links.length"), 0);
    for delay_ms in [1000, 2000, 4000] {
        assert_eq!(wait_for_planned_reload(&mut kiosk), delay_ms);
    }
    let server = TestServer::start_on(port);
    server.serve("/", "text/html", PAGE);
    kiosk.wait_for_console("app loaded");
    assert_eq!(kiosk.evaluate("document.title + history.length"), "app1");
}

#[test]
fn a_server_that_does_not_answer_is_asked_again() {
    let server = TestServer::start();
    server.serve("/", "text/html", PAGE);
    server.hold_path("/");
    let url = server.url("/");
    let mut kiosk = Kiosk::builder().setting("answer_limit_s = 1").open(&url);
    for delay_ms in [1000, 2000] {
        let failed = kiosk.wait_for("the failure", |event| event["event"] == "load-failed");
        assert_eq!(failed["url"], url.as_str());
        assert_eq!(failed["reason"], "there was no answer in 1 s");
        assert_eq!(wait_for_planned_reload(&mut kiosk), delay_ms);
        kiosk.wait_for("a page of the kiosk's own", |event| {
            event["event"] == "load" && event["status"] == "complete"
        });
        assert_eq!(kiosk.evaluate("document.title"), "Page not answered");
    }
    server.release_path("/");
    kiosk.wait_for_console("app loaded");
    assert_eq!(kiosk.evaluate("document.title"), "app");
}

#[test]
fn the_network_s_return_ends_the_wait() {
    let port = free_port();
    let mut kiosk = Kiosk::builder().open(&format!("http://127.0.0.1:{port}/"));
    for delay_ms in [1000, 2000, 4000, 8000] {
        assert_eq!(wait_for_planned_reload(&mut kiosk), delay_ms);
    }
    kiosk.set_network("offline");
    let server = TestServer::start_on(port);
    server.serve("/", "text/html", PAGE);
    let restored = {
        kiosk.command("online");
        kiosk.wait_for("the network", |event| {
            event["event"] == "network" && event["online"] == true
        })
    };
    let loaded = kiosk.wait_for_console("app loaded");
    let took_ms = loaded["ms"].as_u64().zip(restored["ms"].as_u64());
    let (loaded_ms, restored_ms) = took_ms.expect("times");
    // Less than was left of the eight seconds.
    assert!(loaded_ms - restored_ms < 6_000, "{loaded} {restored}");
}

#[test]
fn a_page_that_a_link_leads_to_has_a_way_back() {
    let site = Site::new("");
    site.server.serve("/", "text/html", PAGE);
    let mut kiosk = Kiosk::builder().open(&site.server.url("/"));
    kiosk.wait_for_console("app loaded");
    let dead = format!("http://127.0.0.1:{}/", free_port());
    kiosk.evaluate(&format!("location.href = '{dead}', 0"));
    wait_for_planned_reload(&mut kiosk);
    kiosk.command("click #start");
    kiosk.wait_for_console("app loaded");
    assert_eq!(
        kiosk.evaluate("location.href"),
        site.server.url("/").as_str()
    );
}

#[test]
fn what_only_looks_like_an_error_page_is_left_alone() {
    let site = Site::new("");
    site.server.serve(
        "/",
        "text/html",
        "<title>Error loading page</title><p>Could not load the requested page: no.</p><p>More.</p>\
         <script>addEventListener('load', () => setTimeout(() => console.log('looked at'), 0))</script>",
    );
    let mut kiosk = Kiosk::builder().open(&site.server.url("/"));
    kiosk.wait_for_console("looked at");
    assert_eq!(kiosk.evaluate("document.title"), "Error loading page");
    let failed = kiosk
        .seen()
        .iter()
        .any(|event| event["event"] == "load-failed");
    assert!(!failed);
}

/// A time that long panics the page's thread in this release of Servo.
fn crash(kiosk: &mut Kiosk) {
    kiosk.evaluate("setTimeout(() => new DocumentTimeline({ originTime: 1e300 }), 0), 0");
    let crashed = kiosk.wait_for("the crash", |event| event["event"] == "crashed");
    assert_eq!(crashed["window"], "page");
}

#[test]
fn a_page_that_crashes_is_loaded_again_and_what_it_registered_is_sent() {
    let site = Site::new("onsync = (event) => event.waitUntil(post('/sync', event.tag));");
    let mut kiosk = site.open();
    kiosk.set_network("offline");
    kiosk.register_sync("before the crash");
    kiosk.set_network("online");
    for delay_ms in [1000, 2000] {
        crash(&mut kiosk);
        assert_eq!(wait_for_planned_reload(&mut kiosk), delay_ms);
        kiosk.wait_for("the page about it", |event| {
            event["event"] == "address" && event["url"] == "about:crashed"
        });
        kiosk.wait_for_console("page ready");
    }
    site.server
        .wait_for_post("/sync", &json!("before the crash"));
    kiosk.register_sync("after it");
    site.server.wait_for_post("/sync", &json!("after it"));
}

#[test]
fn a_page_that_crashes_again_and_again_is_given_up_for_the_start_page() {
    let site = Site::new("");
    site.server.serve(
        "/next",
        "text/html",
        "<script>console.log('next loaded')</script>",
    );
    let mut kiosk = site.open();
    kiosk.evaluate("location.href = '/next', 0");
    kiosk.wait_for_console("next loaded");
    for _ in 0..3 {
        crash(&mut kiosk);
        kiosk.wait_for_console("next loaded");
    }
    crash(&mut kiosk);
    kiosk.wait_for_console("page ready");
}
