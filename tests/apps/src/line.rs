//! The line between browser and server, which can be cut: what goes to the server then is refused, as by a machine without a
//! network, and what is under way is broken off.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// A port of 127.0.0.1 behind which there is another one.
pub struct Line {
    port: u16,
    server_port: u16,
    open: Option<OpenLine>,
}

struct OpenLine {
    is_cut: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    accepting: JoinHandle<()>,
}

impl Line {
    /// A line to the server at this port.
    ///
    /// # Panics
    /// If there is no free port.
    pub fn to(server_port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        Self {
            port,
            server_port,
            open: Some(OpenLine::start(listener, server_port)),
        }
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Cuts it. When this returns, nothing gets through.
    pub fn cut(&mut self) {
        if let Some(open) = self.open.take() {
            open.end(self.port);
        }
    }

    /// Mends it.
    ///
    /// # Panics
    /// If somebody has taken the port meanwhile.
    pub fn restore(&mut self) {
        if self.open.is_none() {
            let listener = TcpListener::bind(("127.0.0.1", self.port)).expect("the same port");
            self.open = Some(OpenLine::start(listener, self.server_port));
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.cut();
    }
}

impl OpenLine {
    fn start(listener: TcpListener, server_port: u16) -> Self {
        let is_cut = Arc::new(AtomicBool::new(false));
        let streams = Arc::new(Mutex::new(Vec::new()));
        let (thread_is_cut, thread_streams) = (is_cut.clone(), streams.clone());
        let accepting = thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if thread_is_cut.load(Ordering::SeqCst) {
                    return;
                }
                // A browser that goes away meanwhile is none of ours.
                let _ = connect(client, server_port, &thread_streams);
            }
        });
        Self {
            is_cut,
            streams,
            accepting,
        }
    }

    fn end(self, port: u16) {
        self.is_cut.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", port));
        let _ = self.accepting.join();
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn connect(
    client: TcpStream,
    server_port: u16,
    streams: &Mutex<Vec<TcpStream>>,
) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", server_port))?;
    let both = [client.try_clone()?, server.try_clone()?];
    streams
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .extend(both);
    pass_on(client.try_clone()?, server.try_clone()?);
    pass_on(server, client);
    Ok(())
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn what_is_cut_refuses_and_what_is_mended_passes_on() {
        let echo = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let mut line = Line::to(echo.local_addr().expect("bound").port());
        thread::spawn(move || {
            for mut stream in echo.incoming().flatten() {
                let mut byte = [0];
                while stream.read_exact(&mut byte).is_ok() {
                    let _ = stream.write_all(&byte);
                }
            }
        });
        let port = line.port;
        let connect = || TcpStream::connect(("127.0.0.1", port));
        let ask = |stream: &mut TcpStream| {
            let mut byte = [0];
            stream.write_all(b"a")?;
            stream.read_exact(&mut byte).map(|()| byte)
        };
        let mut under_way = connect().expect("accepted");
        assert_eq!(ask(&mut under_way).expect("passed on"), *b"a");
        line.cut();
        assert!(ask(&mut under_way).is_err());
        assert!(connect().is_err());
        line.restore();
        let mut again = connect().expect("accepted");
        assert_eq!(ask(&mut again).expect("passed on"), *b"a");
    }
}
