//! What limits the periodic events of an origin and outlives its registrations: when it last fired, and what the embedder
//! adds to its intervals.

use super::SyncScheduler;
use super::state::{FiredFor, Moment, OriginLimits, RegKey};
use crate::{
    ExtraInterval, Now, Origin, RegistrationState, StoredOrigin, SyncNotification, Urgency,
};

/// Fires of one origin within this time are recorded once, in milliseconds.
const SAME_FIRE_MS: u64 = 1_000;

impl SyncScheduler {
    /// What the store kept about origins.
    pub(super) fn load_origin(&mut self, now: Now, stored: StoredOrigin) {
        let fired = stored.fired_at.map(|wall| Moment::restore(now, wall));
        self.wake_ups.last = self.wake_ups.last.max(fired);
        let extra = stored.extra;
        let limits = OriginLimits {
            fired,
            woke: fired,
            extra,
        };
        self.wake_ups.origins.insert(stored.origin.clone(), limits);
        if fired.map(|fired| fired.wall) != stored.fired_at {
            self.store_origin(&stored.origin, Urgency::Lazy);
        }
    }

    /// [Time of last
    /// fire](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodic-sync-scheduler-time-of-last-fire):
    /// set before the event, beyond the specification, so that no crash makes up for it, and again
    /// after its success.
    pub(super) fn set_time_of_last_fire(&mut self, now: Now, origin: &Origin, why: FiredFor) {
        let limits = self.wake_ups.origins.entry(origin.clone()).or_default();
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
        for (origin, limits) in &mut self.wake_ups.origins {
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
        let origins = self.wake_ups.origins.iter();
        let expired: Vec<Origin> = origins
            .filter(|(_, limits)| expired(limits))
            .map(|(origin, _)| origin.clone())
            .collect();
        for origin in expired {
            self.wake_ups.origins.remove(&origin);
            self.store_origin(&origin, Urgency::Lazy);
        }
    }

    /// What is to be stored about an origin. `None`: nothing.
    pub(super) fn stored_origin(&self, origin: &Origin) -> Option<StoredOrigin> {
        let limits = self.wake_ups.origins.get(origin)?;
        let matters = limits.woke.is_some() || limits.extra != ExtraInterval::default();
        matters.then(|| StoredOrigin {
            origin: origin.clone(),
            fired_at: limits.woke.map(|woke| woke.wall),
            extra: limits.extra,
        })
    }

    pub(super) fn extra_interval(&self, origin: &Origin) -> ExtraInterval {
        self.wake_ups.limits(origin).extra
    }

    /// What the embedder adds to the intervals of an origin's periodic events: durable, and in force
    /// at once.
    pub fn handle_extra_interval(&mut self, now: Now, origin: &Origin, extra: ExtraInterval) {
        let limits = self.wake_ups.origins.entry(origin.clone()).or_default();
        if limits.extra == extra {
            return self.forget_expired_origins(now);
        }
        limits.extra = extra;
        self.store_origin(origin, Urgency::Now);
        let keys = self.cycles_of(origin);
        for &key in &keys {
            self.reconsider(now, key, extra);
        }
        self.notify(SyncNotification::ExtraIntervalSet {
            origin: origin.clone(),
            extra,
            registrations: u64::try_from(keys.len()).unwrap_or(u64::MAX),
        });
        self.forget_expired_origins(now);
        self.fill_slots(now);
    }

    /// Suspends a registration, revives it, or lets its interval end at another time. An event that
    /// runs goes on.
    fn reconsider(&mut self, now: Now, key: RegKey, extra: ExtraInterval) {
        let Some(registration) = self.tables.get(key) else {
            return;
        };
        let idle = registration.attempts == 0;
        match registration.state {
            RegistrationState::Firing | RegistrationState::ReregisteredWhileFiring => {}
            RegistrationState::Waiting if idle => self.wait_for_interval(key),
            RegistrationState::Waiting | RegistrationState::Pending => {
                if extra == ExtraInterval::Never && !self.is_requested(key) {
                    self.give_up_attempts(now, key);
                    self.deselect(key);
                }
            }
        }
    }

    /// Its event is over, if it had one: it has used up its interval.
    fn give_up_attempts(&mut self, now: Now, key: RegKey) {
        let registration = self.tables.get_mut(key);
        let Some(registration) = registration.filter(|registration| registration.attempts > 0)
        else {
            return;
        };
        if let Some(cycle) = registration.kind.cycle_mut() {
            cycle.begin_anew(now);
        }
        self.store_lazily(key);
    }

    pub(super) fn cycles_of(&self, origin: &Origin) -> Vec<RegKey> {
        self.tables
            .of_origin(origin)
            .filter(|(_, registration)| registration.kind.cycle().is_some())
            .map(|(key, _)| key)
            .collect()
    }
}
