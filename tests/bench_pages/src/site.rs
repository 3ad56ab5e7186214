//! The pages that are measured, on a server of their own.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write, repeat};
use std::net::{TcpListener, TcpStream};
use std::thread;

use anyhow::{Context, Result};

/// Scripts of a page, and as many files that it fetches.
const FILES: usize = 100;
/// The length of each, in bytes.
const FILE_BYTES: usize = 2_000;

/// A running server on a free port of 127.0.0.1, with a thread for each connection: a server that shares its threads among
/// connections would be what is measured.
pub struct Site {
    port: u16,
}

impl Site {
    /// Starts it. It ends with the process.
    pub fn start() -> Result<Self> {
        let listener =
            TcpListener::bind(("127.0.0.1", 0)).context("no port for the pages' server")?;
        let port = listener
            .local_addr()
            .context("the server has no address")?
            .port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A browser that is gone needs no answer.
                thread::spawn(move || serve(&stream));
            }
        });
        Ok(Self { port })
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

/// Answers one request after the other. All are without a body.
fn serve(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some(url) = line.split(' ').nth(1).map(str::to_owned) else {
            return Ok(());
        };
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
        }
        answer(stream, &url)?;
    }
}

fn answer(stream: &TcpStream, url: &str) -> io::Result<()> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let path = path
        .strip_prefix("/app/")
        .or_else(|| path.strip_prefix("/plain/"));
    if path == Some("big") {
        let bytes = query.strip_prefix("bytes=").and_then(|n| n.parse().ok());
        let bytes: u64 = bytes.unwrap_or(0);
        return respond(
            stream,
            "200 OK",
            "application/octet-stream",
            bytes,
            repeat(0).take(bytes),
        );
    }
    let (status, kind, content) = match path {
        Some("") => ("200 OK", "text/html", page()),
        Some("bench.js") => (
            "200 OK",
            "text/javascript",
            include_str!("../site/bench.js").into(),
        ),
        Some("worker.js") => (
            "200 OK",
            "text/javascript",
            include_str!("../site/worker.js").into(),
        ),
        Some(path) if path.starts_with("scripts/") => ("200 OK", "text/javascript", script()),
        Some(path) if path.starts_with("data/") => ("200 OK", "text/plain", "x".repeat(FILE_BYTES)),
        _ => ("404 Not Found", "text/plain", "no such file".to_owned()),
    };
    let length = content.len() as u64;
    respond(stream, status, kind, length, Cursor::new(content))
}

fn respond(
    mut stream: &TcpStream,
    status: &str,
    kind: &str,
    length: u64,
    body: impl Read,
) -> io::Result<()> {
    // What the browser's own cache has would be measured otherwise.
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\n\r\n"
    );
    let mut whole = Cursor::new(head).chain(body);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        // The head and a short body leave together.
        let mut filled = 0;
        while filled < buffer.len() {
            match whole.read(&mut buffer[filled..])? {
                0 => break,
                more => filled += more,
            }
        }
        stream.write_all(&buffer[..filled])?;
        if filled < buffer.len() {
            return Ok(());
        }
    }
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
