//! The page that is measured, on a server of its own.

use std::io::Cursor;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, anyhow};
use tiny_http::{Header, Response, Server};

/// With these, browsers give a page their finest clock.
const ISOLATION: [(&str, &str); 2] = [
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
];

/// A running server on a free port of 127.0.0.1.
pub struct Site {
    server: Arc<Server>,
    port: u16,
}

impl Site {
    /// Starts it.
    pub fn start() -> Result<Self> {
        let server = Server::http(("127.0.0.1", 0)).map_err(|error| anyhow!("{error}"));
        let server = Arc::new(server.context("no port for the page's server")?);
        let address = server.server_addr().to_ip();
        let port = address.context("the server has no IP address")?.port();
        let thread_server = server.clone();
        thread::spawn(move || {
            for request in thread_server.incoming_requests() {
                let response = answer(request.url());
                // A browser that is gone needs no answer.
                let _ = request.respond(response);
            }
        });
        Ok(Self { server, port })
    }

    /// The page.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.unblock();
    }
}

fn answer(path: &str) -> Response<Cursor<Vec<u8>>> {
    let (kind, text) = match path {
        "/" => ("text/html", include_str!("../site/index.html")),
        "/bench.js" => ("text/javascript", include_str!("../site/bench.js")),
        "/worker.js" => ("text/javascript", include_str!("../site/worker.js")),
        _ => return Response::from_string("no such file").with_status_code(404),
    };
    let mut response = Response::from_string(text);
    for (name, value) in ISOLATION
        .into_iter()
        .chain([("Content-Type", kind), ("Cache-Control", "no-store")])
    {
        let header = Header::from_bytes(name, value).expect("constants in ASCII");
        response.add_header(header);
    }
    response
}
