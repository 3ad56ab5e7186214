//! What must hold, whatever happens. Calls are known by their number, which the registrations of the
//! explainer carry as their data.

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
    forced: BTreeMap<Call, Key>,
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
    /// When a pass selected what was dispatched last in a wake-up, by the sun: of an origin, and of all.
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
            forced: BTreeMap::new(),
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
        self.forced.insert(call, key);
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
        for key in std::mem::take(&mut self.forced).into_values() {
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

    /// After each step: what a pass has selected must have been due.
    pub fn look(&mut self, list: impl Iterator<Item = RegistrationInfo>, sun: u64, disk: &Disk) {
        let mut states = BTreeMap::new();
        for info in list {
            let key = (info.api, info.scope, info.tag);
            let before = self.states.get(&key).copied();
            states.insert(key.clone(), info.state);
            if info.state != RegistrationState::Pending {
                self.selected.remove(&key);
            } else if !self.selected.contains_key(&key) {
                let forced = self.forced.values().any(|other| *other == key);
                let known = before.is_some() && repeats(disk, &key) == Some(true);
                let first = info.attempts == 0;
                if self.strict && known && first && !forced && !self.made_up_for.contains(&key) {
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

    pub fn output(&mut self, output: &Output, now: Now, sun: u64, online: bool, disk: &Disk) {
        match output {
            Output::Answer { call, answer } => self.answered(*call, answer, disk),
            Output::Dispatch {
                event,
                registration,
                scope,
                tag,
                kind,
                last_chance,
                attempt,
            } => {
                let data = match kind {
                    EventKind::Explainer { data } => Some(data.as_str().parse().unwrap()),
                    _ => None,
                };
                let api = data.map_or(SyncApi::Periodic, |_| SyncApi::Explainer);
                let run = Running {
                    key: (api, scope.clone(), tag.clone()),
                    registration: *registration,
                    data,
                    repeats: record_repeats(&disk.records[registration]),
                    last_chance: *last_chance,
                    started_at: now.mono,
                    orphaned: false,
                    before: Vec::new(),
                };
                self.dispatched(*event, run, *attempt, sun, online, disk);
            }
            Output::Terminate { event, .. } => self.finished(*event, EventOutcome::TimedOut),
            // The other one goes on; which it is nobody knows.
            Output::Notify(SyncNotification::Removed {
                api,
                scope,
                tag,
                reason: RemovalReason::StoredTwice,
            }) => {
                let key = (*api, scope.clone(), tag.clone());
                self.may_be.insert(key, vec![Wish::UNKNOWN]);
            }
            Output::Notify(SyncNotification::Removed {
                api, scope, tag, ..
            }) => {
                let key = (*api, scope.clone(), tag.clone());
                self.promises.remove(&key);
                self.may_be.remove(&key);
                self.removed.insert(key.clone());
                self.made_up_for.remove(&key);
                // Whoever is answered later is answered for something that is gone.
                let calls = self.calls.values_mut();
                calls
                    .filter(|(other, _)| *other == key)
                    .for_each(|(_, wish)| wish.call = 0);
                let running = self.running.values_mut();
                running
                    .filter(|run| run.key == key)
                    .for_each(|run| run.orphaned = true);
            }
            _ => {}
        }
    }

    fn answered(&mut self, call: Call, answer: &Answer, disk: &Disk) {
        match answer {
            Answer::Dispatched(_) => {
                assert!(self.forced.remove(&call).is_some(), "answered twice");
            }
            Answer::Registered(result) => {
                let (key, wish) = self.calls.remove(&call).expect("answered once");
                match result {
                    Ok(()) if wish.call == 0 => {}
                    Ok(()) => {
                        assert!(holds(disk, &key, wish.call), "resolved too early: {key:?}");
                        // A newer one may be on its way, and an older one is over.
                        let may_be = self.may_be.entry(key.clone()).or_default();
                        if may_be.iter().any(|other| other.call == wish.call) {
                            let unknown = |old: &Wish| key.0 == SyncApi::Periodic && old.call == 0;
                            may_be.retain(|old| old.call >= wish.call || unknown(old));
                        }
                        self.promises.insert(key, wish);
                    }
                    Err(_) => {
                        self.refused.insert(call.0);
                        if let Some(may_be) = self.may_be.get_mut(&key) {
                            may_be.retain(|other| other.call != call.0);
                        }
                    }
                }
            }
            _ => assert!(self.other_calls.remove(&call), "answered twice"),
        }
    }

    fn dispatched(
        &mut self,
        event: EventId,
        mut run: Running,
        attempt: u32,
        sun: u64,
        online: bool,
        disk: &Disk,
    ) {
        let stored = &disk.records[&run.registration];
        assert_eq!(stored.state, RegistrationState::Firing, "recorded before");
        assert!(stored.attempts >= attempt, "recorded before");
        let forced = self.forced.values().any(|key| *key == run.key);
        assert!(online || forced, "fires only when online");
        let twice = |other: &Running| other.registration == run.registration;
        assert!(!self.running.values().any(twice), "two events at once");
        if let Some(data) = run.data {
            assert!(!self.refused.contains(&data), "what was refused fires");
            let promise = self.promises.get(&run.key);
            assert!(
                promise.is_none_or(|promise| promise.call <= data),
                "older than what was resolved: {promise:?} {data}"
            );
        }
        if attempt == 1 {
            run.before = self.may_be.get(&run.key).cloned().unwrap_or_default();
            self.first_attempt(&run.key, run.repeats, forced, sun);
        }
        self.dispatched.insert(run.key.clone(), sun);
        let of_origin = |other: &&Running| other.key.1.origin == run.key.1.origin;
        let most = self.policy.max_events_per_origin.get() as usize;
        let others = self.running.values().filter(of_origin).count();
        assert!(
            forced || others < most + self.forced.len(),
            "too many events"
        );
        self.running.insert(event, run);
    }

    fn first_attempt(&mut self, key: &Key, repeats: bool, forced: bool, sun: u64) {
        let origin = key.1.origin.clone();
        let made_up_for = self.made_up_for.remove(key);
        let selected_at = self.selected.get(key).copied();
        let extra = self.extra.get(&origin).copied().unwrap_or_default();
        if !repeats {
            let wishes = self.may_be.get(key).map_or(&[][..], Vec::as_slice);
            let over = |wish: &Wish| wish.repeats || sun - wish.since >= wish.interval_ms;
            let over = wishes.is_empty() || wishes.iter().any(over);
            assert!(
                !self.strict || forced || over,
                "too early: {key:?} {wishes:?}"
            );
            return;
        }
        if !forced && !made_up_for {
            assert!(
                extra != ExtraInterval::Never,
                "suspended, and fires: {key:?}"
            );
        }
        let since = selected_at.unwrap_or(sun);
        if let Some(wishes) = self.may_be.get_mut(key) {
            wishes
                .iter_mut()
                .for_each(|wish| wish.since = wish.since.max(since));
        }
        // What the embedder asks for is no wake-up; the unit tests say what it is.
        if !forced && !made_up_for {
            self.fired.insert(origin, since);
            self.wake_up = self.wake_up.max(Some(since));
        }
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
        let embedder = self.forced.len() + self.other_calls.len();
        assert!(usage.embedder_calls <= embedder, "calls leak");
        assert_eq!(usage.store_operations, in_flight, "tickets leak");
        // Due, gate or worker; cap or permission; pass, clock, removals.
        let most = 3 * usage.registrations + usage.events + 3;
        assert!(usage.deadlines <= most, "deadlines leak: {usage:?}");
        assert!(usage.scopes <= usage.registrations);
        assert!(usage.remembered_origins <= 3, "origins leak");
    }

    /// What repeats stays, and has fired since this time; all else is over.
    pub fn at_the_end(&self, since: u64, disk: &Disk) {
        let calls = (self.calls.len(), self.other_calls.len(), self.forced.len());
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
