//! What is stored of a request and of a response, apart from the body.

use serde::{Deserialize, Serialize};

/// The longest encoded pair of heads, in bytes.
pub const MAX_HEAD_BYTES: usize = 1024 * 1024;

/// The longest name of a cache, in bytes.
pub const MAX_NAME_BYTES: usize = 64 * 1024;

/// <https://fetch.spec.whatwg.org/#concept-header>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The name, compared without regard to case.
    pub name: String,
    /// As it came.
    pub value: Vec<u8>,
}

impl Header {
    /// A header with this name and value.
    pub fn new(name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

/// The values of all headers with that name, joined; `None` if there is none.
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
    /// The method, normalized, as in `GET`.
    pub method: String,
    /// The URL, serialized. A fragment is stored, but ignored when matching.
    pub url: String,
    /// All headers: `Vary` may ask for any of them.
    pub headers: Vec<Header>,
    /// What else the host wants back, in its own encoding. The store does not look at it.
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
    /// `default`: made by script.
    #[default]
    Default,
    /// `basic`: from the same origin.
    Basic,
    /// `cors`: from another origin, which allows it to be read.
    Cors,
    /// `opaque`: from another origin. The rest of the head is that of the internal response, which script must not see.
    Opaque,
    /// `opaqueredirect`: a redirect that was not followed. As for opaque ones, script must not see the rest.
    OpaqueRedirect,
    /// `error`: what `Response.error()` returns.
    Error,
}

impl ResponseKind {
    /// Whether script sees nothing of a response of this type.
    pub fn is_opaque(self) -> bool {
        matches!(self, Self::Opaque | Self::OpaqueRedirect)
    }
}

/// A response without its body. For a filtered response that hides something, this is the internal response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseHead {
    /// Its type, which says how it is filtered.
    pub kind: ResponseKind,
    /// The status code, as in 404.
    pub status: u16,
    /// As it came.
    pub status_text: Vec<u8>,
    /// All headers, including those that the filter hides.
    pub headers: Vec<Header>,
    /// For type `Cors`: the names of the headers that script sees.
    pub exposed_headers: Vec<String>,
    /// The URL that it finally came from, serialized; `None` if script made it.
    pub url: Option<String>,
    /// Whether there were redirects on the way.
    pub redirected: bool,
}

/// <https://w3c.github.io/ServiceWorker/#dictdef-cachequeryoptions>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryOptions {
    /// Whether to ignore what follows `?`.
    pub ignore_search: bool,
    /// Whether requests with other methods match what is stored for GET.
    pub ignore_method: bool,
    /// Whether to ignore `Vary`.
    pub ignore_vary: bool,
}
