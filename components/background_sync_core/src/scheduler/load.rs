//! Takes over what the store held when the browser started.

use std::collections::HashMap;

use super::SyncScheduler;
use super::state::{Due, Existence, Kind, RegKey, Registration};
use crate::{
    MAX_INTERRUPTIONS, Now, RegistrationId, RegistrationKind, RegistrationState, RemovalReason,
    ScopeKey, StoredCycle, StoredRegistration, SyncNotification, Urgency, WallTime,
};

impl SyncScheduler {
    pub(super) fn load_records(
        &mut self,
        now: Now,
        records: impl IntoIterator<Item = StoredRegistration>,
        next_id: RegistrationId,
    ) {
        self.next_registration = self.next_registration.max(next_id.0);
        let mut count = 0;
        for record in by_scope(records).into_iter().flatten() {
            self.next_registration = self.next_registration.max(record.id.0.saturating_add(1));
            count += u64::from(self.load_one(now, record));
        }
        self.tables.pack();
        self.notify(SyncNotification::Restored { count });
        if self.is_online() {
            self.spread_first_attempts(now);
        }
        self.allow_wake_ups(now);
        self.trust_clock(now);
    }

    /// Returns whether the registration goes on.
    fn load_one(&mut self, now: Now, record: StoredRegistration) -> bool {
        if let Some(older) = self
            .tables
            .find_in(record.kind.api(), &record.scope, &record.tag)
        {
            self.remove_for(older, RemovalReason::StoredTwice, None);
        }
        let retry_at = record.retry_at;
        let id = record.id;
        let scope = record.scope.clone();
        let stored_cycle = match &record.kind {
            RegistrationKind::Periodic(cycle) => Some(*cycle),
            RegistrationKind::Explainer(explainer) => Some(explainer.cycle),
            RegistrationKind::OneShot => None,
        };
        let kind = Kind::restore(now, record.kind);
        let mut registration = Registration::new(kind, record.tag, record.registered_at);
        registration.existence = Existence::Durable;
        registration.attempts = record.attempts;
        registration.interruptions = record.interruptions;
        if registration.kind.cycle().is_some() {
            let key = self.tables.insert(&scope, id, registration);
            let outdated =
                stored_cycle.is_some_and(|cycle| self.load_cycle(key, record.state, &cycle));
            self.resume_cycle(now, key, record.state, retry_at, outdated);
            return true;
        }
        self.resume(now, (id, scope), registration, record.state, retry_at)
    }

    /// Goes on with what does not repeat. Returns whether it does.
    fn resume(
        &mut self,
        now: Now,
        (id, scope): (RegistrationId, ScopeKey),
        mut registration: Registration,
        stored_state: RegistrationState,
        retry_at: Option<WallTime>,
    ) -> bool {
        let mut backs_off = false;
        let mut begins = false;
        match stored_state {
            RegistrationState::Pending => {}
            RegistrationState::Waiting => registration.state = RegistrationState::Waiting,
            RegistrationState::ReregisteredWhileFiring => {
                registration.attempts = 0;
                begins = registration.kind.first_delay_ms() > 0;
            }
            RegistrationState::Firing => {
                registration.interruptions = registration.interruptions.saturating_add(1);
                // A single interruption is a power cut; a row of them may be our doing.
                backs_off = registration.interruptions > 1;
                if self.policy.is_last_chance(registration.attempts)
                    && registration.interruptions > MAX_INTERRUPTIONS
                {
                    self.give_up(id, scope, registration);
                    return false;
                }
            }
        }
        // The last chance is given again; also if the policy allows fewer attempts than before.
        if let Some(most) = self.policy.max_attempts {
            registration.attempts = registration.attempts.min(most.get() - 1);
        }
        let waiting = registration.state == RegistrationState::Waiting;
        let attempts = registration.attempts;
        let key = self.tables.insert(&scope, id, registration);
        if backs_off {
            self.wait_for_retry(now, key);
        } else if begins {
            self.begin_to_wait(now, key);
            self.store_lazily(key);
        } else if waiting {
            let first_ms = self
                .tables
                .get(key)
                .filter(|_| attempts == 0)
                .map(|registration| registration.kind.first_delay_ms());
            self.resume_wait(now, key, retry_at, first_ms);
        }
        self.refresh(key);
        true
    }

