//! What must hold, whatever happens. Calls are known by their number, which the registrations of the
//! explainer carry as their data.

mod outputs;

use std::collections::{BTreeMap, BTreeSet};

use background_sync_core::*;

use crate::parts::Disk;

pub type Key = (SyncApi, ScopeKey, Tag);

/// What a `register()` call asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    pub call: u64,
    pub repeats: bool,
    pub interval_ms: u64,
    /// By the sun, in milliseconds.
    pub since: u64,
}

impl Wish {
    /// Nobody knows what, nor since when.
    const UNKNOWN: Self = Self {
        call: 0,
        repeats: true,
        interval_ms: 0,
        since: 0,
    };
}

#[derive(Debug)]
struct Running {
    key: Key,
    registration: RegistrationId,
    /// The call that it carries, if it is the explainer's.
    data: Option<u64>,
    repeats: bool,
    last_chance: bool,
    started_at: MonoTime,
    /// It was removed meanwhile: its outcome means nothing.
    orphaned: bool,
    /// What held before it, if it was the first attempt.
    before: Vec<Wish>,
}

pub struct Checks {
    policy: Policy,
    /// The clock does not jump: the caps can be told from the sun.
    pub strict: bool,
    calls: BTreeMap<Call, (Key, Wish)>,
    other_calls: BTreeSet<Call>,
    requested: BTreeMap<Call, Key>,
    refused: BTreeSet<u64>,
    /// The newest call that was resolved, of what is not over.
    pub promises: BTreeMap<Key, Wish>,
    /// What each registration may be: what was resolved last, and what may have been stored since.
    may_be: BTreeMap<Key, Vec<Wish>>,
    /// All that was ever registered.
    ever: BTreeSet<Key>,
    /// In this run.
    removed: BTreeSet<Key>,
    running: BTreeMap<EventId, Running>,
    /// When a wake-up selected what was dispatched last in a wake-up, by the sun: of an origin, and of all.
    fired: BTreeMap<Origin, u64>,
    wake_up: Option<u64>,
    /// States when somebody looked last, and since when what may fire may.
    states: BTreeMap<Key, RegistrationState>,
    selected: BTreeMap<Key, u64>,
    /// When anything of a registration was dispatched last, by the sun.
    dispatched: BTreeMap<Key, u64>,
    extra: BTreeMap<Origin, ExtraInterval>,
    /// Nothing had been started: it fires again as soon as there is a worker.
    made_up_for: BTreeSet<Key>,
    /// The store failed: a crash may bring back what was before.
    pub faulted: bool,
    pub failed_removals: usize,
    /// When an origin fired was forgotten on purpose.
    cleared: bool,
}

impl Checks {
    pub fn new(policy: Policy, strict: bool) -> Self {
        Self {
            policy,
            strict,
            calls: BTreeMap::new(),
            other_calls: BTreeSet::new(),
            requested: BTreeMap::new(),
            refused: BTreeSet::new(),
            promises: BTreeMap::new(),
            may_be: BTreeMap::new(),
            ever: BTreeSet::new(),
            removed: BTreeSet::new(),
            running: BTreeMap::new(),
            fired: BTreeMap::new(),
            wake_up: None,
            extra: BTreeMap::new(),
            states: BTreeMap::new(),
            selected: BTreeMap::new(),
            dispatched: BTreeMap::new(),
            cleared: false,
            made_up_for: BTreeSet::new(),
            faulted: false,
            failed_removals: 0,
        }
    }

    pub fn running_events(&self) -> Vec<EventId> {
        self.running.keys().copied().collect()
    }

    pub fn register_called(&mut self, call: Call, key: Key, wish: Wish) {
        self.ever.insert(key.clone());
        let may_be = self.may_be.entry(key.clone()).or_default();
        // The same interval again does not begin anew.
        let same = |old: &Wish| {
            let same = old.interval_ms == wish.interval_ms && old.call != 0;
            key.0 == SyncApi::Periodic && same
        };
        if !may_be.last().is_some_and(same) {
            may_be.push(wish);
        }
        self.calls.insert(call, (key, wish));
    }

