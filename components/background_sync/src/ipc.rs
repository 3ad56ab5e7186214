use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::Receiver;
use ipc_channel::SerDeError;
use ipc_channel::ipc::IpcReceiver;
use ipc_channel::router::ROUTER;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Turns an IPC receiver into what [`crate::SyncManager::spawn`] takes. What does not decode arrives
/// as an error, and the manager ignores it.
#[must_use]
pub fn receive_over_ipc<T>(receiver: IpcReceiver<T>) -> Receiver<Result<T, SerDeError>>
where
    T: for<'de> Deserialize<'de> + Serialize + Send + 'static,
{
    let (sender, messages) = crossbeam_channel::unbounded();
    let receiver: IpcReceiver<Caught<T>> = receiver.to_opaque().to();
    let forward = move |message: Result<Caught<T>, SerDeError>| {
        // An error means that the manager has ended.
        let _ = sender.send(message.map(|Caught(message)| message));
    };
    ROUTER.add_typed_route(receiver, Box::new(forward));
    messages
}

/// ipc-channel panics when a message names a channel that it does not carry. That must not end the
/// router, which all of the process's channels share: here it is an error.
struct Caught<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Caught<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let decoded = catch_unwind(AssertUnwindSafe(|| T::deserialize(deserializer)));
        match decoded {
            Ok(message) => message.map(Self),
            Err(_) => Err(D::Error::custom(
                "it names a channel that it does not carry",
            )),
        }
    }
}

/// ipc-channel asks for it; nothing is sent.
impl<T: Serialize> Serialize for Caught<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use std::time::Duration;

    use background_sync_traits::{ConnectionId, SyncManagerMessage, SyncReply};
    use ipc_channel::ipc::{self, IpcSender};

    use super::*;

    #[test]
    fn a_forged_channel_does_not_end_the_router() {
        let (sender, receiver) =
            ipc::channel::<SyncManagerMessage<IpcSender<SyncReply>>>().unwrap();
        let messages = receive_over_ipc(receiver);
        let connection = ConnectionId::new();
        let forged = SyncManagerMessage::Connect {
            connection,
            scope: background_sync_core::ScopeKey {
                origin: "https://a.example".try_into().unwrap(),
                scope: "https://a.example/".try_into().unwrap(),
            },
            // Where the channel would be: its place among those that come with the message.
            client: 7_usize,
        };
        let hostile: IpcSender<SyncManagerMessage<usize>> = sender.clone().to_opaque().to();
        hostile.send(forged).unwrap();
        let received = messages.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(received.is_err());
        sender
            .send(SyncManagerMessage::Disconnect { connection })
            .unwrap();
        let received = messages.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(matches!(
            received,
            Ok(SyncManagerMessage::Disconnect { .. })
        ));
    }
}
