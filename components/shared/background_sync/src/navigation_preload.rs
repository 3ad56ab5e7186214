//! What scripts ask about navigation preload, and the answers.

use background_sync_core::{NavigationPreloadState, PreloadHeaderValue};
use serde::{Deserialize, Serialize};

/// What a script asks of a registration's
/// [`NavigationPreloadManager`](https://w3c.github.io/ServiceWorker/#navigation-preload-manager).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NavigationPreloadCall {
    /// Navigations ask the network beside the worker.
    Enable,
    /// They do not.
    Disable,
    /// What their header says.
    SetHeaderValue(PreloadHeaderValue),
    /// Both.
    GetState,
}

/// The answer to a [`NavigationPreloadCall`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NavigationPreloadAnswer {
    /// It is so now.
    Done,
    /// How it is.
    State(NavigationPreloadState),
    /// `InvalidStateError`: only a registration with an active worker can be changed.
    NoActiveWorker,
}
