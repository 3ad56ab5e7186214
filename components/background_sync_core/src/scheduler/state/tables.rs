//! The scheduler's tables: registrations, the service worker registrations that own them, their origins, and which
//! registrations are ready to fire.

mod turns;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::arena::Arena;
use super::kind::Kind;
use super::registration::{OriginIndex, ReadyKey, RegKey, Registration, ScopeIndex};
use super::tag_index::TagIndex;
use crate::{Origin, RegistrationId, ScopeKey, SyncApi, Tag, Ticket};

#[derive(Debug)]
struct Scope {
    key: ScopeKey,
    origin: OriginIndex,
    registrations: u32,
    /// Nothing fires until there is an active worker again.
    parked: bool,
    /// The last insert, for `getTags()` to wait for.
    last_insert: Option<Ticket>,
    /// A table of each scope's own, so that many scopes do not share one that no cache holds.
    by_tag: TagIndex,
    /// The same of other kinds than one-shot, which are few.
    by_name: HashMap<(SyncApi, Tag), RegistrationId>,
}

#[derive(Debug)]
struct OriginEntry {
    key: Origin,
    registrations: u32,
    slots_used: u32,
    text_bytes: u64,
    in_ring: bool,
    /// In the order of registration.
    ready: BTreeSet<ReadyKey>,
}

#[derive(Debug, Default)]
pub struct Tables {
    registrations: BTreeMap<RegKey, Registration>,
    scopes: Arena<Scope>,
    scope_index: HashMap<ScopeKey, ScopeIndex>,
    origins: Arena<OriginEntry>,
    origin_index: HashMap<Origin, OriginIndex>,
    /// Origins that may have something ready and a free slot, in the order of their turns.
    ring: VecDeque<OriginIndex>,
    slots_used: u32,
    text_bytes: u64,
}

impl Tables {
    pub fn get(&self, key: RegKey) -> Option<&Registration> {
        self.registrations.get(&key)
    }

    pub fn get_mut(&mut self, key: RegKey) -> Option<&mut Registration> {
        self.registrations.get_mut(&key)
    }

    pub fn iter(&self) -> impl Iterator<Item = (RegKey, &Registration)> {
        self.registrations
            .iter()
            .map(|(&key, registration)| (key, registration))
    }

    pub fn of_origin(&self, origin: &Origin) -> impl Iterator<Item = (RegKey, &Registration)> {
        let index = self.origin_index.get(origin).copied();
        self.iter()
            .filter(move |(key, _)| index.is_some() && self.origin_of(*key) == index)
    }

    pub fn find(&self, scope: &ScopeKey, tag: &Tag) -> Option<RegKey> {
        self.find_in(SyncApi::OneShot, scope, tag)
    }

    pub fn find_in(&self, api: SyncApi, scope: &ScopeKey, tag: &Tag) -> Option<RegKey> {
        let scope = *self.scope_index.get(scope)?;
        let scope_entry = self.scopes.get(scope.0)?;
        let id = match api {
            SyncApi::OneShot => scope_entry.by_tag.get(tag, |id| {
                let registration = self.registrations.get(&RegKey { scope, id })?;
                Some(&registration.tag)
            })?,
            _ => *scope_entry.by_name.get(&(api, tag.clone()))?,
        };
        Some(RegKey { scope, id })
    }

    /// In the order of registration.
    pub fn registrations_of(&self, scope: &ScopeKey) -> Vec<RegKey> {
        let Some(&scope) = self.scope_index.get(scope) else {
            return Vec::new();
        };
        let first = RegKey {
            scope,
            id: RegistrationId(0),
        };
        let last = RegKey {
            scope,
            id: RegistrationId(u64::MAX),
        };
        self.registrations
            .range(first..=last)
            .map(|(&key, _)| key)
            .collect()
    }

    pub fn scope_key(&self, key: RegKey) -> Option<&ScopeKey> {
        self.scopes.get(key.scope.0).map(|scope| &scope.key)
    }

    pub fn origin_of(&self, key: RegKey) -> Option<OriginIndex> {
        self.scopes.get(key.scope.0).map(|scope| scope.origin)
    }

