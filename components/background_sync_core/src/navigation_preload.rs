//! The state of [navigation preload](https://w3c.github.io/ServiceWorker/#navigation-preload-manager), which is stored
//! with a service worker.

use serde::{Deserialize, Serialize};

/// The longest value of the header `Service-Worker-Navigation-Preload`, in bytes.
pub const MAX_PRELOAD_HEADER_BYTES: usize = 8 * 1024;

/// The value can't be sent in a header, or is longer than [`MAX_PRELOAD_HEADER_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the value of the navigation preload header must be the value of a header, and have at most \
     {MAX_PRELOAD_HEADER_BYTES} bytes"
)]
pub struct InvalidPreloadHeader;

/// A registration's
/// [navigation preload header value](https://w3c.github.io/ServiceWorker/#service-worker-registration-navigation-preload-header-value),
/// [normalized](https://fetch.spec.whatwg.org/#concept-header-value-normalize). `true` unless a script has set another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct PreloadHeaderValue(Vec<u8>);

impl PreloadHeaderValue {
    /// The bytes that are sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Default for PreloadHeaderValue {
    fn default() -> Self {
        Self(b"true".to_vec())
    }
}

impl TryFrom<Vec<u8>> for PreloadHeaderValue {
    type Error = InvalidPreloadHeader;

    fn try_from(value: Vec<u8>) -> Result<Self, InvalidPreloadHeader> {
        let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
        // Control characters but for tabs can't be sent.
        let is_sendable = value
            .iter()
            .all(|byte| *byte == b'\t' || !byte.is_ascii_control());
        let is_valid = value.len() <= MAX_PRELOAD_HEADER_BYTES
            && is_sendable
            && !is_space(value.first())
            && !is_space(value.last());
        is_valid.then_some(Self(value)).ok_or(InvalidPreloadHeader)
    }
}

impl From<PreloadHeaderValue> for Vec<u8> {
    fn from(value: PreloadHeaderValue) -> Self {
        value.0
    }
}

/// Whether navigations to a registration's pages start a request to the network while its worker starts, and the header
/// value that tells the server so.
///
/// <https://w3c.github.io/ServiceWorker/#dictdef-navigationpreloadstate>
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NavigationPreloadState {
    /// Whether they do so.
    pub enabled: bool,
    /// The value of the header `Service-Worker-Navigation-Preload` of these requests.
    pub header_value: PreloadHeaderValue,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_sent_as_a_header_is_a_value() {
        let value = |bytes: &[u8]| PreloadHeaderValue::try_from(bytes.to_vec());
        assert_eq!(PreloadHeaderValue::default().as_bytes(), b"true");
        for valid in [
            &b""[..],
            b"a b",
            b"a\tb",
            &[0xff],
            &[b'x'; MAX_PRELOAD_HEADER_BYTES],
        ] {
            assert_eq!(value(valid).map(Vec::from), Ok(valid.to_vec()));
        }
        for invalid in [
            &b"a\0"[..],
            b"a\n",
            b"\ra",
            b" a",
            b"a\t",
            &[0x7f],
            &[b'x'; MAX_PRELOAD_HEADER_BYTES + 1],
        ] {
            assert_eq!(value(invalid), Err(InvalidPreloadHeader));
        }
    }
}