    /// Puts a loaded registration back where it was. Returns whether its record is outdated.
    pub(super) fn load_cycle(
        &mut self,
        key: RegKey,
        state: RegistrationState,
        stored: &StoredCycle,
    ) -> bool {
        let Some(origin) = self.tables.scope_key(key).map(|scope| scope.origin.clone()) else {
            return false;
        };
        let registration = self.tables.get(key);
        let Some(cycle) = registration.and_then(|registration| registration.kind.cycle()) else {
            return false;
        };
        let fired = cycle.fired_at;
        let outdated = cycle.stored() != *stored;
        if fired.is_some() {
            let limits = self.wake_ups.origins.entry(origin.clone()).or_default();
            limits.fired = limits.fired.max(fired);
            // The origin's own record may have been lost with the last commits before a crash.
            let interrupted = matches!(
                state,
                RegistrationState::Firing | RegistrationState::ReregisteredWhileFiring
            );
            if interrupted && limits.woke < fired {
                limits.woke = fired;
                self.wake_ups.last = self.wake_ups.last.max(fired);
                self.store_origin(&origin, Urgency::Lazy);
            }
        }
        outdated
    }

    /// Waits for what is left of a retry's delay, or of `longest_ms`.
    fn resume_wait(
        &mut self,
        now: Now,
        key: RegKey,
        retry_at: Option<WallTime>,
        longest_ms: Option<u64>,
    ) {
        let attempts = self.tables.get(key).map_or(1, |found| found.attempts);
        let retry_ms = self.policy.retry_delay_ms(attempts);
        let retry_ms = retry_ms.saturating_add(self.policy.jitter_ms(retry_ms));
        let at_wall = retry_at.unwrap_or(now.wall);
        let at = now.restore_deadline(at_wall, longest_ms.unwrap_or(retry_ms));
        let since = now.mono;
        self.set_due(key, Some(Due { at, at_wall, since }));
    }

    /// Goes on with what repeats: it is never removed, and a crash makes none of its intervals
    /// shorter.
    fn resume_cycle(
        &mut self,
        now: Now,
        key: RegKey,
        stored_state: RegistrationState,
        retry_at: Option<WallTime>,
        outdated: bool,
    ) {
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        let attempts = registration.attempts;
        let used_up = self.policy.is_last_periodic_attempt(attempts);
        let (ends, interrupted) = match stored_state {
            RegistrationState::Waiting | RegistrationState::Pending => (false, false),
            RegistrationState::Firing => (used_up, true),
            RegistrationState::ReregisteredWhileFiring => (true, true),
        };
        if interrupted {
            registration.interruptions = registration.interruptions.saturating_add(1);
        }
        if ends && let Some(cycle) = registration.kind.cycle_mut() {
            cycle.begin_anew(now);
        }
        if ends || attempts == 0 || used_up {
            self.wait_for_interval(key);
        } else if interrupted {
            self.wait_for_retry(now, key);
        } else {
            registration.state = RegistrationState::Waiting;
            self.resume_wait(now, key, retry_at, None);
        }
        if ends || outdated {
            self.store_lazily(key);
        }
    }

    fn give_up(&mut self, id: RegistrationId, scope: ScopeKey, registration: Registration) {
        self.remove_record(id, Urgency::Now, None);
        let reason = RemovalReason::InterruptedTooOften;
        self.notify(SyncNotification::Removed {
            api: registration.kind.api(),
            scope,
            tag: registration.tag,
            reason,
        });
    }
}

/// The records of each service worker registration together, in their order: what the next one needs
/// is still in the processor's cache.
fn by_scope(records: impl IntoIterator<Item = StoredRegistration>) -> Vec<Vec<StoredRegistration>> {
    let mut groups: Vec<Vec<StoredRegistration>> = Vec::new();
    let mut known: HashMap<ScopeKey, usize> = HashMap::new();
    for record in records {
        let group = match known.get(&record.scope) {
            Some(&group) => group,
            None => {
                known.insert(record.scope.clone(), groups.len());
                groups.push(Vec::new());
                groups.len() - 1
            }
        };
        groups[group].push(record);
    }
    groups
}
