//! The service worker: this program again, as another process. On `sync` it posts the outbox.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use background_sync::{DispatchedEvent, EventOutcome};
use ipc_channel::ipc::{self, IpcSender};
use serde::{Deserialize, Serialize};

use crate::Message;

pub const WORKER_FLAG: &str = "--service-worker";

/// What a worker is started with.
#[derive(Serialize, Deserialize)]
pub struct Start {
    pub event: DispatchedEvent,
    pub manager: IpcSender<Message>,
    pub outbox: String,
    pub server: String,
}

pub fn requested_by_command_line() -> Option<String> {
    let mut arguments = std::env::args().skip(1);
    (arguments.next()? == WORKER_FLAG).then(|| arguments.next())?
}

pub fn run(bootstrap: &str) -> ExitCode {
    let handled = start(bootstrap).and_then(|start| {
        let outcome = match on_sync(&start) {
            Ok(()) => EventOutcome::Fulfilled,
            Err(_) => EventOutcome::Rejected,
        };
        let event = start.event.event;
        Ok(start
            .manager
            .send(Message::EventFinished { event, outcome })?)
    });
    match handled {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("service worker: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(bootstrap: &str) -> Result<Start, Box<dyn Error>> {
    let (to_me, start) = ipc::channel::<Start>()?;
    IpcSender::connect(bootstrap.to_owned())?.send(to_me)?;
    Ok(start.recv()?)
}

/// `self.addEventListener("sync", event => event.waitUntil(sendOutbox()))`
fn on_sync(start: &Start) -> Result<(), Box<dyn Error>> {
    let mut messages: Vec<_> = fs::read_dir(&start.outbox)?.collect::<Result<_, _>>()?;
    messages.sort_by_key(fs::DirEntry::file_name);
    for message in messages {
        post(&start.server, &fs::read(message.path())?)?;
        fs::remove_file(message.path())?;
    }
    Ok(())
}

/// `fetch("/messages", { method: "POST", body })`
fn post(server: &str, body: &[u8]) -> Result<(), Box<dyn Error>> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let length = body.len();
    write!(
        stream,
        "POST /messages HTTP/1.1\r\nHost: {server}\r\nContent-Length: {length}\r\n"
    )?;
    write!(stream, "Connection: close\r\n\r\n")?;
    stream.write_all(body)?;
    let mut reader = BufReader::new(stream);
    let mut status = String::new();
    reader.read_line(&mut status)?;
    reader.read_to_end(&mut Vec::new())?;
    match status.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => Err(format!("the server said {status:?}").into()),
    }
}
