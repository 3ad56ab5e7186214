//! When registrations that repeat may fire, and what limits that.

use std::collections::{BTreeMap, BTreeSet};

use super::moment::Moment;
use super::origin::OriginLimits;
use super::registration::RegKey;
use crate::{MonoTime, Origin};

/// When the intervals of a registration are over.
pub struct Intervals {
    /// Its own.
    pub own: MonoTime,
    /// Its origin's.
    pub of_origin: MonoTime,
}

/// Wake-ups: each selects all that is due of what repeats.
#[derive(Debug, Default)]
pub struct WakeUps {
    /// Who waits for an interval: not before this.
    pub intervals: BTreeSet<(MonoTime, RegKey)>,
    /// In an order, so that the same inputs give the same outputs.
    pub origins: BTreeMap<Origin, OriginLimits>,
    /// Origins whose limits the store failed to take.
    pub origins_to_retry: BTreeSet<Origin>,
    /// The last one that fired something.
    pub last: Option<Moment>,
    /// One that has fired nothing yet, and the last one before it.
    pub unused: Option<Option<Moment>>,
    /// What one has selected that has not fired yet.
    pub selected: BTreeSet<RegKey>,
    /// After a reconnect or the start, spread by policy.
    pub not_before: MonoTime,
    /// The next one is put off to be shared.
    pub shared_at: Option<MonoTime>,
    pub timer: Option<MonoTime>,
}

impl WakeUps {
    /// Whether the time matters to anything.
    pub fn something_waits(&self) -> bool {
        !self.intervals.is_empty()
    }

    /// All that is kept of wake-ups.
    pub fn last_mut(&mut self) -> impl Iterator<Item = &mut Moment> {
        self.last.iter_mut().chain(self.unused.iter_mut().flatten())
    }

    pub fn limits(&self, origin: &Origin) -> OriginLimits {
        self.origins.get(origin).copied().unwrap_or_default()
    }
}
