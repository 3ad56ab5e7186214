//! The pages that are driven, on a server of their own.

use std::io::{Cursor, Read as _};
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, anyhow};
use tiny_http::{Header, Request, Response, Server};

/// The longest body that the server takes, in bytes.
const LONGEST_BODY: u64 = 16 << 20;

/// A running server on a free port of 127.0.0.1.
pub struct Site {
    server: Arc<Server>,
    port: u16,
}

impl Site {
    /// Starts it.
    pub fn start() -> Result<Self> {
        let server = Server::http(("127.0.0.1", 0)).map_err(|error| anyhow!("{error}"));
        let server = Arc::new(server.context("no port for the pages' server")?);
        let address = server.server_addr().to_ip();
        let port = address.context("the server has no IP address")?.port();
        let thread_server = server.clone();
        thread::spawn(move || {
            let requests = thread_server.incoming_requests();
            for (number, mut request) in requests.enumerate() {
                let response = answer(&mut request, number);
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

fn answer(request: &mut Request, number: usize) -> Response<Cursor<Vec<u8>>> {
    let path = request.url().split('?').next().unwrap_or_default();
    let (kind, content): (_, Vec<u8>) = match path {
        "/" => ("text/html", include_str!("../site/index.html").into()),
        "/soak.js" => ("text/javascript", include_str!("../site/soak.js").into()),
        "/worker.js" => ("text/javascript", include_str!("../site/worker.js").into()),
        // Never the same twice, so that each update finds another version.
        "/visitor.js" => ("text/javascript", format!("// {number}\n").into()),
        "/empty" => ("text/plain", Vec::new()),
        "/text" => ("text/plain", "hello".into()),
        "/echo" => ("application/octet-stream", body(request)),
        _ => return Response::from_string("no such file").with_status_code(404),
    };
    let mut response = Response::from_data(content);
    for (name, value) in [
        ("Content-Type", kind),
        ("Cache-Control", "no-store"),
        ("Service-Worker-Allowed", "/"),
    ] {
        let header = Header::from_bytes(name, value).expect("constants in ASCII");
        response.add_header(header);
    }
    response
}

/// What was posted; a body that breaks off shows in the page, which compares.
fn body(request: &mut Request) -> Vec<u8> {
    let mut body = Vec::new();
    let _ = request
        .as_reader()
        .take(LONGEST_BODY)
        .read_to_end(&mut body);
    body
}
