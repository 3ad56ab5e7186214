use background_sync_core::Connectivity;

use crate::{Options, WatchError};

/// Watches the network until it is dropped. Not on this platform.
#[derive(Debug)]
pub enum Watcher {}

impl Watcher {
    /// Fails.
    ///
    /// # Errors
    /// [`WatchError::Unsupported`].
    pub fn start(
        _options: Options,
        _report: impl FnMut(Connectivity) + Send + 'static,
    ) -> Result<Self, WatchError> {
        Err(WatchError::Unsupported)
    }

    /// What is known at the start.
    #[must_use]
    pub fn connectivity_at_start(&self) -> Connectivity {
        match *self {}
    }
}
