//! WebDriver, spoken as a client does: over HTTP, on this machine only.

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use background_sync_e2e::{Kiosk, PATIENCE, TestServer, kiosk_command};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A kiosk that only WebDriver controls. Killed when dropped.
struct Driven {
    child: Child,
    _profile: TempDir,
}

impl Drop for Driven {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client of one kiosk.
struct Client {
    port: u16,
    session: String,
}

impl Client {
    /// A client with a session, as soon as the server listens.
    fn connect(port: u16) -> Self {
        let deadline = Instant::now() + PATIENCE;
        // The server listens on a thread of its own and tells nobody. Thousands of attempts would end in one that meets
        // itself, because the system gives each a port of its own.
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < deadline, "nobody listens on port {port}");
            thread::sleep(Duration::from_millis(20));
        }
        let mut client = Self {
            port,
            session: String::new(),
        };
        let session = client.ask("POST", "/session", &json!({ "capabilities": {} }));
        let id = session["sessionId"].as_str().expect("an ID");
        client.session = format!("/session/{id}");
        client
    }

    /// Asks something of the session.
    fn session(&self, method: &str, command: &str, parameters: &Value) -> Value {
        self.ask(method, &format!("{}{command}", self.session), parameters)
    }

    fn navigate(&self, url: &str) {
        let answer = self.session("POST", "/url", &json!({ "url": url }));
        assert_eq!(answer, Value::Null);
    }

    fn run(&self, script: &str) -> Value {
        self.session(
            "POST",
            "/execute/sync",
            &json!({ "script": script, "args": [] }),
        )
    }

    /// The value of a successful answer, which must come soon.
    fn ask(&self, method: &str, path: &str, parameters: &Value) -> Value {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("a server");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a valid time");
        let body = match parameters {
            Value::Null => String::new(),
            _ => parameters.to_string(),
        };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .expect("a server that reads");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .unwrap_or_else(|error| panic!("no answer to {method} {path}: {error}"));
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(
            head.starts_with("HTTP/1.1 200 "),
            "{method} {path}: {answer}"
        );
        let mut body: Value = serde_json::from_str(body).expect("JSON");
        body["value"].take()
    }
}

/// A port that nobody used a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

fn open(url: &str) -> (Driven, Client) {
    let port = free_port();
    let profile = tempfile::tempdir().expect("a writable folder");
    let child = kiosk_command()
        .args(["--headless", &format!("--webdriver={port}"), "--profile"])
        .arg(profile.path().join("profile"))
        .arg(url)
        .stdout(Stdio::null())
        .spawn()
        .expect("the kiosk can be started");
    let kiosk = Driven {
        child,
        _profile: profile,
    };
    (kiosk, Client::connect(port))
}

fn serve_pages() -> TestServer {
    let server = TestServer::start();
    for name in ["first", "second"] {
        server.serve(
            &format!("/{name}"),
            "text/html",
            &format!("<!DOCTYPE html><title>{name}</title><body>{name}"),
        );
    }
    server
}

/// Local addresses, in the kernel's notation, at which a process takes connections.
fn listening_addresses(process: u32) -> Vec<String> {
    let sockets: HashSet<String> = fs::read_dir(format!("/proc/{process}/fd"))
        .expect("a running process")
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|target| {
            let name = target.to_str()?.strip_prefix("socket:[")?;
            Some(name.strip_suffix(']')?.to_owned())
        })
        .collect();
    assert!(!sockets.is_empty(), "an engine has sockets of some kind");
    ["tcp", "tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(format!("/proc/{process}/net/{table}")).ok())
        .flat_map(|table| {
            let rows: Vec<String> = table.lines().skip(1).map(str::to_owned).collect();
            rows
        })
        .filter_map(|row| {
            let fields: Vec<&str> = row.split_whitespace().collect();
            let is_listening = fields.get(3) == Some(&"0A");
            let inode = *fields.get(9)?;
            (is_listening && sockets.contains(inode)).then(|| fields[1].to_owned())
        })
        .collect()
}

#[test]
fn a_session_navigates_runs_scripts_and_changes_preferences() {
    let server = serve_pages();
    let (_kiosk, client) = open("about:blank");

    client.navigate(&server.url("/first"));
    assert_eq!(client.run("return document.title"), "first");
    client.navigate(&server.url("/second"));
    assert_eq!(
        client.session("GET", "/url", &Value::Null),
        server.url("/second")
    );
    assert_eq!(
        client.run("return new Promise((resolve) => setTimeout(() => resolve(6 * 7)))"),
        42
    );

    // `servo/prefs/get` is no use in this release of Servo: its names would be in the body of a GET, which is not read.
    let name = "dom_background_sync_enabled";
    let has_sync = || {
        client.navigate(&server.url("/first"));
        client.run("return 'SyncManager' in self")
    };
    let default = has_sync();
    let changed = !default.as_bool().expect("a truth value");
    client.session(
        "POST",
        "/servo/prefs/set",
        &json!({ "prefs": { name: changed } }),
    );
    assert_eq!(has_sync(), changed);
    client.session("POST", "/servo/prefs/reset", &json!({ "prefs": [name] }));
    assert_eq!(has_sync(), default);

    assert_eq!(client.session("DELETE", "", &Value::Null), Value::Null);
    // There can be only one, so this shows that the first is over.
    Client::connect(client.port);
}

#[test]
fn a_page_that_is_loading_is_not_taken_for_the_one_asked_for() {
    let server = serve_pages();
    for first in ["about:blank".to_owned(), server.url("/first")] {
        let (_kiosk, client) = open(&first);
        client.navigate(&server.url("/second"));
        assert_eq!(
            client.session("GET", "/url", &Value::Null),
            server.url("/second"),
            "after {first}"
        );
        assert_eq!(
            client.run("return document.title"),
            "second",
            "after {first}"
        );
    }
}

#[test]
fn a_second_window_is_navigated_and_closed() {
    let server = serve_pages();
    let (_kiosk, client) = open(&server.url("/first"));
    let window = client.session("POST", "/window/new", &json!({ "type": "tab" }));
    client.session("POST", "/window", &json!({ "handle": window["handle"] }));
    client.navigate(&server.url("/second"));
    assert_eq!(client.run("return document.title"), "second");
    let handles = client.session("DELETE", "/window", &Value::Null);
    assert_eq!(handles.as_array().map(Vec::len), Some(1));
    client.session("POST", "/window", &json!({ "handle": handles[0] }));
    assert_eq!(client.run("return document.title"), "first");
}

#[test]
fn nothing_listens_unless_it_is_asked_for_and_then_on_loopback_only() {
    let server = serve_pages();
    let mut kiosk = Kiosk::builder().open(&server.url("/first"));
    kiosk.wait_for("the page", |event| {
        event["event"] == "load" && event["status"] == "complete"
    });
    assert_eq!(listening_addresses(kiosk.id()), Vec::<String>::new());

    let (kiosk, client) = open(&server.url("/first"));
    let addresses = listening_addresses(kiosk.child.id());
    // 127.0.0.1, as the kernel prints it on a little-endian machine.
    let loopback = u32::from_ne_bytes(Ipv4Addr::LOCALHOST.octets());
    assert_eq!(addresses, [format!("{loopback:08X}:{:04X}", client.port)]);
}
