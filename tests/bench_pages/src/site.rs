//! The pages that are measured, on a server of their own.

use std::fmt::Write as _;
use std::io::{Cursor, Read, repeat};
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, anyhow};
use tiny_http::{Header, Request, Response, Server, StatusCode};

/// Scripts of a page, and as many files that it fetches.
const FILES: usize = 100;
/// The length of each, in bytes.
const FILE_BYTES: usize = 2_000;

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
            for request in thread_server.incoming_requests() {
                answer(request);
            }
        });
        Ok(Self { server, port })
    }

    /// The page whose worker answers for it.
    pub fn app_url(&self) -> String {
        format!("http://127.0.0.1:{}/app/", self.port)
    }

    /// The same page without a worker, of an origin that has none.
    pub fn plain_url(&self) -> String {
        format!("http://localhost:{}/plain/", self.port)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.unblock();
    }
}

fn answer(request: Request) {
    let url = request.url().to_owned();
    let (path, query) = url.split_once('?').unwrap_or((&url, ""));
    let path = path
        .strip_prefix("/app/")
        .or_else(|| path.strip_prefix("/plain/"));
    if path == Some("big") {
        let bytes = query.strip_prefix("bytes=").and_then(|n| n.parse().ok());
        // So long an answer may not keep the others waiting.
        thread::spawn(move || {
            respond(
                request,
                "application/octet-stream",
                zeros(bytes.unwrap_or(0)),
            )
        });
        return;
    }
    let (kind, content) = match path {
        Some("") => ("text/html", page()),
        Some("bench.js") => ("text/javascript", include_str!("../site/bench.js").into()),
        Some("worker.js") => ("text/javascript", include_str!("../site/worker.js").into()),
        Some(path) if path.starts_with("scripts/") => ("text/javascript", script()),
        Some(path) if path.starts_with("data/") => ("text/plain", "x".repeat(FILE_BYTES)),
        _ => {
            let missing = Response::from_string("no such file").with_status_code(404);
            // A browser that is gone needs no answer.
            let _ = request.respond(missing);
            return;
        }
    };
    let length = content.len();
    respond(request, kind, (Cursor::new(content.into_bytes()), length));
}

fn respond(request: Request, kind: &str, (body, length): (impl Read, usize)) {
    let header =
        |name: &str, value: &str| Header::from_bytes(name, value).expect("constants in ASCII");
    // What the browser's own cache has would be measured otherwise.
    let headers = vec![
        header("Content-Type", kind),
        header("Cache-Control", "no-store"),
    ];
    let response = Response::new(StatusCode(200), headers, body, Some(length), None);
    // A browser that is gone needs no answer.
    let _ = request.respond(response);
}

fn zeros(bytes: usize) -> (impl Read, usize) {
    (repeat(0).take(bytes as u64), bytes)
}

fn page() -> String {
    let mut page =
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>200 files</title>\n\
                    <script src=\"bench.js\"></script>\n"
            .to_owned();
    for number in 0..FILES {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "<script src=\"scripts/{number}.js\"></script>");
    }
    page + "</html>\n"
}

fn script() -> String {
    let code = "globalThis.scriptsRun = (globalThis.scriptsRun ?? 0) + 1;\n//";
    code.to_owned() + &" ".repeat(FILE_BYTES - code.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_and_data_are_as_long_as_promised() {
        assert_eq!(script().len(), FILE_BYTES);
        assert_eq!(page().matches("scripts/").count(), FILES);
    }
}
