//! A server of a benchmark's own, on a free port of 127.0.0.1.

use std::io::Cursor;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, anyhow};
use tiny_http::{Header, Request, Response, Server};

/// An answer that is ready.
pub type Answer = Response<Cursor<Vec<u8>>>;

/// It runs until it is dropped.
pub struct LocalServer {
    server: Arc<Server>,
    port: u16,
}

impl LocalServer {
    /// Starts it.
    ///
    /// # Errors
    /// If there is no port for it.
    pub fn start(mut answer: impl FnMut(&mut Request) -> Answer + Send + 'static) -> Result<Self> {
        let server = Server::http(("127.0.0.1", 0)).map_err(|error| anyhow!("{error}"));
        let server = Arc::new(server.context("no port for the pages' server")?);
        let address = server.server_addr().to_ip();
        let port = address.context("the server has no IP address")?.port();
        let thread_server = server.clone();
        thread::spawn(move || {
            for mut request in thread_server.incoming_requests() {
                let response = answer(&mut request);
                // A browser that is gone needs no answer.
                let _ = request.respond(response);
            }
        });
        Ok(Self { server, port })
    }

    /// Its root.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        self.server.unblock();
    }
}

/// An answer with this content and these headers.
pub fn response(content: impl Into<Vec<u8>>, headers: &[(&str, &str)]) -> Answer {
    let mut response = Response::from_data(content);
    for (name, value) in headers {
        let header = Header::from_bytes(*name, *value).expect("constants in ASCII");
        response.add_header(header);
    }
    response
}

/// What there is nothing for.
pub fn not_found() -> Answer {
    Response::from_string("no such file").with_status_code(404)
}
