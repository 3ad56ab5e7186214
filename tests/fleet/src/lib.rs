//! What a server sees when many devices get their network back at once.
//!
//! Each device is a real [`background_sync_core::SyncScheduler`] on a virtual clock, with a store that
//! obeys at once. It loses the network for an hour; meanwhile its app registers one to five tags;
//! then the network returns to all devices within seconds, and the server fails a third of the first
//! requests. A sync event is one request. The devices share nothing but the server, whose
//! answers do not depend on its load, so that they can be played one after the other: the memory is
//! that of one device and of the counts.

mod device;
mod measure;
mod plot;
mod scenario;

pub use measure::{Comparison, Measured, play};
pub use plot::svg;
pub use scenario::{Return, Scenario};

use background_sync_core::Policy;

/// The presets that are compared, by name.
#[must_use]
pub fn presets() -> [(&'static str, Policy); 3] {
    [
        ("standard", Policy::standard()),
        ("chromium", Policy::chromium()),
        ("fleet", Policy::fleet()),
    ]
}
