//! Messages that arrive over ipc-channel.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crossbeam_channel::{Receiver, bounded};
use ipc_channel::ipc::IpcReceiver;
use ipc_channel::{IpcError, SerDeError};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Messages that are decoded and wait for the manager. Behind them, whoever sends one more has to wait.
pub const MAX_DECODED_MESSAGES: usize = 256;

/// A sender that dies in the middle of a long message looks like the end of all senders. It is the end when it comes so
/// often in a row.
const MAX_BROKEN_MESSAGES_IN_A_ROW: usize = 4_096;

/// Turns an IPC receiver into what [`crate::SyncManager::spawn`] takes. What does not decode arrives
/// as an error, and the manager ignores it. A thread of its own receives, so that a flood of messages
/// makes its senders wait, and not other channels of this process. If the system has no thread left, the returned channel
/// is closed, and [`crate::SyncManager::spawn`] has none either.
#[must_use]
pub fn receive_over_ipc<T>(receiver: IpcReceiver<T>) -> Receiver<Result<T, SerDeError>>
where
    T: for<'de> Deserialize<'de> + Serialize + Send + 'static,
{
    let (sender, messages) = bounded(MAX_DECODED_MESSAGES);
    let receiver: IpcReceiver<Caught<T>> = receiver.to_opaque().to();
    let receive = move || {
        let mut broken_in_a_row = 0;
        while broken_in_a_row < MAX_BROKEN_MESSAGES_IN_A_ROW {
            let message = match receiver.recv() {
                Ok(Caught(message)) => Ok(message),
                Err(IpcError::SerializationError(error)) => Err(error),
                Err(IpcError::Io(_) | IpcError::Disconnected) => {
                    broken_in_a_row += 1;
                    continue;
                }
            };
            broken_in_a_row = 0;
            // An error means that the manager has ended.
            if sender.send(message).is_err() {
                return;
            }
        }
    };
    let thread = thread::Builder::new().name("SyncReceive".to_owned());
    if let Err(error) = thread.spawn(receive) {
        log::error!("no thread to receive messages: {error}");
    }
    messages
}

/// ipc-channel panics when a message names a channel that it does not carry. That must not end the
/// thread that receives: here it is an error.
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
    fn a_forged_channel_does_not_end_the_thread() {
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

    #[test]
    fn what_is_far_too_long_is_an_error_and_the_next_message_is_read() {
        let (sender, receiver) =
            ipc::channel::<SyncManagerMessage<IpcSender<SyncReply>>>().unwrap();
        let messages = receive_over_ipc(receiver);
        // The beginning of a `Connect` whose origin is too long, and nothing that means anything.
        let origin = "x".repeat(32 * 1_024 * 1_024);
        let too_long: IpcSender<(u32, u128, String)> = sender.clone().to_opaque().to();
        let nonsense: IpcSender<Vec<u8>> = sender.clone().to_opaque().to();
        let send = thread::spawn(move || {
            too_long.send((0, 7, origin)).unwrap();
            nonsense.send(vec![0xff; 32 * 1_024 * 1_024]).unwrap();
            let connection = ConnectionId::new();
            let last = SyncManagerMessage::Disconnect { connection };
            sender.send(last).unwrap();
        });
        let soon = Duration::from_secs(10);
        for _ in 0..2 {
            assert!(messages.recv_timeout(soon).unwrap().is_err());
        }
        let last = messages.recv_timeout(soon).unwrap();
        assert!(matches!(last, Ok(SyncManagerMessage::Disconnect { .. })));
        send.join().unwrap();
    }

    #[test]
    fn whoever_floods_the_manager_has_to_wait() {
        const FLOOD: u32 = 20_000;
        let (sender, receiver) = ipc::channel::<u32>().unwrap();
        let messages = receive_over_ipc(receiver);
        let flood = thread::spawn(move || (0..FLOOD).try_for_each(|number| sender.send(number)));
        let soon = Duration::from_secs(10);
        let full = std::time::Instant::now() + soon;
        while messages.len() < MAX_DECODED_MESSAGES {
            assert!(std::time::Instant::now() < full, "the queue fills up");
            thread::yield_now();
        }
        for number in 0..FLOOD {
            assert!(messages.len() <= MAX_DECODED_MESSAGES);
            assert!(number > 0 || !flood.is_finished(), "it has to wait");
            assert_eq!(messages.recv_timeout(soon).unwrap().unwrap(), number);
        }
        flood.join().unwrap().unwrap();
    }
}
