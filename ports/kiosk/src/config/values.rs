//! Values of the configuration and the command line that are checked as they are read.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use serde::Deserialize;
use url::Url;

/// The smallest and the largest zoom that the engine has.
const ZOOM_RANGE: std::ops::RangeInclusive<f64> = 0.1..=10.0;

/// The longest time that can be waited for a person, in seconds: a day.
const MAX_TIME_LIMIT_S: u64 = 24 * 60 * 60;

/// What pages are: schemes that the start page may have.
const PAGE_SCHEMES: &[&str] = &["http", "https", "file", "about", "data"];

/// The address of the start page: a URL, or the path of a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PageAddress(pub String);

impl TryFrom<String> for PageAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match Url::parse(&text) {
            Ok(url) if PAGE_SCHEMES.contains(&url.scheme()) => Ok(Self(text)),
            Ok(url) => Err(format!(
                "`{text}` is no address of a page: its scheme is `{}`",
                url.scheme()
            )),
            Err(_) if Path::new(&text).is_file() => Ok(Self(text)),
            Err(_) => Err(format!("`{text}` is neither a URL nor a file that exists")),
        }
    }
}

/// How much larger than by default everything is.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Zoom(f64);

impl Zoom {
    /// As the engine takes it.
    pub fn factor(self) -> f32 {
        self.0 as f32
    }
}

impl TryFrom<f64> for Zoom {
    type Error = String;

    fn try_from(factor: f64) -> Result<Self, String> {
        match ZOOM_RANGE.contains(&factor) {
            true => Ok(Self(factor)),
            false => Err(format!("{factor} is not from 0.1 to 10")),
        }
    }
}

impl FromStr for Zoom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let factor = text.parse::<f64>();
        factor
            .map_err(|_| format!("`{text}` is no number"))?
            .try_into()
    }
}

/// After so long, the kiosk does something by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct TimeLimit(Duration);

impl TimeLimit {
    /// The time.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl TryFrom<u64> for TimeLimit {
    type Error = String;

    fn try_from(seconds: u64) -> Result<Self, String> {
        match (1..=MAX_TIME_LIMIT_S).contains(&seconds) {
            true => Ok(Self(Duration::from_secs(seconds))),
            false => Err(format!("{seconds} is not from 1 to {MAX_TIME_LIMIT_S}")),
        }
    }
}

impl FromStr for TimeLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = text.parse::<u64>();
        seconds
            .map_err(|_| format!("`{text}` is no whole number of seconds"))?
            .try_into()
    }
}

/// An HTTP proxy, for all loads of http: and https:.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ProxyUrl(Url);

impl ProxyUrl {
    /// Where it is, for people: without the name and the password that it may have.
    pub fn host_and_port(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        format!("{host}:{}", self.0.port_or_known_default().unwrap_or(80))
    }
}

impl TryFrom<String> for ProxyUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for ProxyUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match Url::parse(text) {
            Ok(url) if url.scheme() == "http" && url.has_host() && url.path() == "/" => {
                Ok(Self(url))
            }
            _ => Err(format!(
                "`{text}` is no proxy such as http://proxy.example:3128"
            )),
        }
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A name, address or network that is reached without the proxy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct NoProxy(pub String);

impl TryFrom<String> for NoProxy {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_one_name = !text.is_empty()
            && !text.contains(|character: char| character.is_whitespace() || character == ',')
            && !text.contains("://");
        match is_one_name {
            true => Ok(Self(text)),
            false => Err(format!(
                "`{text}` is no host such as intern.example or 10.0.0.0/8"
            )),
        }
    }
}

/// Whether a file has certificates, and nothing else that is broken. The engine would go without the file.
///
/// # Errors
/// What is wrong with it.
pub fn check_certificates(path: &Path) -> Result<(), String> {
    let unusable = |error: pem::Error| format!("{} can't be used: {error:?}", path.display());
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| match error {
        pem::Error::Io(error) => format!("{} can't be read: {error}", path.display()),
        other => unusable(other),
    })?;
    let count = certificates
        .collect::<Result<Vec<_>, _>>()
        .map_err(unusable)?
        .len();
    match count {
        0 => Err(format!("{} has no certificate", path.display())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zooms() {
        for text in ["0.1", "1", "1.5", "10"] {
            assert!(text.parse::<Zoom>().is_ok(), "{text}");
        }
        for text in ["0", "-1", "10.1", "NaN", "inf", "big", ""] {
            assert!(text.parse::<Zoom>().is_err(), "{text}");
        }
    }

    #[test]
    fn time_limits() {
        assert_eq!(
            "90".parse::<TimeLimit>().map(TimeLimit::duration),
            Ok(Duration::from_secs(90))
        );
        for text in ["0", "86401", "-1", "1.5", "soon"] {
            assert!(text.parse::<TimeLimit>().is_err(), "{text}");
        }
    }

    #[test]
    fn proxies() {
        for text in ["http://proxy.example:3128", "http://user:word@10.0.0.1/"] {
            assert!(text.parse::<ProxyUrl>().is_ok(), "{text}");
        }
        for text in [
            "proxy.example:3128",
            "https://proxy.example",
            "socks5://a",
            "http://a/b",
        ] {
            assert!(text.parse::<ProxyUrl>().is_err(), "{text}");
        }
        for text in ["", "a, b", "http://a"] {
            assert!(NoProxy::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_of_pages() {
        for text in ["https://app.example/", "about:blank", "Cargo.toml"] {
            assert!(PageAddress::try_from(text.to_owned()).is_ok(), "{text}");
        }
        for text in ["localhost:8080", "app.example", "ftp://a/", "no such file"] {
            assert!(PageAddress::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
