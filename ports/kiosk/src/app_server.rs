//! The outbox app's server: its files, and a log of the messages that arrived.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use serde::Serialize;
use tiny_http::{Header, Method, Request, Response, Server};
use url::Url;

use crate::failure::Failure;
use crate::message::{Mailbox, Message};
use crate::server_event::{AppMessage, ServerEvent};

/// The app's files: path, content type, text.
const FILES: &[(&str, &str, &str)] = &[
    (
        "/",
        "text/html",
        include_str!("../resources/outbox/index.html"),
    ),
    (
        "/app.js",
        "text/javascript",
        include_str!("../resources/outbox/app.js"),
    ),
    (
        "/style.css",
        "text/css",
        include_str!("../resources/outbox/style.css"),
    ),
    (
        "/store.js",
        "text/javascript",
        include_str!("../resources/outbox/store.js"),
    ),
    (
        "/sw.js",
        "text/javascript",
        include_str!("../resources/outbox/sw.js"),
    ),
];

/// Largest request body that is read, in bytes.
const MAX_BODY_BYTES: u64 = 65_536;

/// A message in the log and how many times it was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// The message.
    #[serde(flatten)]
    pub message: AppMessage,
    /// How many times it was accepted: 1, unless something is wrong.
    pub times: u32,
}

/// A running server. Dropping it stops it.
pub struct AppServer {
    address: SocketAddr,
    server: Arc<Server>,
    log: Arc<Mutex<Vec<LogEntry>>>,
}

impl AppServer {
    /// Listens on the loopback interface; port 0 is any free one. The first `refuse_first` messages get 503.
    ///
    /// # Errors
    /// If the port is in use or not allowed.
    pub fn start(port: u16, refuse_first: u32, mailbox: Mailbox) -> Result<Self, Failure> {
        let unusable = |reason: String| {
            Failure::environment(format!(
                "the outbox app's server can't listen on port {port} of 127.0.0.1: {reason}"
            ))
        };
        let listener =
            std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
                unusable(match error.kind() {
                    io::ErrorKind::AddrInUse => {
                        "another program has it; stop that one, or choose another with --app-port"
                            .to_owned()
                    }
                    io::ErrorKind::PermissionDenied => {
                        "ports below 1024 need privileges; choose a higher one with --app-port"
                            .to_owned()
                    }
                    _ => error.to_string(),
                })
            })?;
        let address = listener
            .local_addr()
            .map_err(|error| unusable(error.to_string()))?;
        let server = Server::from_listener(listener, None)
            .map_err(|error| unusable(error.to_string()))
            .map(Arc::new)?;
        let log = Arc::default();
        let worker = Worker {
            server: server.clone(),
            log: Arc::clone(&log),
            refuse: refuse_first,
            mailbox,
        };
        thread::spawn(move || worker.run());
        Ok(Self {
            address,
            server,
            log,
        })
    }

    /// The app's address.
    pub fn url(&self) -> Url {
        Url::parse(&format!("http://{}/", self.address)).expect("an address makes a valid URL")
    }

    /// The messages that were accepted, in the order of their first arrival.
    pub fn log(&self) -> Vec<LogEntry> {
        lock(&self.log).clone()
    }
}

impl Drop for AppServer {
    fn drop(&mut self) {
        self.server.unblock();
    }
}

struct Worker {
    server: Arc<Server>,
    log: Arc<Mutex<Vec<LogEntry>>>,
    refuse: u32,
    mailbox: Mailbox,
}

impl Worker {
    fn run(mut self) {
        let server = self.server.clone();
        for mut request in server.incoming_requests() {
            let response = self.answer(&mut request);
            // A client that is gone does not wait for its answer.
            let _ = request.respond(response);
        }
    }

    fn answer(&mut self, request: &mut Request) -> Response<io::Cursor<Vec<u8>>> {
        let path = request
            .url()
            .split('?')
            .next()
            .unwrap_or_default()
            .to_owned();
        match (request.method(), path.as_str()) {
            (Method::Post, "/messages") => self.receive(request),
            (Method::Get, "/messages") => {
                let log = serde_json::to_string(&*lock(&self.log)).expect("the log is plain data");
                reply(200, "application/json", &log)
            }
            (Method::Get, path) => match FILES.iter().find(|(name, ..)| *name == path) {
                Some((_, content_type, text)) => reply(200, content_type, text),
                None => reply(404, "text/plain", "no such file"),
            },
            _ => reply(405, "text/plain", "not allowed"),
        }
    }

    fn receive(&mut self, request: &mut Request) -> Response<io::Cursor<Vec<u8>>> {
        let mut body = Vec::new();
        let read = request
            .as_reader()
            .take(MAX_BODY_BYTES)
            .read_to_end(&mut body);
        let message = read.map_err(|error| error.to_string()).and_then(|_| {
            serde_json::from_slice::<AppMessage>(&body).map_err(|error| error.to_string())
        });
        let message = match message {
            Ok(message) => message,
            Err(reason) => {
                self.mailbox
                    .send(Message::Server(ServerEvent::Malformed(reason.clone())));
                return reply(400, "text/plain", &reason);
            }
        };
        if self.refuse > 0 {
            self.refuse -= 1;
            self.mailbox
                .send(Message::Server(ServerEvent::Refused(message)));
            return reply(503, "text/plain", "try again later");
        }
        let event = self.accept(message);
        self.mailbox.send(Message::Server(event));
        reply(201, "text/plain", "thank you")
    }

    fn accept(&self, message: AppMessage) -> ServerEvent {
        let mut log = lock(&self.log);
        match log.iter_mut().find(|entry| entry.message.id == message.id) {
            Some(entry) => {
                entry.times += 1;
                ServerEvent::AcceptedAgain(message)
            }
            None => {
                log.push(LogEntry {
                    message: message.clone(),
                    times: 1,
                });
                ServerEvent::Accepted(message)
            }
        }
    }
}

fn lock(log: &Mutex<Vec<LogEntry>>) -> MutexGuard<'_, Vec<LogEntry>> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

fn reply(status: u16, content_type: &str, text: &str) -> Response<io::Cursor<Vec<u8>>> {
    let header = |name: &str, value: &str| {
        Header::from_bytes(name, value).expect("names and values are ASCII literals")
    };
    Response::from_string(text)
        .with_status_code(status)
        .with_header(header(
            "Content-Type",
            &format!("{content_type}; charset=utf-8"),
        ))
        .with_header(header("Cache-Control", "no-store"))
}
