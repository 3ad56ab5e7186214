//! The apps' server, and the line to it. When that is cut, the server refuses, as for a machine without a network, and what is
//! under way is broken off.

use std::collections::HashMap;
use std::io::{self, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use background_sync_e2e::PATIENCE;
use serde_json::Value;

use crate::http::{Request, read_request};

/// A server on a port of 127.0.0.1. It serves files, and keeps what is posted.
pub struct Server {
    port: u16,
    shared: Arc<Shared>,
    line: Option<Line>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    files: HashMap<String, File>,
    asked: Vec<String>,
    posted: Vec<Value>,
}

#[derive(Clone)]
struct File {
    content_type: &'static str,
    bytes: Vec<u8>,
}

/// An open line.
struct Line {
    is_cut: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Starts it.
    ///
    /// # Panics
    /// If there is no free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::default();
        Self {
            port,
            line: Some(Line::open(listener, &shared)),
            shared,
        }
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Serves a file.
    pub fn serve(&self, path: &str, content_type: &'static str, bytes: Vec<u8>) {
        let file = File {
            content_type,
            bytes,
        };
        self.shared.lock().files.insert(path.to_owned(), file);
    }

    /// Cuts the line. When this returns, nothing gets through.
    pub fn cut(&mut self) {
        if let Some(line) = self.line.take() {
            line.cut(self.port);
        }
    }

    /// Mends it.
    ///
    /// # Panics
    /// If somebody has taken the port meanwhile.
    pub fn mend(&mut self) {
        if self.line.is_none() {
            let listener = TcpListener::bind(("127.0.0.1", self.port)).expect("the same port");
            self.line = Some(Line::open(listener, &self.shared));
        }
    }

    /// The paths that were asked for so far.
    pub fn asked(&self) -> Vec<String> {
        self.shared.lock().asked.clone()
    }

    /// What was posted so far, as JSON; null for what is none.
    pub fn posted(&self) -> Vec<Value> {
        self.shared.lock().posted.clone()
    }

    /// Waits until so many messages were posted, and returns all that were.
    ///
    /// # Panics
    /// If they do not come in time.
    pub fn wait_for(&self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.shared.lock();
        while state.posted.len() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "the server waits for {count} messages, and got {:?}",
                state.posted
            );
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.posted.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cut();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request after the other, until the browser or the line ends.
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut writer = stream;
        while let Some(request) = read_request(&mut reader)? {
            self.answer(request, &mut writer)?;
        }
        Ok(())
    }

    fn answer(&self, request: Request, writer: &mut TcpStream) -> io::Result<()> {
        let file = {
            let mut state = self.lock();
            if request.method == "POST" {
                let message = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
                state.posted.push(message);
                self.changed.notify_all();
                None
            } else {
                state.asked.push(request.path.clone());
                Some(state.files.get(&request.path).cloned())
            }
        };
        let (status, content_type, bytes) = match file {
            None => ("200 OK", "text/plain", Vec::new()),
            Some(Some(file)) => ("200 OK", file.content_type, file.bytes),
            Some(None) => ("404 Not Found", "text/plain", b"no such file".to_vec()),
        };
        let length = bytes.len();
        let mut answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
             Cache-Control: no-store\r\n\r\n"
        )
        .into_bytes();
        answer.extend(bytes);
        writer.write_all(&answer)
    }
}

impl Line {
    fn open(listener: TcpListener, shared: &Arc<Shared>) -> Self {
        let is_cut = Arc::new(AtomicBool::new(false));
        let connections = Arc::new(Mutex::new(Vec::new()));
        let (thread_is_cut, thread_connections) = (is_cut.clone(), connections.clone());
        let shared = shared.clone();
        let accepting = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if thread_is_cut.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(copy) = stream.try_clone() else {
                    continue;
                };
                lock(&thread_connections).push(copy);
                let shared = shared.clone();
                // One thread each: a connection that is kept holds up no other.
                thread::spawn(move || shared.serve(stream));
            }
        });
        Self {
            is_cut,
            connections,
            accepting,
        }
    }

    fn cut(self, port: u16) {
        self.is_cut.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", port));
        let _ = self.accepting.join();
        for connection in lock(&self.connections).drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn lock(connections: &Mutex<Vec<TcpStream>>) -> MutexGuard<'_, Vec<TcpStream>> {
    connections.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\
        Cache-Control: no-store\r\n\r\na";

    fn ask(stream: &mut TcpStream) -> io::Result<String> {
        let mut answer = [0; ANSWER.len()];
        stream.write_all(b"GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n")?;
        stream.read_exact(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    #[test]
    fn what_is_cut_refuses_and_what_is_mended_answers() {
        let mut server = Server::start();
        server.serve("/a", "text/plain", b"a".to_vec());
        let port = server.port;
        let connect = || TcpStream::connect(("127.0.0.1", port));
        let mut under_way = connect().expect("accepted");
        assert_eq!(ask(&mut under_way).expect("answered"), ANSWER);
        server.cut();
        assert!(ask(&mut under_way).is_err());
        assert!(connect().is_err());
        server.mend();
        let mut again = connect().expect("accepted");
        assert_eq!(ask(&mut again).expect("answered"), ANSWER);
        assert_eq!(server.asked(), ["/a", "/a"]);
    }
}
