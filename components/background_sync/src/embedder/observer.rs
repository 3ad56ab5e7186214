use background_sync_core::SyncNotification;

/// Watches. Called on the manager's thread: nothing here may block.
pub trait Embedder: Send + 'static {
    /// Something happened.
    fn notify(&self, notification: &SyncNotification) {
        let _ = notification;
    }
}

/// An [`Embedder`] that does not watch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Embedder for Silent {}
