//! A small HTTP server that is overloaded at first: its first answer is 503.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::timeline::Timeline;

/// Longest message that is accepted, in bytes.
const MAX_BODY_BYTES: usize = 65_536;

pub struct Server {
    pub address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// What was accepted, in order.
    pub fn log(&self) -> Vec<String> {
        lock(&self.log).clone()
    }
}

fn lock(log: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn start(timeline: Timeline) -> io::Result<Server> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let log = Arc::new(Mutex::new(Vec::new()));
    let server = Server {
        address,
        log: log.clone(),
    };
    thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let overloaded = number == 0;
            if let Err(error) = answer(stream, overloaded, &log, &timeline) {
                timeline.say("server", &format!("lost a request: {error}"));
            }
        }
    });
    Ok(server)
}

fn answer(
    mut stream: TcpStream,
    overloaded: bool,
    log: &Mutex<Vec<String>>,
    timeline: &Timeline,
) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let body = read_request(&stream)?;
    let status = if overloaded {
        "503 Service Unavailable"
    } else {
        "200 OK"
    };
    if !overloaded {
        lock(log).push(body.clone());
    }
    timeline.say("server", &format!("POST {body:?} -> {status}"));
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
}

fn read_request(stream: &TcpStream) -> io::Result<String> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    if length > MAX_BODY_BYTES {
        return Err(io::Error::other("the message is too long"));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    String::from_utf8(body).map_err(io::Error::other)
}
