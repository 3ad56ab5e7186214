//! What is particular to the registrations of each API.

use crate::{
    EventKind, ExplainerOptions, MonoTime, Now, PermissionName, Recurrence, RegistrationKind,
    StoredCycle, StoredExplainer, SyncApi, WallTime,
};

/// A point in time on both clocks. Unlike [`MonoTime`] it may lie before the start of the monotonic
/// one: what was restored from the store does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    mono_ms: i64,
    pub wall: WallTime,
}

impl Moment {
    pub fn at(now: Now) -> Self {
        Self {
            mono_ms: i64::try_from(now.mono.0).unwrap_or(i64::MAX),
            wall: now.wall,
        }
    }

    /// If the wall clock says that it is still to come, the clock has jumped: it counts as now.
    pub fn restore(now: Now, wall: WallTime) -> Self {
        let age_ms = now.wall.0.saturating_sub(wall.0);
        let age_ms = i64::try_from(age_ms).unwrap_or(i64::MAX);
        Self {
            mono_ms: Self::at(now).mono_ms.saturating_sub(age_ms),
            wall: wall.min(now.wall),
        }
    }

    pub fn after_ms(self, ms: u64) -> MonoTime {
        let after = i128::from(self.mono_ms) + i128::from(ms);
        MonoTime(u64::try_from(after.max(0)).unwrap_or(u64::MAX))
    }
}

/// When a repeating registration fires.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cycle {
    pub min_interval_ms: u64,
    pub anchor: Moment,
    pub fired_at: Option<WallTime>,
    /// Its next event is being prepared: what the store is to hold before that fires.
    pub about_to_fire_at: Option<WallTime>,
    /// Its place among the intervals; not before this.
    pub due: Option<MonoTime>,
}

impl Cycle {
    pub fn new(now: Now, min_interval_ms: u64) -> Self {
        Self {
            min_interval_ms,
            anchor: Moment::at(now),
            fired_at: None,
            about_to_fire_at: None,
            due: None,
        }
    }

    /// Its event is over: the next interval begins.
    pub fn begin_anew(&mut self, now: Now) {
        self.anchor = Moment::at(now);
    }

    fn restore(now: Now, stored: &StoredCycle) -> Self {
        Self {
            min_interval_ms: stored.min_interval_ms,
            anchor: Moment::restore(now, stored.anchor),
            fired_at: stored.fired_at,
            about_to_fire_at: None,
            due: None,
        }
    }

    fn stored(&self) -> StoredCycle {
        StoredCycle {
            min_interval_ms: self.min_interval_ms,
            anchor: self.anchor.wall,
            fired_at: self.about_to_fire_at.or(self.fired_at),
        }
    }
}

/// One-shot registrations are the many: of the others, only a box is in their place.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    OneShot,
    Other(Box<OtherKind>),
}

#[derive(Clone, Debug)]
pub(super) enum OtherKind {
    Periodic(Cycle),
    Explainer(Explainer),
}

#[derive(Clone, Debug)]
pub(super) struct Explainer {
    pub options: ExplainerOptions,
    pub cycle: Cycle,
}

impl Kind {
    pub fn restore(now: Now, stored: RegistrationKind) -> Self {
        match stored {
            RegistrationKind::OneShot => Self::OneShot,
            RegistrationKind::Periodic(cycle) => Self::periodic(Cycle::restore(now, &cycle)),
            RegistrationKind::Explainer(explainer) => {
                let cycle = Cycle::restore(now, &explainer.cycle);
                let options = explainer.options;
                Self::explainer(Explainer { options, cycle })
            }
        }
    }

    pub fn periodic(cycle: Cycle) -> Self {
        Self::Other(Box::new(OtherKind::Periodic(cycle)))
    }

    pub fn explainer(explainer: Explainer) -> Self {
        Self::Other(Box::new(OtherKind::Explainer(explainer)))
    }

    pub fn stored(&self) -> RegistrationKind {
        let Self::Other(other) = self else {
            return RegistrationKind::OneShot;
        };
        match other.as_ref() {
            OtherKind::Periodic(cycle) => RegistrationKind::Periodic(cycle.stored()),
            OtherKind::Explainer(explainer) => {
                RegistrationKind::Explainer(Box::new(StoredExplainer {
                    options: explainer.options.clone(),
                    cycle: explainer.cycle.stored(),
                }))
            }
        }
    }

    pub fn api(&self) -> SyncApi {
        let Self::Other(other) = self else {
            return SyncApi::OneShot;
        };
        match other.as_ref() {
            OtherKind::Periodic(_) => SyncApi::Periodic,
            OtherKind::Explainer(_) => SyncApi::Explainer,
        }
    }

    /// What repeats has one.
    pub fn cycle(&self) -> Option<&Cycle> {
        let Self::Other(other) = self else {
            return None;
        };
        match other.as_ref() {
            OtherKind::Periodic(cycle) => Some(cycle),
            OtherKind::Explainer(explainer) => explainer.repeats().then_some(&explainer.cycle),
        }
    }

    pub fn cycle_mut(&mut self) -> Option<&mut Cycle> {
        let Self::Other(other) = self else {
            return None;
        };
        match other.as_mut() {
            OtherKind::Periodic(cycle) => Some(cycle),
            OtherKind::Explainer(explainer) => explainer.repeats().then_some(&mut explainer.cycle),
        }
    }

    fn options(&self) -> Option<&ExplainerOptions> {
        let Self::Other(other) = self else {
            return None;
        };
        match other.as_ref() {
            OtherKind::Periodic(_) => None,
            OtherKind::Explainer(explainer) => Some(&explainer.options),
        }
    }

    /// How long the first event of what does not repeat is put off, in milliseconds.
    pub fn first_delay_ms(&self) -> u64 {
        let delay_ms = self.options().and_then(|options| options.min_interval_ms);
        delay_ms.unwrap_or(0)
    }

    pub fn permission(&self) -> PermissionName {
        match self.cycle() {
            Some(_) => PermissionName::PeriodicBackgroundSync,
            None => PermissionName::BackgroundSync,
        }
    }

    pub fn event(&self) -> EventKind {
        let Self::Other(other) = self else {
            return EventKind::Sync;
        };
        match other.as_ref() {
            OtherKind::Periodic(_) => EventKind::PeriodicSync,
            OtherKind::Explainer(explainer) => EventKind::Explainer {
                data: explainer.options.data.clone(),
            },
        }
    }

    /// Bytes of text that the page has given beyond the tag.
    pub fn text_bytes(&self) -> u64 {
        self.options().map_or(0, ExplainerOptions::text_bytes)
    }
}

impl Explainer {
    fn repeats(&self) -> bool {
        self.options.recurrence == Recurrence::Repeating
    }
}