    pub fn other_called(&mut self, call: Call) {
        self.other_calls.insert(call);
    }

    pub fn dispatch_called(&mut self, call: Call, key: Key) {
        self.requested.insert(call, key);
    }

    pub fn set_extra(&mut self, origin: &Origin, extra: ExtraInterval, sun: u64) {
        // What limited nothing any more is forgotten, and a longer interval does not bring it back.
        let gap_ms = self.policy.periodic_gap_ms();
        self.fired.retain(|_, fired| sun - *fired < gap_ms);
        self.extra.insert(origin.clone(), extra);
    }

    pub fn crashed(&mut self, disk: &Disk) {
        self.calls.clear();
        self.other_calls.clear();
        // What the embedder asked for may be on its way, and is tried again.
        for key in std::mem::take(&mut self.requested).into_values() {
            self.may_be.entry(key).or_default().push(Wish::UNKNOWN);
        }
        self.running.clear();
        self.made_up_for.clear();
        self.extra = disk
            .origins
            .values()
            .map(|stored| (stored.origin.clone(), stored.extra))
            .collect();
        self.states.clear();
        self.selected.clear();
        // Of several, nobody knows which was written.
        let several = self.may_be.values_mut().filter(|wishes| wishes.len() > 1);
        several.flatten().for_each(|wish| wish.call = 0);
        // A removal may not have been written.
        for key in std::mem::take(&mut self.removed) {
            if repeats(disk, &key).is_some() {
                self.may_be.entry(key).or_default().push(Wish::UNKNOWN);
            }
        }
        if std::mem::take(&mut self.cleared) {
            self.wake_up = None;
        }
        if std::mem::take(&mut self.faulted) {
            self.forget_times();
        }
    }

    /// What was before nobody knows any more.
    pub fn forget_times(&mut self) {
        self.fired.clear();
        self.wake_up = None;
        let ever = self.ever.iter().cloned();
        self.may_be = ever.map(|key| (key, vec![Wish::UNKNOWN])).collect();
    }

    pub fn clear_origin(&mut self, origin: &Origin) {
        self.fired.remove(origin);
        self.cleared = true;
    }

    /// After each step: what a wake-up has selected must have been due.
    pub fn look(&mut self, list: impl Iterator<Item = RegistrationInfo>, sun: u64, disk: &Disk) {
        let mut states = BTreeMap::new();
        for info in list {
            let key = (info.api, info.scope, info.tag);
            let before = self.states.get(&key).copied();
            states.insert(key.clone(), info.state);
            if info.state != RegistrationState::Pending {
                self.selected.remove(&key);
            } else if !self.selected.contains_key(&key) {
                let requested = self.requested.values().any(|other| *other == key);
                let known = before.is_some() && repeats(disk, &key) == Some(true);
                let first = info.attempts == 0;
                if self.strict && known && first && !requested && !self.made_up_for.contains(&key) {
                    self.was_due(&key, sun);
                }
                self.selected.insert(key, sun);
            }
        }
        self.selected.retain(|key, _| states.contains_key(key));
        self.states = states;
    }

    fn was_due(&self, key: &Key, sun: u64) {
        let wishes = self.may_be.get(key).map_or(&[][..], Vec::as_slice);
        if wishes.iter().any(|wish| !wish.repeats) {
            return;
        }
        let origin = &key.1.origin;
        let extra = self.extra.get(origin).copied().unwrap_or_default();
        let least_ms = self.policy.periodic_interval_ms(extra);
        let least_ms = least_ms.expect("what is suspended is not selected");
        let over = |wish: &Wish| sun - wish.since >= wish.interval_ms.max(least_ms);
        let over = wishes.is_empty() || wishes.iter().any(over);
        assert!(over, "too early: {key:?} {wishes:?} {sun}");
        let last = self.fired.get(origin);
        let over = last.is_none_or(|last| sun - last >= least_ms);
        assert!(over, "too early for its origin: {key:?} {last:?} {sun}");
        let gap_ms = self.policy.periodic_gap_ms();
        let over = self.wake_up.is_none_or(|last| sun - last >= gap_ms);
        assert!(over, "wake-ups too close: {:?} {sun}", self.wake_up);
    }

