//! Where traces go.

use std::fmt;

use serde::Deserialize;
use url::Url;

/// Where traces go, and as whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceSettings {
    /// The collector.
    pub endpoint: TraceEndpoint,
    /// Which kiosk it is, `service.instance.id`.
    pub instance: Option<String>,
}

/// The address of a collector of OpenTelemetry, which takes OTLP by HTTP. Not `https:`: a collector of this machine or network
/// takes them on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TraceEndpoint(Url);

impl TraceEndpoint {
    /// As it is asked for.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl TryFrom<String> for TraceEndpoint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match Url::parse(&text) {
            Ok(url) if url.scheme() == "http" && url.has_host() && url.path() != "/" => {
                Ok(Self(url))
            }
            _ => Err(format!(
                "`{text}` is no address such as http://127.0.0.1:4318/v1/traces"
            )),
        }
    }
}

impl fmt::Display for TraceEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
