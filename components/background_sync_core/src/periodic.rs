//! Types of [Periodic Background Sync](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html).

use serde::{Deserialize, Serialize};

use crate::{Origin, WallTime};

/// Events of a registration are never closer than this, whatever the policy says, in milliseconds:
/// none fires right after registering, and none fires without pause.
pub const LEAST_PERIODIC_INTERVAL_MS: u64 = 1_000;

/// Which API made a registration. Each has a namespace of its own: a tag may be registered with each.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum SyncApi {
    /// `registration.sync`.
    #[default]
    OneShot,
    /// `registration.periodicSync`.
    Periodic,
    /// `navigator.sync`, as the explainer of 2014 has it.
    Explainer,
}

/// A permission that a user can give to an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PermissionName {
    /// `background-sync`; granted by default.
    BackgroundSync,
    /// `periodic-background-sync`; denied unless the embedder grants it. Also for registrations of the
    /// explainer that repeat.
    PeriodicBackgroundSync,
    /// `notifications`; denied unless the embedder grants it. No registration needs it: it is decided in the same place.
    Notifications,
}

/// What the embedder adds to the minimum interval between periodic events of an origin, for instance
/// by how much its user cares for it: the user agent's amount in the
/// [effective minimum sync interval for origin](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodic-sync-scheduler-construct).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ExtraInterval {
    /// This many milliseconds.
    Ms(u64),
    /// The origin's periodic registrations are suspended until another amount is set.
    Never,
}

impl Default for ExtraInterval {
    fn default() -> Self {
        Self::Ms(0)
    }
}

/// [State](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodic-sync-registration-state)
/// of a periodic sync registration, as its specification names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PeriodicState {
    /// Fires when its interval is over, or when its back-off is.
    Pending,
    /// Its event is being dispatched or handled.
    Firing,
    /// Its origin gets no events at present.
    Suspended,
    /// As [`PeriodicState::Firing`], and registered again meanwhile: it is not tried again if it fails.
    ReregisteredWhileFiring,
}

/// When a repeating registration fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StoredCycle {
    /// [Minimum interval](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodic-sync-registration-minimum-interval)
    /// that was asked for, in milliseconds.
    pub min_interval_ms: u64,
    /// [Anchor time](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodic-sync-registration-anchor-time):
    /// when its last event was over, or when it was registered.
    pub anchor: WallTime,
    /// When the first attempt of its last event may have been dispatched.
    pub fired_at: Option<WallTime>,
}

/// What is kept about an origin, because it must outlive its registrations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredOrigin {
    /// The origin.
    pub origin: Origin,
    /// When it fired last in a wake-up, not because the embedder asked for it: [Time of last fire](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodic-sync-scheduler-time-of-last-fire).
    pub fired_at: Option<WallTime>,
    /// What the embedder has added to its interval.
    pub extra: ExtraInterval,
}
