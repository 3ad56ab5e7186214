//! Serves the metrics to programs of this machine.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use super::http::{self, MAX_REQUEST_BYTES, Refusal, Wanted};
use super::loopback::LoopbackAddress;
use super::metrics::CONTENT_TYPE;
use super::scrape::Scrape;
use crate::message::{Mailbox, Message};

/// Connections at the same time; those beyond are refused.
const MAX_CONNECTIONS: usize = 8;

/// What a request may take to come, and an answer to be taken.
const CLIENT_PATIENCE: Duration = Duration::from_secs(5);

/// What the kiosk may take to answer. Prometheus waits for ten seconds.
const KIOSK_PATIENCE: Duration = Duration::from_secs(5);

/// How long nobody is accepted after the system could accept nobody: it may be out of file descriptors.
const PAUSE_AFTER_FAULT: Duration = Duration::from_millis(200);

/// Bytes behind a refused request that are read, so that the refusal is not lost.
const MAX_BYTES_BEHIND: usize = 64 * 1024;

/// Listens from now on; returns where. The thread blocks until somebody connects, and ends with the process.
///
/// # Errors
/// If the port is in use or not allowed.
pub fn serve(address: LoopbackAddress, mailbox: Mailbox) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address.socket_address())?;
    let address = listener.local_addr()?;
    thread::Builder::new()
        .name("Metrics".to_owned())
        .spawn(move || accept(&listener, &mailbox))?;
    Ok(address)
}

fn accept(listener: &TcpListener, mailbox: &Mailbox) {
    // As many others hold it as there are connections.
    let places = Arc::new(());
    for stream in listener.incoming() {
        match stream {
            Ok(stream) if Arc::strong_count(&places) <= MAX_CONNECTIONS => {
                let (mailbox, place) = (mailbox.clone(), places.clone());
                // Without threads there is no answer; the client sees that it is closed.
                let _ = thread::Builder::new()
                    .name("MetricsClient".to_owned())
                    .spawn(move || {
                        // Whoever has hung up does not need it.
                        let _ = answer(stream, &mailbox);
                        drop(place);
                    });
            }
            Ok(mut stream) => {
                let refusal = refuse(Refusal::TooMany);
                // It fits into what the system holds for a connection: nothing waits.
                let _ = stream.set_nonblocking(true);
                let _ = stream.write_all(&refusal);
            }
            Err(_) => thread::sleep(PAUSE_AFTER_FAULT),
        }
    }
}

fn answer(mut stream: TcpStream, mailbox: &Mailbox) -> io::Result<()> {
    let deadline = Instant::now() + CLIENT_PATIENCE;
    let wanted = read_request(&mut stream, deadline)?;
    let response = match wanted {
        Wanted::Refused(refusal) => refuse(refusal),
        Wanted::Metrics | Wanted::Header => match ask(mailbox) {
            Some(text) => http::response("200 OK", CONTENT_TYPE, &text, wanted == Wanted::Metrics),
            None => refuse(Refusal::NoAnswer),
        },
    };
    stream.set_write_timeout(Some(CLIENT_PATIENCE))?;
    stream.write_all(&response)?;
    stream.shutdown(Shutdown::Write)?;
    read_away(&mut stream, deadline)
}

/// Closed with something unread, the connection is reset, and the answer may be lost.
fn read_away(stream: &mut TcpStream, deadline: Instant) -> io::Result<()> {
    let (mut buffer, mut total) = ([0; 4096], 0);
    while total < MAX_BYTES_BEHIND && Instant::now() < deadline {
        stream.set_read_timeout(Some(left(deadline)))?;
        match stream.read(&mut buffer)? {
            0 => break,
            count => total += count,
        }
    }
    Ok(())
}

fn read_request(stream: &mut TcpStream, deadline: Instant) -> io::Result<Wanted> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        if let Some(wanted) = http::read(&bytes) {
            return Ok(wanted);
        }
        // However little comes at a time, it is over then.
        if Instant::now() >= deadline {
            return Ok(Wanted::Refused(Refusal::TooSlow));
        }
        stream.set_read_timeout(Some(left(deadline)))?;
        let room = buffer.len().min(MAX_REQUEST_BYTES - bytes.len());
        match stream.read(&mut buffer[..room]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                    return Ok(Wanted::Refused(Refusal::TooSlow));
                }
                _ => return Err(error),
            },
        }
    }
}

/// At least a moment: the system knows no time of zero.
fn left(deadline: Instant) -> Duration {
    deadline
        .saturating_duration_since(Instant::now())
        .max(Duration::from_millis(1))
}

fn ask(mailbox: &Mailbox) -> Option<String> {
    let (sender, receiver) = bounded(1);
    mailbox.send(Message::Scrape(Scrape { answer: sender }));
    receiver.recv_timeout(KIOSK_PATIENCE).ok()
}

fn refuse(refusal: Refusal) -> Vec<u8> {
    let text = format!("{}\n", refusal.sentence());
    http::response(refusal.status(), "text/plain; charset=utf-8", &text, true)
}