    pub fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.origins.iter().map(|origin| &origin.key)
    }

    /// Registrations, scopes, origins.
    pub fn counts(&self) -> (usize, usize, usize) {
        (
            self.registrations.len(),
            self.scopes.len(),
            self.origins.len(),
        )
    }

    pub fn registrations_of_origin(&self, origin: &Origin) -> u32 {
        let index = self.origin_index.get(origin);
        index
            .and_then(|index| self.origins.get(index.0))
            .map_or(0, |entry| entry.registrations)
    }

    /// Gives a registration another kind; returns the one that it had.
    pub fn set_kind(&mut self, key: RegKey, kind: Kind) -> Option<Kind> {
        let registration = self.registrations.get_mut(&key)?;
        let new_bytes = kind.text_bytes();
        let old = std::mem::replace(&mut registration.kind, kind);
        self.count_text(key, old.text_bytes(), new_bytes);
        Some(old)
    }

    /// Bytes of text that pages have given, of an origin and in all.
    pub fn text_bytes(&self, origin: &Origin) -> (u64, u64) {
        let index = self.origin_index.get(origin);
        let entry = index.and_then(|index| self.origins.get(index.0));
        (entry.map_or(0, |entry| entry.text_bytes), self.text_bytes)
    }

    fn count_text(&mut self, key: RegKey, old_bytes: u64, new_bytes: u64) {
        if new_bytes == old_bytes {
            return;
        }
        self.text_bytes = self.text_bytes + new_bytes - old_bytes;
        let origin = self.origin_of(key);
        if let Some(entry) = origin.and_then(|origin| self.origins.get_mut(origin.0)) {
            entry.text_bytes = entry.text_bytes + new_bytes - old_bytes;
        }
    }

    pub fn is_parked(&self, key: RegKey) -> bool {
        self.scopes
            .get(key.scope.0)
            .is_some_and(|scope| scope.parked)
    }

    /// The registrations of all parked scopes.
    pub fn parked(&self) -> impl Iterator<Item = RegKey> {
        let parked = self.scopes.iter().filter(|scope| scope.parked);
        parked.flat_map(|scope| self.registrations_of(&scope.key))
    }

    /// Returns the registrations of the scope if that changed anything.
    pub fn set_parked(&mut self, scope: &ScopeKey, parked: bool) -> Vec<RegKey> {
        let index = self.scope_index.get(scope).copied();
        match index.and_then(|index| self.scopes.get_mut(index.0)) {
            Some(entry) if entry.parked != parked => entry.parked = parked,
            _ => return Vec::new(),
        }
        self.registrations_of(scope)
    }

    pub fn last_insert(&self, scope: &ScopeKey) -> Option<Ticket> {
        let index = self.scope_index.get(scope)?;
        self.scopes.get(index.0)?.last_insert
    }

    pub fn set_last_insert(&mut self, key: RegKey, ticket: Ticket) {
        if let Some(scope) = self.scopes.get_mut(key.scope.0) {
            scope.last_insert = Some(ticket);
        }
    }

    pub fn insert(
        &mut self,
        scope: &ScopeKey,
        id: RegistrationId,
        registration: Registration,
    ) -> RegKey {
        let scope_index = self.scope_entry(scope);
        let key = RegKey {
            scope: scope_index,
            id,
        };
        if let Some(entry) = self.scopes.get_mut(scope_index.0) {
            entry.registrations += 1;
            let tag = &registration.tag;
            match registration.kind.api() {
                SyncApi::OneShot => entry.by_tag.insert(tag, id),
                api => {
                    entry.by_name.insert((api, tag.clone()), id);
                }
            }
            if let Some(origin) = self.origins.get_mut(entry.origin.0) {
                origin.registrations += 1;
            }
        }
        self.count_text(key, 0, registration.kind.text_bytes());
        self.registrations.insert(key, registration);
        key
    }

    fn scope_entry(&mut self, scope: &ScopeKey) -> ScopeIndex {
        if let Some(&index) = self.scope_index.get(scope) {
            return index;
        }
        let origin = match self.origin_index.get(&scope.origin) {
            Some(&index) => index,
            None => {
                let index = OriginIndex(self.origins.insert(OriginEntry {
                    key: scope.origin.clone(),
                    registrations: 0,
                    slots_used: 0,
                    text_bytes: 0,
                    in_ring: false,
                    ready: BTreeSet::new(),
                }));
                self.origin_index.insert(scope.origin.clone(), index);
                index
            }
        };
        let index = ScopeIndex(self.scopes.insert(Scope {
            key: scope.clone(),
            origin,
            registrations: 0,
            parked: false,
            last_insert: None,
            by_tag: TagIndex::default(),
            by_name: HashMap::new(),
        }));
        self.scope_index.insert(scope.clone(), index);
        index
    }

    /// Takes a registration out, and its scope and origin if nothing else needs them.
    pub fn remove(&mut self, key: RegKey) -> Option<Registration> {
        let registration = self.registrations.remove(&key)?;
        self.count_text(key, registration.kind.text_bytes(), 0);
        self.set_ready(key, false);
        let scope = self.scopes.get_mut(key.scope.0)?;
        match registration.kind.api() {
            SyncApi::OneShot => scope.by_tag.remove(&registration.tag, key.id),
            api => {
                scope.by_name.remove(&(api, registration.tag.clone()));
            }
        }
        let origin = scope.origin;
        scope.registrations -= 1;
        if scope.registrations == 0
            && let Some(scope) = self.scopes.remove(key.scope.0)
        {
            self.scope_index.remove(&scope.key);
        }
        if let Some(entry) = self.origins.get_mut(origin.0) {
            entry.registrations -= 1;
        }
        self.free_origin_if_unused(origin);
        Some(registration)
    }

    /// Gives back what loading left free: trees that grow by insertion are half empty. All of them are taken down before one
    /// is built again, or there would be holes between their nodes.
    pub fn pack(&mut self) {
        let registrations: Vec<_> = std::mem::take(&mut self.registrations)
            .into_iter()
            .collect();
        let ready = |origin: &mut OriginEntry| std::mem::take(&mut origin.ready);
        let ready: Vec<Vec<_>> = self
            .origins
            .iter_mut()
            .map(|origin| ready(origin).into_iter().collect())
            .collect();
        self.registrations = registrations.into_iter().collect();
        for (origin, ready) in self.origins.iter_mut().zip(ready) {
            origin.ready = ready.into_iter().collect();
        }
    }

    fn free_origin_if_unused(&mut self, origin: OriginIndex) {
        let Some(entry) = self.origins.get(origin.0) else {
            return;
        };
        if entry.registrations == 0
            && entry.slots_used == 0
            && let Some(entry) = self.origins.remove(origin.0)
        {
            self.origin_index.remove(&entry.key);
        }
    }
}
