//! What scripts ask about navigation preload, and the answers.

use background_sync_core::{NavigationPreloadState, PreloadHeaderValue};
use serde::{Deserialize, Serialize};

/// What a script asks of a registration's
/// [`NavigationPreloadManager`](https://w3c.github.io/ServiceWorker/#navigation-preload-manager).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NavigationPreloadCall {
    /// From now on, navigations start a request to the network while the worker starts.
    Enable,
    /// From now on, they do not.
    Disable,
    /// Sets the value of the header of these requests.
    SetHeaderValue(PreloadHeaderValue),
    /// Asks whether it is enabled, and for the header's value.
    GetState,
}

/// The answer to a [`NavigationPreloadCall`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NavigationPreloadAnswer {
    /// The change has been made.
    Done,
    /// The current state.
    State(NavigationPreloadState),
    /// `InvalidStateError`: only a registration with an active worker can be changed.
    NoActiveWorker,
}
