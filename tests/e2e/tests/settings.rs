//! What the configuration sets for the whole browser, and the command line instead.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::thread;

use background_sync_e2e::{Kiosk, KioskBuilder, Site, TestServer, kiosk_command, run};
use serde_json::json;

const PAGE: &str = "<!DOCTYPE html><title>app</title><script>console.log('app loaded')</script>";

fn zoom_of(builder: KioskBuilder) -> serde_json::Value {
    let server = TestServer::start();
    server.serve("/", "text/html", PAGE);
    let mut kiosk = builder.open(&server.url("/"));
    kiosk.wait_for_console("app loaded");
    kiosk.evaluate("[devicePixelRatio, innerWidth]")
}

#[test]
fn everything_is_larger() {
    let builder = || {
        Kiosk::builder()
            .setting("window_size = '800x600'")
            .setting("zoom = 2")
    };
    assert_eq!(zoom_of(builder()), json!([2, 400]));
    assert_eq!(
        zoom_of(builder().flag("--zoom").flag("0.5")),
        json!([0.5, 1600])
    );
}

#[test]
fn a_window_that_the_page_opens_has_the_zoom_of_the_page() {
    let server = TestServer::start();
    server.serve("/", "text/html", PAGE);
    server.serve(
        "/other",
        "text/html",
        "<script>onload = () => console.log(`zoom ${devicePixelRatio}`)</script>",
    );
    let mut kiosk = Kiosk::builder()
        .setting("zoom = 1.5")
        .open(&server.url("/"));
    kiosk.wait_for_console("app loaded");
    kiosk.evaluate("window.open('/other'), 0");
    kiosk.wait_for_console("zoom 1.5");
}

/// The first line that a client of this proxy says.
fn proxy() -> (u16, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let first_line = thread::spawn(move || {
        let (client, _) = listener.accept().expect("a client");
        let mut line = String::new();
        let _ = BufReader::new(client).read_line(&mut line);
        line
    });
    (port, first_line)
}

#[test]
fn pages_elsewhere_are_loaded_by_the_proxy_and_those_of_this_machine_are_not() {
    let server = TestServer::start();
    server.serve("/", "text/html", PAGE);
    let (port, first_line) = proxy();
    let mut kiosk = Kiosk::builder()
        .setting(&format!("proxy = 'http://127.0.0.1:{port}'"))
        .setting("no_proxy = ['near.example']")
        .host("near.example")
        .open(&server.url("/"));
    kiosk.wait_for_console("app loaded");
    kiosk.command(&format!("open http://near.example:{}/", server.port()));
    kiosk.wait_for_console("app loaded");
    kiosk.command("open http://far.example:8080/");
    let line = first_line.join().expect("a line");
    assert_eq!(line, "CONNECT far.example:8080 HTTP/1.1\r\n");
}

#[test]
fn the_profile_is_beside_the_file_that_names_it() {
    let folder = tempfile::tempdir().expect("a writable folder");
    let file = folder.path().join("kiosk.toml");
    fs::write(&file, "profile = 'kept'\n").expect("a writable folder");
    let start = |flags: &[&str]| {
        let mut command = kiosk_command();
        command.args(["--headless", "--control", "stdio", "about:blank"]);
        command.arg("--config").arg(&file).args(flags);
        // Its standard input ends at once.
        assert!(run(&mut command).status.success());
    };
    let other = folder.path().join("other");
    start(&["--profile", other.to_str().expect("UTF-8")]);
    assert!(other.is_dir() && !folder.path().join("kept").exists());
    start(&["--temporary"]);
    assert!(!folder.path().join("kept").exists());
    start(&[]);
    assert!(folder.path().join("kept").join("kiosk.lock").exists());
}

#[test]
fn events_of_syncs_can_be_left_out() {
    let site = Site::new("onsync = (event) => event.waitUntil(post('/sync'));");
    let mut kiosk = site.open_with(Kiosk::builder().flag("--without-sync-events"));
    kiosk
        .settle("registration.sync.register('outbox')")
        .expect("registered");
    site.server.wait_for(1);
    kiosk.evaluate("0");
    let story = kiosk.into_story();
    let has = |kind: &str| story.iter().any(|event| event["event"] == kind);
    assert!(has("eval") && !has("sync"), "{story:?}");
}
