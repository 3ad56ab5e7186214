//! An address that only this machine reaches.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::Deserialize;

/// An address and a port of the loopback interface; port 0 is any free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LoopbackAddress(SocketAddr);

impl LoopbackAddress {
    /// As the system takes it.
    pub fn socket_address(self) -> SocketAddr {
        self.0
    }
}

impl FromStr for LoopbackAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Ok(Self(address)),
            Ok(address) => Err(format!(
                "{} is not an address of this machine alone: others could connect to it",
                address.ip()
            )),
            Err(_) => Err(format!(
                "`{text}` is no address and port such as 127.0.0.1:9464"
            )),
        }
    }
}

impl TryFrom<String> for LoopbackAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for LoopbackAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for text in ["127.0.0.1:9464", "127.8.9.1:1", "[::1]:9464", "127.0.0.1:0"] {
            assert!(text.parse::<LoopbackAddress>().is_ok(), "{text}");
        }
        for text in [
            "0.0.0.0:9464",
            "[::]:9464",
            "192.0.2.1:9464",
            "[::ffff:127.0.0.1]:9464",
            "localhost:9464",
            "127.0.0.1",
            ":9464",
            "",
        ] {
            assert!(text.parse::<LoopbackAddress>().is_err(), "{text}");
        }
    }
}
