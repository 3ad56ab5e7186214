//! When registrations have something to do next.

use std::time::Duration;

use servo::background_sync::{RegistrationInfo, WhyNotFired};

/// What a registration waits for, as far as time is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Its event runs.
    Running,
    /// It is about to.
    Now,
    /// After so long.
    In(Duration),
    /// When there is a network.
    WithNetwork,
    /// When its worker is there: it is being started, or is gone.
    WithWorker,
    /// When somebody permits it.
    Never,
}

/// When a registration has something to do.
pub fn due(why: &WhyNotFired) -> Due {
    match *why {
        WhyNotFired::BeingStored
        | WhyNotFired::PromiseNotResolved
        | WhyNotFired::NoFreeSlot
        | WhyNotFired::BeingPrepared => Due::Now,
        WhyNotFired::Running { .. } => Due::Running,
        WhyNotFired::WaitsForRetry { in_ms, .. }
        | WhyNotFired::PutOff { in_ms }
        | WhyNotFired::WaitsForInterval { in_ms }
        | WhyNotFired::WaitsForOrigin { in_ms }
        | WhyNotFired::WaitsForWakeUp { in_ms }
        | WhyNotFired::Chained { in_ms, .. } => Due::In(Duration::from_millis(in_ms)),
        WhyNotFired::Offline => Due::WithNetwork,
        WhyNotFired::NoActiveWorker => Due::WithWorker,
        WhyNotFired::NotRegistered | WhyNotFired::Suspended | WhyNotFired::PermissionDenied => {
            Due::Never
        }
    }
}

/// The shortest time after which a registration is due by itself. `None`: none of them is.
pub fn next_due(registrations: &[RegistrationInfo]) -> Option<Duration> {
    let times = registrations.iter().filter_map(|it| match due(&it.why) {
        Due::Running | Due::Now => Some(Duration::ZERO),
        Due::In(time) => Some(time),
        Due::WithNetwork | Due::WithWorker | Due::Never => None,
    });
    times.min()
}
