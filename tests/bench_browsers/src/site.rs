//! The page that is measured.

use anyhow::Result;
use background_sync_bench_browsers::server::{Answer, LocalServer, not_found, response};

/// With these, browsers give a page their finest clock.
const ISOLATION: [(&str, &str); 2] = [
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
];

/// Serves it.
pub fn start() -> Result<LocalServer> {
    LocalServer::start(|request| answer(request.url()))
}

fn answer(path: &str) -> Answer {
    let (kind, text) = match path {
        "/" => ("text/html", include_str!("../site/index.html")),
        "/bench.js" => ("text/javascript", include_str!("../site/bench.js")),
        "/worker.js" => ("text/javascript", include_str!("../site/worker.js")),
        _ => return not_found(),
    };
    let [opener, embedder] = ISOLATION;
    let kind = ("Content-Type", kind);
    response(
        text,
        &[opener, embedder, kind, ("Cache-Control", "no-store")],
    )
}
