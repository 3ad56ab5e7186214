//! What is kept about origins, because it must outlive their registrations.

use super::SyncScheduler;
use super::clock::Moment;
use super::kind::FiredFor;
use crate::{ExtraInterval, Now, Origin, StoredOrigin, Urgency};

/// Fires of one origin within this time are recorded once, in milliseconds.
const SAME_FIRE_MS: u64 = 1_000;

/// What must outlive an origin's registrations.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OriginLimits {
    /// Its last event of something that repeats.
    pub fired: Option<Moment>,
    /// The last one that was part of a wake-up: only that is stored here.
    pub woke: Option<Moment>,
    pub extra: ExtraInterval,
}

impl OriginLimits {
    /// After a jump of the wall clock. Returns whether it is to be stored anew.
    pub fn rebase(&mut self, now: Now) -> bool {
        self.fired.iter_mut().for_each(|fired| {
            fired.rebase(now);
        });
        self.woke.as_mut().is_some_and(|woke| woke.rebase(now))
    }
}

impl SyncScheduler {
    /// What the store kept about origins.
    pub(super) fn load_origin(&mut self, now: Now, stored: StoredOrigin) {
        let fired = stored.fired_at.map(|wall| Moment::restore(now, wall));
        self.passes.last = self.passes.last.max(fired);
        let extra = stored.extra;
        let limits = OriginLimits {
            fired,
            woke: fired,
            extra,
        };
        self.passes.origins.insert(stored.origin.clone(), limits);
        if fired.map(|fired| fired.wall) != stored.fired_at {
            self.store_origin(&stored.origin, Urgency::Lazy);
        }
    }

    /// [Time of last
    /// fire](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodic-sync-scheduler-time-of-last-fire):
    /// set before the event, beyond the specification, so that no crash makes up for it, and again
    /// after its success.
    pub(super) fn set_time_of_last_fire(&mut self, now: Now, origin: &Origin, why: FiredFor) {
        let limits = self.passes.origins.entry(origin.clone()).or_default();
        limits.fired = Some(Moment::at(now));
        if why == FiredFor::Embedder {
            // Its registration's record has it.
            return;
        }
        let old = limits.woke.replace(Moment::at(now));
        let same = old.is_some_and(|old| old.after_ms(SAME_FIRE_MS) > now.mono);
        if !same {
            self.store_origin(origin, Urgency::Lazy);
        }
    }

    /// Clearing site data: when an origin fired last is forgotten. What the embedder has set stays.
    pub(super) fn clear_origins(&mut self, now: Now, chosen: impl Fn(&Origin) -> bool) {
        let mut cleared = Vec::new();
        for (origin, limits) in &mut self.passes.origins {
            if !chosen(origin) {
                continue;
            }
            limits.fired = None;
            if limits.woke.take().is_some() {
                cleared.push(origin.clone());
            }
        }
        for origin in cleared {
            self.store_origin(&origin, Urgency::Now);
        }
        self.forget_expired_origins(now);
    }

    /// What limits nothing any more is not kept.
    pub(super) fn forget_expired_origins(&mut self, now: Now) {
        // The gap after its wake-up is no shorter than its own interval.
        let gap_ms = self.policy.periodic_gap_ms();
        let expired = |limits: &OriginLimits| {
            let over = |fired: Moment| fired.after_ms(gap_ms) <= now.mono;
            limits.extra == ExtraInterval::Ms(0) && limits.fired.is_none_or(over)
        };
        let origins = self.passes.origins.iter();
        let expired: Vec<Origin> = origins
            .filter(|(_, limits)| expired(limits))
            .map(|(origin, _)| origin.clone())
            .collect();
        for origin in expired {
            self.passes.origins.remove(&origin);
            self.store_origin(&origin, Urgency::Lazy);
        }
    }

    /// What is to be stored about an origin. `None`: nothing.
    pub(super) fn stored_origin(&self, origin: &Origin) -> Option<StoredOrigin> {
        let limits = self.passes.origins.get(origin)?;
        let matters = limits.woke.is_some() || limits.extra != ExtraInterval::default();
        matters.then(|| StoredOrigin {
            origin: origin.clone(),
            fired_at: limits.woke.map(|woke| woke.wall),
            extra: limits.extra,
        })
    }

    pub(super) fn extra_interval(&self, origin: &Origin) -> ExtraInterval {
        self.passes.limits(origin).extra
    }
}
