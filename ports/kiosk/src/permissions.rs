//! The configuration's `[[permissions]]`: what an origin may do without anybody being asked.

use std::str::FromStr;

use serde::Deserialize;
use url::Url;

/// What one origin may do. What is left out stays as it is by default.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OriginPermissions {
    /// The origin.
    pub origin: OriginUrl,
    /// One-shot sync; granted by default.
    pub background_sync: Option<Grant>,
    /// Periodic sync; denied by default.
    pub periodic_background_sync: Option<Grant>,
    /// Notifications; denied by default, once a page has asked.
    pub notifications: Option<Grant>,
}

/// Whether something is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// It is.
    Granted,
    /// It is not.
    Denied,
}

/// An origin, as the URL of its root.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct OriginUrl(Url);

impl OriginUrl {
    /// The URL.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl TryFrom<String> for OriginUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for OriginUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |reason: &str| {
            Err(format!(
                "`{text}` is not an origin such as https://app.example or http://localhost:8080: {reason}"
            ))
        };
        let url = match Url::parse(text) {
            Ok(url) => url,
            Err(error) => return wrong(&error.to_string()),
        };
        if !matches!(url.scheme(), "http" | "https") {
            return wrong("its scheme must be http or https");
        }
        let root = format!("{}/", url.origin().ascii_serialization());
        if url.as_str() != root {
            return wrong("it must have no user, path, query or fragment");
        }
        Ok(Self(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        for text in [
            "https://app.example",
            "https://app.example/",
            "http://localhost:8080",
        ] {
            assert!(OriginUrl::try_from(text.to_owned()).is_ok(), "{text}");
        }
        for text in [
            "app.example",
            "https://app.example/path",
            "https://user@app.example/",
            "file:///",
            "https://app.example/?x",
            "*",
        ] {
            assert!(OriginUrl::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
