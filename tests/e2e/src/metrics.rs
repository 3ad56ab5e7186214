//! Collects metrics as Prometheus does, and reads them strictly.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::{Kiosk, PATIENCE};

/// All samples, by their names with their labels as they are written.
pub type Samples = BTreeMap<String, f64>;

/// Sends this to `127.0.0.1:PORT` or another address, and returns all that comes back.
///
/// # Panics
/// If nobody listens, or no end comes in time.
#[must_use]
pub fn exchange(address: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("the kiosk listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("it is not zero");
    // It may have been refused already.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    }
    String::from_utf8(answer).expect("UTF-8")
}

/// The text of the metrics.
///
/// # Panics
/// If they are not served.
#[must_use]
pub fn metrics_text(address: &str) -> String {
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let answer = exchange(address, request.as_bytes());
    let (header, text) = answer.split_once("\r\n\r\n").expect("an answer of HTTP");
    assert!(header.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        header.contains("Content-Type: text/plain; version=0.0.4"),
        "{header}"
    );
    text.to_owned()
}

/// Where a kiosk says that it serves them.
///
/// # Panics
/// If it does not.
pub fn served_at(kiosk: &mut Kiosk) -> String {
    let event = kiosk.wait_for("metrics", |event| event["event"] == "metrics-served");
    event["address"].as_str().expect("an address").to_owned()
}

/// The metrics.
///
/// # Panics
/// If they are not served, or not in Prometheus' text format.
#[must_use]
pub fn metrics(address: &str) -> Samples {
    parse(&metrics_text(address))
}

/// Reads Prometheus' text format, and holds it to its rules: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
///
/// # Panics
/// If it is not in that format.
#[must_use]
pub fn parse(text: &str) -> Samples {
    assert!(text.ends_with('\n'), "the last line has no end");
    let (mut samples, mut families) = (Samples::new(), BTreeSet::new());
    let (mut help, mut kind) = (String::new(), (String::new(), String::new()));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, words) = rest.split_once(' ').expect("a help text");
            assert!(!words.is_empty(), "{line}");
            assert!(families.insert(name.to_owned()), "twice: {line}");
            help = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, type_name) = rest.split_once(' ').expect("a type");
            assert_eq!(name, help, "the help text comes first");
            assert!(
                ["counter", "gauge", "histogram"].contains(&type_name),
                "{line}"
            );
            assert_eq!(type_name == "counter", name.ends_with("_total"), "{line}");
            kind = (name.to_owned(), type_name.to_owned());
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a sample");
            let name = series
                .split_once('{')
                .map_or(series, |(name, _)| name)
                .to_owned();
            let suffixes: &[&str] = match kind.1.as_str() {
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            assert!(
                suffixes
                    .iter()
                    .any(|suffix| name == kind.0.clone() + suffix),
                "{line} is not of {kind:?}"
            );
            let value = value.parse().expect("a number");
            assert!(
                samples.insert(series.to_owned(), value).is_none(),
                "twice: {line}"
            );
        }
    }
    samples
}
