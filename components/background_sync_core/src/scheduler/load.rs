//! What the store held when the browser started.

use std::collections::HashMap;

use super::SyncScheduler;
use super::tables::{Due, Existence, Registration};
use crate::{
    MAX_INTERRUPTIONS, Now, RegistrationId, RegistrationState, RemovalReason, ScopeKey,
    StoredRegistration, SyncNotification, Urgency,
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
    }

    /// Returns whether the registration goes on.
    fn load_one(&mut self, now: Now, record: StoredRegistration) -> bool {
        if let Some(older) = self.tables.find(&record.scope, &record.tag) {
            self.remove_for(older, RemovalReason::StoredTwice, None);
        }
        let retry_at = record.retry_at;
        let id = record.id;
        let scope = record.scope.clone();
        let mut registration = Registration {
            tag: record.tag,
            state: RegistrationState::Pending,
            existence: Existence::Durable,
            attempts: record.attempts,
            interruptions: record.interruptions,
            registered_at: record.registered_at,
            due: None,
            event: None,
            gate: None,
            ticket: None,
        };
        let mut backs_off = false;
        match record.state {
            RegistrationState::Pending => {}
            RegistrationState::Waiting => registration.state = RegistrationState::Waiting,
            RegistrationState::ReregisteredWhileFiring => registration.attempts = 0,
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
        } else if waiting {
            let longest_ms = self.policy.retry_delay_ms(attempts);
            let longest_ms = longest_ms.saturating_add(self.policy.jitter_ms(longest_ms));
            let at_wall = retry_at.unwrap_or(now.wall);
            let at = now.restore_deadline(at_wall, longest_ms);
            self.set_due(
                key,
                Some(Due {
                    at,
                    at_wall,
                    since: now.mono,
                }),
            );
        }
        self.refresh(key);
        true
    }

    fn give_up(&mut self, id: RegistrationId, scope: ScopeKey, registration: Registration) {
        self.remove_record(id, Urgency::Now, None);
        let reason = RemovalReason::InterruptedTooOften;
        self.notify(SyncNotification::Removed {
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
