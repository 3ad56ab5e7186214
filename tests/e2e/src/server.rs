//! A web server for one test: it serves files, logs what it receives, and fails or hangs when told to.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::Cursor;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use serde_json::Value;
use tiny_http::{Header, Method, Request, Response, Server};

use crate::PATIENCE;

/// How a POST request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With this status.
    Status(u16),
    /// Not before [`TestServer::release`].
    Hold,
}

/// A POST request that arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// The host that it was sent to.
    pub host: String,
    /// Its path.
    pub path: String,
    /// Its body, parsed as JSON; null if it is none.
    pub body: Value,
    /// Its headers; the names are in lower case.
    pub headers: HashMap<String, String>,
}

/// A GET request that arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Its path.
    pub path: String,
    /// Its headers; the names are in lower case.
    pub headers: HashMap<String, String>,
}

struct File {
    status: u16,
    headers: Vec<Header>,
    text: String,
}

#[derive(Default)]
struct State {
    files: HashMap<String, File>,
    received: Vec<Received>,
    asked: Vec<Asked>,
    answers: VecDeque<Answer>,
    held: Vec<Request>,
    held_paths: HashSet<String>,
    held_gets: Vec<(String, Request)>,
}

impl State {
    fn file(&self, path: &str) -> Response<Cursor<Vec<u8>>> {
        match self.files.get(path) {
            Some(file) => reply(file.status, &file.headers, &file.text),
            None => reply(404, &[], "no such file"),
        }
    }
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// A running server on a free port of 127.0.0.1. POST requests are logged and answered with 200, unless
/// [`TestServer::answer_next`] says otherwise.
pub struct TestServer {
    server: Arc<Server>,
    shared: Arc<Shared>,
    port: u16,
}

impl TestServer {
    /// Starts it.
    pub fn start() -> Self {
        Self::start_at("127.0.0.1")
    }

    /// Starts it at this IP address of the machine.
    pub fn start_at(address: &str) -> Self {
        Self::bind((address, 0))
    }

    /// Starts it on this port of 127.0.0.1, which must be free.
    pub fn start_on(port: u16) -> Self {
        Self::bind(("127.0.0.1", port))
    }

    fn bind(address: (&str, u16)) -> Self {
        let server = Arc::new(Server::http(address).expect("a free port"));
        let port = server.server_addr().to_ip().expect("an IP address").port();
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let (thread_server, thread_shared) = (server.clone(), shared.clone());
        thread::spawn(move || {
            for request in thread_server.incoming_requests() {
                thread_shared.serve(request);
            }
        });
        Self {
            server,
            shared,
            port,
        }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of a path on it.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Serves a file.
    pub fn serve(&self, path: &str, content_type: &str, text: &str) {
        self.serve_with(path, &[("Content-Type", content_type)], text);
    }

    /// Serves a file with these headers.
    pub fn serve_with(&self, path: &str, headers: &[(&str, &str)], text: &str) {
        let headers = headers.iter().map(|(name, value)| header(name, value));
        let file = File {
            status: 200,
            headers: headers.collect(),
            text: text.to_owned(),
        };
        self.shared.lock().files.insert(path.to_owned(), file);
    }

    /// Answers GET requests of a path with this status and nothing else.
    pub fn serve_status(&self, path: &str, status: u16) {
        let file = File {
            status,
            headers: Vec::new(),
            text: String::new(),
        };
        self.shared.lock().files.insert(path.to_owned(), file);
    }

    /// Answers GET requests of a path with a redirect.
    pub fn serve_redirect(&self, path: &str, location: &str) {
        let file = File {
            status: 302,
            headers: vec![header("Location", location)],
            text: String::new(),
        };
        self.shared.lock().files.insert(path.to_owned(), file);
    }

    /// Does not answer GET requests of a path before [`TestServer::release_path`].
    pub fn hold_path(&self, path: &str) {
        self.shared.lock().held_paths.insert(path.to_owned());
    }

    /// Waits until a GET request of a path is held.
    pub fn wait_for_held(&self, path: &str) {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.shared.lock();
        while !state.held_gets.iter().any(|(held, _)| held == path) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "nobody has asked for {path}");
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Answers GET requests of a path again, those that are held first.
    pub fn release_path(&self, path: &str) {
        let mut state = self.shared.lock();
        state.held_paths.remove(path);
        let (released, held) = std::mem::take(&mut state.held_gets)
            .into_iter()
            .partition(|(held, _)| held == path);
        state.held_gets = held;
        let released: Vec<(String, Request)> = released;
        for (path, request) in released {
            let _ = request.respond(state.file(&path));
        }
    }

    /// Answers for the next POST requests, in order.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.lock().answers.extend(answers);
    }

