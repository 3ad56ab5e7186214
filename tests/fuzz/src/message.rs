//! One message as it crosses a process boundary.

use background_sync_traits::SyncManagerMessage;
use serde::{Deserialize, Serialize};

/// Stands in for the channel of a client, which is an index in the encoded message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlainClient(pub u64);

/// A message with such a client.
pub type PlainMessage = SyncManagerMessage<PlainClient>;

/// Decodes as ipc-channel does.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<PlainMessage> {
    postcard::from_bytes(bytes).ok()
}

/// Encodes as ipc-channel does.
///
/// # Panics
/// If the message can't be encoded: a finding.
#[must_use]
pub fn encode(message: &PlainMessage) -> Vec<u8> {
    postcard::to_stdvec(message).expect("what was decoded can be encoded")
}

/// Bytes are no message, or one that survives another round.
///
/// # Panics
/// On a finding.
pub fn check(bytes: &[u8]) {
    if let Some(message) = decode(bytes) {
        let encoded = encode(&message);
        let again = decode(&encoded).expect("what was encoded can be decoded");
        assert_eq!(encode(&again), encoded);
        assert_eq!(format!("{again:?}"), format!("{message:?}"));
    }
}
