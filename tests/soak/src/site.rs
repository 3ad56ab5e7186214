//! The pages that are driven.

use std::io::Read as _;

use anyhow::Result;
use background_sync_bench_browsers::server::{Answer, LocalServer, not_found, response};
use tiny_http::Request;

/// The longest body that the server takes, in bytes.
const LONGEST_BODY: u64 = 16 << 20;

/// Serves them.
pub fn start() -> Result<LocalServer> {
    let mut number = 0;
    LocalServer::start(move |request| {
        number += 1;
        answer(request, number)
    })
}

fn answer(request: &mut Request, number: usize) -> Answer {
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
        _ => return not_found(),
    };
    response(
        content,
        &[
            ("Content-Type", kind),
            ("Cache-Control", "no-store"),
            ("Service-Worker-Allowed", "/"),
        ],
    )
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
