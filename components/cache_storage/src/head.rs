//! What is stored of a request and of a response, apart from the body.

use serde::{Deserialize, Serialize};

/// The longest encoded pair of heads, in bytes.
pub const MAX_HEAD_BYTES: usize = 1024 * 1024;

/// The longest name of a cache, in bytes.
pub const MAX_NAME_BYTES: usize = 64 * 1024;

/// <https://fetch.spec.whatwg.org/#concept-header>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Compared without regard to case.
    pub name: String,
    /// As it came.
    pub value: Vec<u8>,
}

impl Header {
    /// A header of some text.
    pub fn new(name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

/// The values of all headers of that name, as one; `None` if there is none.
///
/// <https://fetch.spec.whatwg.org/#concept-header-list-get>
pub(crate) fn combined(headers: &[Header], name: &str) -> Option<Vec<u8>> {
    let mut values = headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case(name))
        .map(|header| header.value.as_slice());
    let mut all = values.next()?.to_vec();
    for value in values {
        all.extend_from_slice(b", ");
        all.extend_from_slice(value);
    }
    Some(all)
}

/// A request without its body, which is never stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestHead {
    /// Normalized, as in `GET`.
    pub method: String,
    /// Serialized; a fragment is kept and not looked at.
    pub url: String,
    /// All of them: `Vary` may ask for any.
    pub headers: Vec<Header>,
    /// What else the host wants back: its own encoding, not looked at.
    pub host: Vec<u8>,
}

impl RequestHead {
    /// A GET request without headers.
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            url: url.into(),
            headers: Vec::new(),
            host: Vec::new(),
        }
    }
}

/// <https://fetch.spec.whatwg.org/#concept-response-type>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResponseKind {
    /// Made by script.
    #[default]
    Default,
    /// Of the same origin.
    Basic,
    /// Of another origin that allows it to be read.
    Cors,
    /// Of another origin: the rest of the head is of the internal response, which script must not see.
    Opaque,
    /// A redirect that was not followed: as for opaque ones.
    OpaqueRedirect,
    /// What `Response.error()` gives.
    Error,
}

impl ResponseKind {
    /// Whether script sees nothing of such a response.
    pub fn is_opaque(self) -> bool {
        matches!(self, Self::Opaque | Self::OpaqueRedirect)
    }
}

/// A response without its body. For filtered responses that hide something this is the internal one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseHead {
    /// How it is filtered.
    pub kind: ResponseKind,
    /// As in 404.
    pub status: u16,
    /// As it came.
    pub status_text: Vec<u8>,
    /// All of them, also those that the filter hides.
    pub headers: Vec<Header>,
    /// Names of those that script sees of one of kind `Cors`.
    pub exposed_headers: Vec<String>,
    /// Where it came from in the end, serialized; `None` for those made by script.
    pub url: Option<String>,
    /// Whether it took more than one URL to get there.
    pub redirected: bool,
}

/// <https://w3c.github.io/ServiceWorker/#dictdef-cachequeryoptions>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryOptions {
    /// Whether what follows `?` counts for nothing.
    pub ignore_search: bool,
    /// Whether other methods match what is stored for GET.
    pub ignore_method: bool,
    /// Whether `Vary` counts for nothing.
    pub ignore_vary: bool,
}
