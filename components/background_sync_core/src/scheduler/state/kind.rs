//! How the registrations of each API differ.

use super::moment::Moment;
use crate::{
    EventKind, ExplainerOptions, MonoTime, Now, PermissionName, Recurrence, RegistrationKind,
    StoredCycle, StoredExplainer, SyncApi,
};

/// Why a repeating registration has fired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FiredFor {
    /// Its interval was over, and it was selected: a wake-up.
    #[default]
    Interval,
    /// The embedder asked for it. That is no wake-up, or it could keep other origins from theirs.
    Embedder,
}

/// When a repeating registration fires.
#[derive(Clone, Debug, PartialEq)]
pub struct Cycle {
    pub min_interval_ms: u64,
    pub anchor: Moment,
    pub fired_at: Option<Moment>,
    /// Why it did.
    pub fired_for: FiredFor,
    /// Its next event is being prepared: what the store is to hold before that fires.
    pub about_to_fire_at: Option<Moment>,
    /// Its place among the intervals; not before this.
    pub due: Option<MonoTime>,
}

impl Cycle {
    pub fn new(now: Now, min_interval_ms: u64) -> Self {
        Self {
            min_interval_ms,
            anchor: Moment::at(now),
            fired_at: None,
            fired_for: FiredFor::default(),
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
            fired_at: stored.fired_at.map(|wall| Moment::restore(now, wall)),
            fired_for: FiredFor::default(),
            about_to_fire_at: None,
            due: None,
        }
    }

    pub fn stored(&self) -> StoredCycle {
        StoredCycle {
            min_interval_ms: self.min_interval_ms,
            anchor: self.anchor.wall,
            fired_at: self.about_to_fire_at.or(self.fired_at).map(|at| at.wall),
        }
    }

    /// After a jump of the wall clock. Returns whether something else is to be stored now.
    pub fn rebase(&mut self, now: Now) -> bool {
        let mut changed = self.anchor.rebase(now);
        for moment in [&mut self.fired_at, &mut self.about_to_fire_at] {
            changed |= moment.as_mut().is_some_and(|moment| moment.rebase(now));
        }
        changed
    }
}

/// One-shot registrations are the many: of the others, only a box is in their place.
#[derive(Clone, Debug)]
pub enum Kind {
    OneShot,
    Other(Box<OtherKind>),
}

#[derive(Clone, Debug)]
pub enum OtherKind {
    Periodic(Cycle),
    Explainer(Explainer),
}

#[derive(Clone, Debug)]
pub struct Explainer {
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
