//! Metrics for Prometheus: served to programs of this machine only, within limits, and to no page.

use std::io::{Read, Write};
use std::net::TcpStream;

use background_sync_e2e::listening::addresses_of;
use background_sync_e2e::metrics::{exchange, metrics, served_at};
use background_sync_e2e::{Kiosk, KioskBuilder, PATIENCE, Site, kiosk_command, run};

const WORKER: &str = "onsync = () => {};";

/// As many connections as the kiosk serves at the same time.
const MAX_CONNECTIONS: usize = 8;

/// Bytes that a request may have.
const MAX_REQUEST_BYTES: usize = 8 * 1024;

fn with_metrics() -> KioskBuilder {
    Kiosk::builder().section("metrics", "listen = '127.0.0.1:0'")
}

#[test]
fn nothing_listens_without_being_told_to() {
    let site = Site::new(WORKER);
    let kiosk = site.open();
    assert_eq!(addresses_of(kiosk.id()), [""; 0]);
    // With it, one address of this machine alone.
    let mut kiosk = site.open_with(with_metrics());
    let address = served_at(&mut kiosk);
    let port: u16 = address
        .strip_prefix("127.0.0.1:")
        .and_then(|port| port.parse().ok())
        .expect("a port");
    assert_eq!(
        addresses_of(kiosk.id()),
        [format!("tcp 0100007F:{port:04X}")]
    );
}

#[test]
fn no_page_can_read_them() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open_with(with_metrics());
    let address = served_at(&mut kiosk);
    let fetched = kiosk.settle(&format!(
        "fetch('http://{address}/metrics').then((answer) => answer.text())"
    ));
    assert_eq!(fetched, Err("TypeError".to_owned()));
    // Nor a page of the same origin, by a name that leads here.
    for host in ["evil.example", "127.0.0.1.evil.example"] {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = exchange(&address, request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        assert!(!answer.contains("kiosk_"), "{answer}");
    }
}

#[test]
fn others_than_prometheus_are_answered_within_limits() {
    let mut kiosk = with_metrics().open("about:blank");
    let address = served_at(&mut kiosk);
    for (request, status) in [
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            "404",
        ),
        (
            "POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            "405",
        ),
        ("\u{1}\u{2}\u{3}\r\n\r\n".to_owned(), "400"),
        (
            format!(
                "GET /metrics HTTP/1.1\r\nA: {}",
                "a".repeat(MAX_REQUEST_BYTES)
            ),
            "431",
        ),
    ] {
        let answer = exchange(&address, request.as_bytes());
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
}

#[test]
fn who_says_nothing_keeps_nobody_out_for_long() {
    let mut kiosk = with_metrics().open("about:blank");
    let address = served_at(&mut kiosk);
    // Some who say nothing have all places. Whoever comes then is told so, and gets what they want once they are gone.
    let silent: Vec<_> = (0..MAX_CONNECTIONS)
        .map(|_| {
            let mut stream = TcpStream::connect(&address).expect("it listens");
            stream.write_all(b"GET ").expect("it reads");
            stream
        })
        .collect();
    let answer = exchange(
        &address,
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 503 "),
        "{answer}"
    );
    for mut stream in silent {
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("it is not zero");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it is told");
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    kiosk.wait_until("it serves again", || {
        exchange(
            &address,
            b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
        )
        .contains("kiosk_uptime_seconds")
    });
}

#[test]
fn a_port_that_is_taken_does_not_keep_a_kiosk_from_starting() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound");
    let kiosk = Kiosk::builder()
        .section("metrics", &format!("listen = '{address}'"))
        .open("about:blank");
    assert_eq!(addresses_of(kiosk.id()), [""; 0]);
    kiosk.quit();
}

#[test]
fn an_address_that_others_reach_is_refused() {
    let output = run(kiosk_command().args(["--metrics-listen", "0.0.0.0:9464", "about:blank"]));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains(
            "0.0.0.0 is not an address of this machine alone: others could connect to it"
        ),
        "{told}"
    );
}

#[test]
fn the_port_is_free_for_the_next_kiosk() {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = probe.local_addr().expect("it is bound").to_string();
    drop(probe);
    let folder = tempfile::tempdir().expect("a writable folder");
    for _ in 0..2 {
        let mut kiosk = Kiosk::builder()
            .profile(folder.path())
            .section("metrics", &format!("listen = '{address}'"))
            .open("about:blank");
        assert_eq!(served_at(&mut kiosk), address);
        assert!(metrics(&address)["kiosk_uptime_seconds"] < PATIENCE.as_secs_f64());
        kiosk.quit();
    }
}