    /// Answers all requests that are held with 200.
    pub fn release(&self) {
        let held = std::mem::take(&mut self.shared.lock().held);
        for request in held {
            let _ = request.respond(reply(200, &[], ""));
        }
    }

    /// What has arrived so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// The GET requests of a path that have arrived so far.
    pub fn asked_for(&self, path: &str) -> Vec<Asked> {
        let mut asked = self.shared.lock().asked.clone();
        asked.retain(|request| request.path == path);
        asked
    }

    /// How many POST requests have arrived so far.
    pub fn received_count(&self) -> usize {
        self.shared.lock().received.len()
    }

    /// Waits until this many POST requests have arrived, and returns all that have.
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        self.wait_until(&format!("{count} requests"), |received| {
            received.len() >= count
        })
    }

    /// Waits until a POST request with this body has arrived at this path.
    pub fn wait_for_post(&self, path: &str, body: &Value) {
        self.wait_until(&format!("{body} at {path}"), |received| {
            received
                .iter()
                .any(|post| post.path == path && post.body == *body)
        });
    }

    fn wait_until(&self, what: &str, is_there: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.shared.lock();
        while !is_there(&state.received) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "the server waits for {what}, and got {}: {:?}",
                state.received.len(),
                state.received
            );
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.received.clone()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.server.unblock();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut request: Request) {
        let path = request
            .url()
            .split('?')
            .next()
            .unwrap_or_default()
            .to_owned();
        if *request.method() != Method::Post {
            let mut state = self.lock();
            state.asked.push(Asked {
                path: path.clone(),
                headers: headers_of(&request),
            });
            if state.held_paths.contains(&path) {
                state.held_gets.push((path, request));
                self.changed.notify_all();
                return;
            }
            let response = state.file(&path);
            drop(state);
            let _ = request.respond(response);
            return;
        }
        let headers = headers_of(&request);
        let host = headers.get("host").cloned().unwrap_or_default();
        let mut body = String::new();
        let _ = request.as_reader().read_to_string(&mut body);
        let body = serde_json::from_str(&body).unwrap_or(Value::Null);
        let mut state = self.lock();
        state.received.push(Received {
            host,
            path,
            body,
            headers,
        });
        match state.answers.pop_front().unwrap_or(Answer::Status(200)) {
            Answer::Status(status) => {
                drop(state);
                let _ = request.respond(reply(status, &[], ""));
            }
            Answer::Hold => state.held.push(request),
        }
        self.changed.notify_all();
    }
}

fn headers_of(request: &Request) -> HashMap<String, String> {
    let headers = request.headers().iter().map(|header| {
        let name = header.field.as_str().as_str().to_ascii_lowercase();
        (name, header.value.to_string())
    });
    headers.collect()
}

fn header(name: &str, value: &str) -> Header {
    Header::from_bytes(name, value).expect("ASCII")
}

fn reply(status: u16, headers: &[Header], text: &str) -> Response<Cursor<Vec<u8>>> {
    let mut response = Response::from_string(text).with_status_code(status);
    if !headers.iter().any(|it| it.field.equiv("Cache-Control")) {
        response.add_header(header("Cache-Control", "no-store"));
    }
    for header in headers {
        response.add_header(header.clone());
    }
    response
}
