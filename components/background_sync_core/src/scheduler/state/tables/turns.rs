//! Which registrations are ready to fire, and whose turn it is: the origins get slots in turn.

use super::super::registration::{OriginIndex, RegKey};
use super::Tables;
use crate::Policy;

impl Tables {
    /// Says whether a registration only waits for a slot.
    pub fn set_ready(&mut self, key: RegKey, ready: bool) {
        let Some(origin) = self.origin_of(key) else {
            return;
        };
        let Some(entry) = self.origins.get_mut(origin.0) else {
            return;
        };
        if ready {
            entry.ready.insert(key.into());
        } else {
            entry.ready.remove(&key.into());
        }
        self.enter_ring(origin);
    }

    pub fn is_ready(&self, key: RegKey) -> bool {
        let origin = self.origin_of(key);
        let entry = origin.and_then(|origin| self.origins.get(origin.0));
        entry.is_some_and(|entry| entry.ready.contains(&key.into()))
    }

    /// How many registrations only wait for a slot.
    pub fn count_ready(&self) -> u64 {
        let origins = self.origins.iter();
        origins.map(|origin| origin.ready.len() as u64).sum()
    }

    /// All registrations that only wait for a slot.
    pub fn all_ready(&self) -> Vec<RegKey> {
        let origins = self.origins.iter();
        origins
            .flat_map(|origin| origin.ready.iter())
            .map(|&key| key.into())
            .collect()
    }

    /// The oldest of them, at most so many.
    pub fn first_ready(&self, count: usize) -> Vec<RegKey> {
        let origins = self.origins.iter();
        let mut oldest: Vec<RegKey> = origins
            .flat_map(|origin| origin.ready.iter().take(count))
            .map(|&key| key.into())
            .collect();
        oldest.sort_unstable_by_key(|key| key.id);
        oldest.truncate(count);
        oldest
    }

    /// Whether a slot is free and nobody waits for one.
    pub fn slot_is_free_for(&self, key: RegKey, policy: &Policy) -> bool {
        let origin = self
            .origin_of(key)
            .and_then(|origin| self.origins.get(origin.0));
        let nobody_waits = origin.is_some_and(|origin| {
            origin.ready.is_empty() && origin.slots_used < policy.max_events_per_origin.get()
        });
        nobody_waits && self.ring.is_empty() && self.slots_used < policy.max_events_in_all.get()
    }

    /// The registration whose turn it is, if there is one and a slot for it.
    pub fn next_turn(&mut self, policy: &Policy) -> Option<RegKey> {
        while self.slots_used < policy.max_events_in_all.get() {
            let origin = self.ring.pop_front()?;
            let Some(entry) = self.origins.get_mut(origin.0) else {
                continue;
            };
            entry.in_ring = false;
            if entry.slots_used >= policy.max_events_per_origin.get() {
                continue;
            }
            if let Some(key) = entry.ready.pop_first() {
                self.enter_ring(origin);
                return Some(key.into());
            }
        }
        None
    }

    pub fn take_slot(&mut self, origin: OriginIndex) {
        self.slots_used += 1;
        if let Some(entry) = self.origins.get_mut(origin.0) {
            entry.slots_used += 1;
        }
    }

    pub fn release_slot(&mut self, origin: OriginIndex) {
        self.slots_used -= 1;
        if let Some(entry) = self.origins.get_mut(origin.0) {
            entry.slots_used -= 1;
        }
        self.enter_ring(origin);
        self.free_origin_if_unused(origin);
    }

    /// Puts an origin with something ready at the end of the ring; takes one without out of it.
    fn enter_ring(&mut self, origin: OriginIndex) {
        let Some(entry) = self.origins.get_mut(origin.0) else {
            return;
        };
        match (entry.ready.is_empty(), entry.in_ring) {
            (false, false) => {
                entry.in_ring = true;
                self.ring.push_back(origin);
            }
            (true, true) => {
                entry.in_ring = false;
                self.ring.retain(|&other| other != origin);
            }
            _ => {}
        }
    }
}
