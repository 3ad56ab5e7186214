//! As much of HTTP as a program needs that collects metrics: one request a connection, without a body.

use std::net::IpAddr;

use httparse::{EMPTY_HEADER, Request, Status};

/// Bytes of a request that are read.
pub const MAX_REQUEST_BYTES: usize = 8 * 1024;

/// Header fields that a request may have.
const MAX_HEADERS: usize = 64;

/// Where the metrics are.
pub const PATH: &str = "/metrics";

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The metrics.
    Metrics,
    /// Their header alone.
    Header,
    /// Something that is not served.
    Refused(Refusal),
}

/// Why something is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is no request.
    Malformed,
    /// It is addressed to a name: a page may have it lead here.
    ForeignHost,
    /// There is nothing there.
    NotFound,
    /// The metrics can only be read.
    WrongMethod,
    /// It did not come in time.
    TooSlow,
    /// It is too long.
    TooLong,
    /// Too many others are being served.
    TooMany,
    /// The kiosk did not answer in time.
    NoAnswer,
}

impl Refusal {
    /// Code and name.
    pub fn status(self) -> &'static str {
        match self {
            Self::Malformed => "400 Bad Request",
            Self::ForeignHost => "403 Forbidden",
            Self::NotFound => "404 Not Found",
            Self::WrongMethod => "405 Method Not Allowed",
            Self::TooSlow => "408 Request Timeout",
            Self::TooLong => "431 Request Header Fields Too Large",
            Self::TooMany | Self::NoAnswer => "503 Service Unavailable",
        }
    }

    /// For people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Malformed => "This is no request of HTTP/1.1.",
            Self::ForeignHost => "The metrics are served to 127.0.0.1, [::1] and localhost only.",
            Self::NotFound => "The metrics are at /metrics.",
            Self::WrongMethod => "The metrics can only be read, with GET.",
            Self::TooSlow => "The request did not come in time.",
            Self::TooLong => "The request is too long.",
            Self::TooMany => "Too many others are being served.",
            Self::NoAnswer => "The kiosk does not answer in time.",
        }
    }
}

/// Reads a request. `None`: there is more of it to come.
pub fn read(bytes: &[u8]) -> Option<Wanted> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut request = Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(Status::Complete(_)) => Some(judge(&request)),
        Ok(Status::Partial) if bytes.len() < MAX_REQUEST_BYTES => None,
        Ok(Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            Some(Wanted::Refused(Refusal::TooLong))
        }
        Err(_) => Some(Wanted::Refused(Refusal::Malformed)),
    }
}

fn judge(request: &Request<'_, '_>) -> Wanted {
    let mut hosts = request
        .headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("host"));
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => str::from_utf8(host.value).unwrap_or_default(),
        _ => return Wanted::Refused(Refusal::Malformed),
    };
    // A page of another name whose address is this machine's would be of the same origin.
    if !is_of_this_machine(host) {
        return Wanted::Refused(Refusal::ForeignHost);
    }
    let path = request.path.unwrap_or_default();
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    match (path, request.method) {
        (PATH, Some("GET")) => Wanted::Metrics,
        (PATH, Some("HEAD")) => Wanted::Header,
        (PATH, _) => Wanted::Refused(Refusal::WrongMethod),
        _ => Wanted::Refused(Refusal::NotFound),
    }
}

/// `127.0.0.1:9464`, say.
fn is_of_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}

/// An answer. Nothing may keep it, or take it for something else.
pub fn response(status: &str, content_type: &str, text: &str, with_text: bool) -> Vec<u8> {
    let mut response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: same-origin\r\n\r\n",
        text.len()
    );
    if with_text {
        response.push_str(text);
    }
    response.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(request: &str) -> Option<Wanted> {
        read(request.as_bytes())
    }

    #[test]
    fn requests() {
        use Refusal::*;
        for (request, expected) in [
            (
                "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9464\r\n\r\n",
                Wanted::Metrics,
            ),
            (
                "GET /metrics?a=b HTTP/1.1\r\nhost: [::1]:1\r\n\r\n",
                Wanted::Metrics,
            ),
            (
                "HEAD /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n",
                Wanted::Header,
            ),
            (
                "POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
                Wanted::Refused(WrongMethod),
            ),
            (
                "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                Wanted::Refused(NotFound),
            ),
            ("GET /metrics HTTP/1.1\r\n\r\n", Wanted::Refused(Malformed)),
            (
                "GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: a\r\n\r\n",
                Wanted::Refused(Malformed),
            ),
            (
                "GET /metrics HTTP/1.1\r\nHost: evil.example:9464\r\n\r\n",
                Wanted::Refused(ForeignHost),
            ),
            (
                "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n",
                Wanted::Refused(ForeignHost),
            ),
            ("\u{16}\u{3}\u{1}", Wanted::Refused(Malformed)),
        ] {
            assert_eq!(wanted(request), Some(expected), "{request:?}");
        }
        assert_eq!(wanted("GET /metrics HTTP/1.1\r\nHost:"), None);
        let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(MAX_REQUEST_BYTES));
        assert_eq!(wanted(&long), Some(Wanted::Refused(TooLong)));
        let many = format!(
            "GET / HTTP/1.1\r\n{}\r\n",
            "A: b\r\n".repeat(MAX_HEADERS + 1)
        );
        assert_eq!(wanted(&many), Some(Wanted::Refused(TooLong)));
    }
}
