//! The app's server: it takes messages, and fails in each way that servers and the networks before them fail.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::site::{PAGE, WORKER};
use crate::PATIENCE;

/// How the server fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It answers with 503 and does not take the message.
    Refusal,
    /// It takes nothing and never answers.
    Silence,
    /// It resets the connection before it has read the message.
    Reset,
    /// It takes the message, and breaks off in the middle of its answer.
    HalfAnswer,
}

impl Fault {
    /// All.
    pub const ALL: [Self; 4] = [Self::Refusal, Self::Silence, Self::Reset, Self::HalfAnswer];

    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Refusal => "answers 503",
            Self::Silence => "silence",
            Self::Reset => "connections reset",
            Self::HalfAnswer => "answers broken off",
        }
    }
}

/// More than a request's head has, in bytes.
const MOST_HEAD_BYTES: usize = 16_384;

#[derive(Default)]
struct State {
    /// How often each message was taken.
    taken: BTreeMap<String, usize>,
    faults: VecDeque<Fault>,
    /// How often it failed in each way.
    failed: BTreeMap<Fault, usize>,
    /// Connections that get no answer.
    silent: Vec<TcpStream>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// The server. It runs as long as the process.
pub struct Server {
    shared: Arc<Shared>,
    port: u16,
}

impl Server {
    /// Starts it on a free port of this machine.
    ///
    /// # Panics
    /// If there is none.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let for_thread = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = for_thread.clone();
                // A client that breaks off has nothing to be told.
                thread::spawn(move || shared.serve(stream));
            }
        });
        Self { shared, port }
    }

    /// The address of the app.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Fails in this way at the next message that has no other fault before it.
    pub fn fail_next(&self, fault: Fault) {
        self.shared.lock().faults.push_back(fault);
    }

    /// Ends what it has left without an answer.
    pub fn hang_up(&self) {
        self.shared.lock().silent.clear();
    }

    /// Waits until it has taken all these messages. Returns those that it has not.
    pub fn wait_for(&self, messages: &[String]) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.shared.lock();
        loop {
            let is_missing = |message: &&String| !state.taken.contains_key(*message);
            let missing: Vec<_> = messages.iter().filter(is_missing).cloned().collect();
            let left = deadline.saturating_duration_since(Instant::now());
            if missing.is_empty() || left.is_zero() {
                return missing;
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How often it has taken a message that it had taken before.
    pub fn repeated(&self) -> usize {
        let state = self.shared.lock();
        state.taken.values().map(|count| count - 1).sum()
    }

    /// How often it has failed in each way.
    pub fn failed(&self) -> BTreeMap<Fault, usize> {
        self.shared.lock().failed.clone()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let beginning = peek_line(&stream)?;
        let mut words = beginning.split(' ');
        let (method, path) = (words.next()?, words.next()?);
        if method != "POST" {
            read_request(&mut stream)?;
            return match path {
                "/" => answer(&mut stream, "200 OK", "text/html", PAGE),
                "/sw.js" => answer(&mut stream, "200 OK", "text/javascript", WORKER),
                _ => answer(&mut stream, "404 Not Found", "text/plain", ""),
            };
        }
        let fault = {
            let mut state = self.lock();
            let fault = state.faults.pop_front();
            if let Some(fault) = fault {
                *state.failed.entry(fault).or_default() += 1;
            }
            fault
        };
        if fault == Some(Fault::Reset) {
            // What was not read makes the kernel reset the connection.
            return None;
        }
        let message = read_request(&mut stream)?;
        match fault {
            Some(Fault::Refusal) => {
                return answer(&mut stream, "503 Service Unavailable", "text/plain", "");
            }
            Some(Fault::Silence) => {
                self.lock().silent.push(stream);
                return None;
            }
            _ => {
                *self.lock().taken.entry(message).or_default() += 1;
                self.changed.notify_all();
            }
        }
        if fault == Some(Fault::HalfAnswer) {
            let half = "HTTP/1.1 200 OK\r\nContent-Length: 64\r\nConnection: close\r\n\r\nthanks f";
            return stream.write_all(half.as_bytes()).ok();
        }
        answer(&mut stream, "200 OK", "text/plain", "thanks")
    }
}

/// The first line of a request, which stays unread.
fn peek_line(stream: &TcpStream) -> Option<String> {
    let mut bytes = [0; 512];
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let count = stream.peek(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes[..count]);
        if let Some((line, _)) = text.split_once("\r\n") {
            return Some(line.to_owned());
        }
        if count == 0 {
            return None;
        }
        // Half a line: nobody tells when there is more, as it stays unread.
        thread::sleep(Duration::from_millis(1));
    }
    None
}

/// Reads a request; returns its body.
fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut chunk = [0; 4_096];
    let head = loop {
        if let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
        let count = stream.read(&mut chunk).ok()?;
        if count == 0 || request.len() > MOST_HEAD_BYTES {
            return None;
        }
        request.extend_from_slice(&chunk[..count]);
    };
    let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| {
        let length = line.strip_prefix("content-length:")?;
        length.trim().parse::<usize>().ok()
    });
    let mut body = request.split_off(head);
    let rest = length.unwrap_or(0).saturating_sub(body.len());
    let mut rest = vec![0; rest];
    stream.read_exact(&mut rest).ok()?;
    body.extend(rest);
    String::from_utf8(body).ok()
}

fn answer(stream: &mut TcpStream, status: &str, content_type: &str, body: &str) -> Option<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    stream.shutdown(Shutdown::Write).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(server: &Server, message: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port))?;
        stream.set_read_timeout(Some(Duration::from_millis(300)))?;
        let length = message.len();
        write!(
            stream,
            "POST /message HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{message}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    #[test]
    fn it_fails_as_it_is_told_and_counts_what_it_has_taken() {
        let server = Server::start();
        for fault in Fault::ALL {
            server.fail_next(fault);
        }
        let refused = post(&server, "one").expect("an answer");
        assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
        assert!(post(&server, "one").is_err(), "no answer comes");
        assert!(post(&server, "one").is_err(), "the connection is reset");
        let half = post(&server, "one").expect("half an answer");
        assert!(half.ends_with("thanks f"), "{half}");
        assert_eq!(server.repeated(), 0);
        let taken = post(&server, "one").expect("an answer");
        assert!(taken.ends_with("thanks"), "{taken}");
        assert_eq!(server.repeated(), 1);
        assert_eq!(server.wait_for(&["one".to_owned()]), [""; 0]);
        assert!(server.failed().values().all(|count| *count == 1));
        assert_eq!(server.failed().len(), Fault::ALL.len());
    }
}
