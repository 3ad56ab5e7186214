//! Asks a server whether it can be reached.

use std::io::Read;
use std::time::Duration;

use url::Url;

use crate::detector::Reached;

/// An answer with a longer body is none that was expected, in bytes.
const MAX_BODY_BYTES: u64 = 64 * 1024;

/// A request that tells the network from a captive portal. It is sent after each change of the
/// network, and again after 5 s, 10 s, ... up to 5 minutes until it succeeds; never otherwise. Until
/// it succeeds, the device counts as offline: use a server whose absence makes syncs pointless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What is requested with GET. Only `http:`: a portal cannot answer for another server's `https:`,
    /// and the request would end in its time limit.
    pub url: Url,
    /// What the server says.
    pub expected: Expected,
    /// Longest wait for the whole answer.
    pub time_limit: Duration,
}

/// The answer of a server that was reached. Redirects are not followed: portals use them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// This status, whatever the body.
    Status(u16),
    /// Status 200 and exactly this body, of 64 KiB at most.
    Body(Vec<u8>),
}

impl Probe {
    /// A GET request that is to be answered with status 204 within 10 seconds.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self {
            url,
            expected: Expected::Status(204),
            time_limit: Duration::from_secs(10),
        }
    }

    /// With this expectation.
    #[must_use]
    pub fn expecting(self, expected: Expected) -> Self {
        Self { expected, ..self }
    }

    /// Asks. Blocks for [`Probe::time_limit`] at most.
    pub(crate) fn run(&self) -> Reached {
        match self.answer_is_as_expected() {
            Ok(true) => Reached::Server,
            Ok(false) => {
                log::info!("{} answers, but not as expected", self.url);
                Reached::SomethingElse
            }
            Err(error) => {
                log::info!("{} is not reached: {error}", self.url);
                Reached::SomethingElse
            }
        }
    }

    fn answer_is_as_expected(&self) -> Result<bool, ureq::Error> {
        // A new agent, and with it a new connection: an old one may belong to an old network.
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(self.time_limit))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .proxy(None)
            .build()
            .into();
        let request = agent.get(self.url.as_str());
        let mut answer = request.header("cache-control", "no-cache").call()?;
        let status = answer.status().as_u16();
        match &self.expected {
            Expected::Status(expected) => Ok(status == *expected),
            Expected::Body(expected) => {
                let mut body = Vec::new();
                let reader = answer.body_mut().as_reader();
                reader.take(MAX_BODY_BYTES + 1).read_to_end(&mut body)?;
                Ok(status == 200 && body == *expected)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use tiny_http::{Header, Response, Server};

    use super::*;

    /// A server that answers one request; and the probe of it.
    fn probe_of(status: u16, body: &'static str, location: Option<&'static str>) -> Probe {
        let server = Server::http("127.0.0.1:0").expect("a free port");
        let address = server.server_addr().to_ip().expect("an IP address");
        thread::spawn(move || {
            let request = server.recv().expect("a request");
            let mut response = Response::from_string(body).with_status_code(status);
            if let Some(location) = location {
                let header = Header::from_bytes("location", location).expect("a header");
                response.add_header(header);
            }
            let _ = request.respond(response);
        });
        let url = format!("http://{address}/generate_204");
        Probe::new(url.parse().expect("a URL"))
    }

    #[test]
    fn a_server_that_answers_as_expected_is_reached() {
        assert_eq!(probe_of(204, "", None).run(), Reached::Server);
        let body = Expected::Body(b"here".to_vec());
        let probe = probe_of(200, "here", None).expecting(body);
        assert_eq!(probe.run(), Reached::Server);
    }

    #[test]
    fn a_sign_in_page_or_a_redirect_to_one_is_something_else() {
        let page = probe_of(200, "<h1>Welcome to our hotel</h1>", None);
        assert_eq!(page.run(), Reached::SomethingElse);
        let redirect = probe_of(302, "", Some("http://127.0.0.1:9/sign-in"));
        assert_eq!(redirect.run(), Reached::SomethingElse);
        let body = Expected::Body(b"here".to_vec());
        let other = probe_of(200, "here, and more", None).expecting(body);
        assert_eq!(other.run(), Reached::SomethingElse);
    }

    #[test]
    fn silence_ends_with_the_time_limit() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let mut probe = Probe::new(format!("http://{address}/").parse().expect("a URL"));
        probe.time_limit = Duration::from_millis(100);
        assert_eq!(probe.run(), Reached::SomethingElse);
    }

    #[test]
    fn nobody_there_is_something_else() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let probe = Probe::new(format!("http://{address}/").parse().expect("a URL"));
        assert_eq!(probe.run(), Reached::SomethingElse);
    }
}
