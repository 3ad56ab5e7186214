//! A chain never fires more often than the policy allows: the depths again, from calls and events alone. Where
//! something is not known from outside, the least that it can be.

use std::collections::BTreeMap;

use background_sync_core::*;

use super::Key;
use crate::parts::Disk;

/// What a registration is to fire next.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted {
    depth: u32,
    /// Its first attempt does not come before this.
    not_before: MonoTime,
}

struct Running {
    key: Key,
    depth: u32,
    /// Its registration is gone: what has its name now is another one.
    is_orphan: bool,
}

pub struct EventChains {
    policy: Policy,
    /// An entry for each registration, but for those whose event runs and that were not registered again.
    wanted: BTreeMap<Key, Wanted>,
    running: BTreeMap<EventId, Running>,
    ended: BTreeMap<ScopeKey, Vec<(MonoTime, u32)>>,
}

impl EventChains {
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            wanted: BTreeMap::new(),
            running: BTreeMap::new(),
            ended: BTreeMap::new(),
        }
    }

    /// A call that only the store can still refuse.
    pub fn registered(&mut self, key: &Key, caller: Caller, now: Now) {
        let depth = if caller.speaks_for_client() {
            self.ended.remove(&key.0);
            0
        } else {
            self.depth_of_worker(key, now)
        };
        let runs = self.runs(key);
        match self.wanted.get_mut(key) {
            Some(wanted) if runs => wanted.depth = wanted.depth.min(depth),
            Some(_) if !caller.speaks_for_client() => {}
            _ => {
                let not_before = now.mono.after_ms(self.least_ms(depth));
                self.wanted
                    .insert(key.clone(), Wanted { depth, not_before });
            }
        }
    }

    fn runs(&self, key: &Key) -> bool {
        self.running
            .values()
            .any(|running| running.key == *key && !running.is_orphan)
    }

    fn depth_of_worker(&self, key: &Key, now: Now) -> u32 {
        let of_scope = |running: &&Running| running.key.0 == key.0;
        let running: Vec<_> = self.running.values().filter(of_scope).collect();
        let own = running
            .iter()
            .filter(|running| running.key == *key && !running.is_orphan);
        let ended = self.ended.get(&key.0).into_iter().flatten();
        let memory_ms = self.policy.chain_memory_ms;
        let recent = ended.filter(|(at, _)| now.mono < at.after_ms(memory_ms));
        let before = running
            .iter()
            .map(|running| running.depth)
            .min()
            .or(recent.map(|(_, depth)| *depth).max())
            .max(own.map(|running| running.depth).max());
        before.map_or(0, |depth| depth + 1)
    }

    /// Without jitter that makes it longer.
    fn least_ms(&self, depth: u32) -> u64 {
        let delay_ms = self.policy.chain_delay_ms(depth);
        delay_ms - self.policy.jitter_ms(delay_ms)
    }

    /// A call that the store refused: nobody knows what there is now.
    pub fn refused(&mut self, key: &Key) {
        self.wanted.insert(key.clone(), Wanted::default());
    }

    pub fn dispatched(
        &mut self,
        event: EventId,
        key: &Key,
        attempt: u32,
        requested: bool,
        now: Now,
    ) {
        let wanted = self.wanted.remove(key).unwrap_or_default();
        assert!(
            requested || attempt > 1 || now.mono >= wanted.not_before,
            "a chain fires too often: {key:?} {wanted:?}"
        );
        let running = Running {
            key: key.clone(),
            depth: wanted.depth,
            is_orphan: false,
        };
        self.running.insert(event, running);
    }

    /// `is_over`: the registration goes with the event, unless it was registered again.
    pub fn finished(&mut self, event: EventId, outcome: EventOutcome, is_over: bool, now: Now) {
        let Some(running) = self.running.remove(&event) else {
            return;
        };
        let Running { key, depth, .. } = running;
        if outcome != EventOutcome::NotStarted {
            let ended = self.ended.entry(key.0.clone()).or_default();
            ended.push((now.mono, depth));
        }
        if running.is_orphan {
            return;
        }
        if let Some(again) = self.wanted.get(&key) {
            let not_before = now.mono.after_ms(self.least_ms(again.depth));
            let depth = again.depth;
            self.wanted.insert(key, Wanted { depth, not_before });
        } else if !is_over {
            let not_before = MonoTime(0);
            self.wanted.insert(key, Wanted { depth, not_before });
        }
    }

    pub fn removed(&mut self, key: &Key) {
        self.wanted.remove(key);
        let of_key = self.running.values_mut().filter(|run| run.key == *key);
        of_key.for_each(|running| running.is_orphan = true);
    }

    /// No trace is left of what has ended.
    pub fn cleared(&mut self, origin: &Origin) {
        self.ended.retain(|scope, _| scope.origin != *origin);
    }

    /// A restart begins new chains.
    pub fn crashed(&mut self, disk: &Disk) {
        self.running.clear();
        self.ended.clear();
        let stored = disk.records.values();
        self.wanted = stored
            .map(|record| {
                let key = (record.scope.clone(), record.tag.clone());
                (key, Wanted::default())
            })
            .collect();
    }
}
