use std::thread::JoinHandle;

use background_sync_core::Connectivity;
use crossbeam_channel::Sender;

pub(crate) enum ControlMessage {
    Connectivity(Connectivity),
    Shutdown,
}

/// Speaks to a running manager, from any thread. Harmless after the manager has ended.
#[derive(Clone, Debug)]
pub struct SyncManagerControl {
    pub(crate) sender: Sender<ControlMessage>,
}

impl SyncManagerControl {
    /// The network came or went. Reporting what is known already is harmless.
    pub fn report_connectivity(&self, connectivity: Connectivity) {
        self.send(ControlMessage::Connectivity(connectivity));
    }

    pub(crate) fn send(&self, message: ControlMessage) {
        // An error means that the manager has ended.
        let _ = self.sender.send(message);
    }
}

/// A running manager. Dropping it ends the manager as [`SyncManagerThread::shutdown`] does.
#[derive(Debug)]
pub struct SyncManagerThread {
    control: SyncManagerControl,
    thread: Option<JoinHandle<()>>,
}

impl SyncManagerThread {
    pub(crate) fn new(control: SyncManagerControl, thread: JoinHandle<()>) -> Self {
        Self {
            control,
            thread: Some(thread),
        }
    }

    /// A way to speak to it.
    #[must_use]
    pub fn control(&self) -> SyncManagerControl {
        self.control.clone()
    }

    /// Ends it: commits what waits, answers every call, terminates events that run. They are retried
    /// after the next start. Returns when the store is closed.
    pub fn shutdown(self) {}
}

impl Drop for SyncManagerThread {
    fn drop(&mut self) {
        self.control.send(ControlMessage::Shutdown);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the SyncManager thread had panicked");
        }
    }
}