    pub fn finished(&mut self, event: EventId, outcome: EventOutcome) {
        let Some(run) = self.running.remove(&event) else {
            return;
        };
        if run.orphaned {
            return;
        }
        if outcome == EventOutcome::NotStarted {
            // Nothing was fired.
            let may_be = self.may_be.entry(run.key.clone()).or_default();
            for old in run.before {
                let same = may_be.iter_mut().filter(|wish| wish.call == old.call);
                same.for_each(|wish| wish.since = old.since);
            }
            self.made_up_for.insert(run.key);
            return;
        }
        let Some(promise) = self.promises.get(&run.key) else {
            return;
        };
        let over = outcome == EventOutcome::Fulfilled || run.last_chance;
        if over && !run.repeats && run.data.is_none_or(|data| data >= promise.call) {
            self.promises.remove(&run.key);
        }
    }

    pub fn after_step(&self, now: Now, disk: &Disk, usage: Usage, in_flight: usize) {
        for (key, promise) in &self.promises {
            let held = holds(disk, key, promise.call);
            assert!(held, "a resolved promise is lost: {key:?} {promise:?}");
        }
        for record in disk.records.values() {
            if let Some(call) = data_of(record) {
                assert!(!self.refused.contains(&call), "what was refused is stored");
            }
        }
        for run in self.running.values() {
            let age_ms = now.mono.ms_since(run.started_at);
            assert!(age_ms <= self.policy.event_cap_ms, "past its cap: {run:?}");
        }
        let most = self.policy.max_registrations_in_all as usize + self.failed_removals;
        assert!(usage.registrations <= most);
        let embedder = self.requested.len() + self.other_calls.len();
        assert!(usage.embedder_calls <= embedder, "calls leak");
        assert_eq!(usage.store_operations, in_flight, "tickets leak");
        // Due, gate or worker; cap or permission; wake-up, clock, removals.
        let most = 3 * usage.registrations + usage.events + 3;
        assert!(usage.deadlines <= most, "deadlines leak: {usage:?}");
        assert!(usage.scopes <= usage.registrations);
        assert!(usage.remembered_origins <= 3, "origins leak");
    }

    /// What repeats stays, and has fired since this time; all else is over.
    pub fn at_the_end(&self, since: u64, disk: &Disk) {
        let calls = (
            self.calls.len(),
            self.other_calls.len(),
            self.requested.len(),
        );
        assert_eq!(calls, (0, 0, 0), "calls that were never answered");
        for (key, promise) in &self.promises {
            // What a crash kept from being answered may repeat instead.
            assert!(
                repeats(disk, key) == Some(true),
                "never kept: {key:?} {promise:?}"
            );
            let fired = self.dispatched.get(key);
            assert!(fired >= Some(&since), "never fires again: {key:?}");
        }
    }
}

fn data_of(record: &StoredRegistration) -> Option<u64> {
    match &record.kind {
        RegistrationKind::Explainer(explainer) => {
            Some(explainer.options.data.as_str().parse().unwrap())
        }
        _ => None,
    }
}

/// Whether the medium has what was asked for, or something newer.
fn holds(disk: &Disk, key: &Key, call: u64) -> bool {
    disk.records.values().any(|record| {
        let same = (record.kind.api(), &record.scope, &record.tag) == (key.0, &key.1, &key.2);
        same && data_of(record).is_none_or(|data| data >= call)
    })
}

fn record_repeats(record: &StoredRegistration) -> bool {
    match &record.kind {
        RegistrationKind::Explainer(explainer) => {
            explainer.options.recurrence == Recurrence::Repeating
        }
        _ => true,
    }
}

fn repeats(disk: &Disk, key: &Key) -> Option<bool> {
    let mut records = disk.records.values();
    let same = |record: &&StoredRegistration| {
        (record.kind.api(), &record.scope, &record.tag) == (key.0, &key.1, &key.2)
    };
    records.find(same).map(record_repeats)
}
