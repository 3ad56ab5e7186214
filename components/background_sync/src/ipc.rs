use crossbeam_channel::Receiver;
use ipc_channel::SerDeError;
use ipc_channel::ipc::IpcReceiver;
use ipc_channel::router::ROUTER;
use serde::{Deserialize, Serialize};

/// Turns an IPC receiver into what [`crate::SyncManager::spawn`] takes. What does not decode arrives
/// as an error, and the manager ignores it.
#[must_use]
pub fn receive_over_ipc<T>(receiver: IpcReceiver<T>) -> Receiver<Result<T, SerDeError>>
where
    T: for<'de> Deserialize<'de> + Serialize + Send + 'static,
{
    let (sender, messages) = crossbeam_channel::unbounded();
    let forward = move |message| {
        // An error means that the manager has ended.
        let _ = sender.send(message);
    };
    ROUTER.add_typed_route(receiver, Box::new(forward));
    messages
}
