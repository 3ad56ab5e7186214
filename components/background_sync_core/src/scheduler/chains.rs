//! Chains: events that a service worker brings about by itself, by registering from its events or after them.
//!
//! The specification lets a handler register its own tag again, and fires it at once. Left at that, a worker runs for
//! ever without a page, and calls a server as fast as it can. So the events of a chain are counted: the first few fire
//! at once, the others back off as failures do. What a client asks for begins a new chain.

use std::collections::{HashMap, VecDeque};

use super::SyncScheduler;
use super::fire::Phase;
use super::registration::{Due, RegKey};
use crate::{Caller, MonoTime, Now, RegistrationState, ScopeKey};

/// How many events, each registered by the worker in the one before or after it, have led to this one. Not stored: a
/// restart begins new chains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ChainDepth(u16);

impl ChainDepth {
    /// Of what a client registers, or the user agent fires by itself.
    pub const NONE: Self = Self(0);

    pub fn get(self) -> u32 {
        u32::from(self.0)
    }

    fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The events of service worker registrations that have ended a short while ago.
#[derive(Debug, Default)]
pub(super) struct Chains {
    pub ended: HashMap<ScopeKey, Vec<Ended>>,
    /// Each of these once, with when to look whether it can be forgotten.
    look_at: VecDeque<(MonoTime, ScopeKey)>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    depth: ChainDepth,
    /// Remembered until then.
    until: MonoTime,
}

impl Chains {
    fn remember(&mut self, now: Now, scope: &ScopeKey, depth: ChainDepth, memory_ms: u64) {
        self.forget_old(now, memory_ms);
        let until = now.mono.after_ms(memory_ms);
        let ended = match self.ended.get_mut(scope) {
            Some(ended) => ended,
            None => {
                self.look_at.push_back((until, scope.clone()));
                self.ended.entry(scope.clone()).or_default()
            }
        };
        // Only the deepest counts, so that a later one stands for all before it that are no deeper.
        while ended.last().is_some_and(|earlier| earlier.depth <= depth) {
            ended.pop();
        }
        ended.push(Ended { depth, until });
    }

    fn deepest(&self, now: Now, scope: &ScopeKey) -> Option<ChainDepth> {
        let ended = self.ended.get(scope)?.iter();
        let recent = ended.filter(|ended| ended.until > now.mono);
        recent.map(|ended| ended.depth).max()
    }

    /// A client has asked for something: what follows is because of that.
    fn begin_anew(&mut self, scope: &ScopeKey) {
        if let Some(ended) = self.ended.get_mut(scope) {
            ended.clear();
        }
    }

    /// Needs no timer: nothing is added but here, and what is too old does not count.
    fn forget_old(&mut self, now: Now, memory_ms: u64) {
        while let Some((_, scope)) = self.look_at.pop_front_if(|(at, _)| *at <= now.mono) {
            let Some(ended) = self.ended.get_mut(&scope) else {
                continue;
            };
            ended.retain(|ended| ended.until > now.mono);
            if ended.is_empty() {
                self.ended.remove(&scope);
            } else {
                self.look_at
                    .push_back((now.mono.after_ms(memory_ms), scope));
            }
        }
    }

    /// Leaves no trace of these.
    pub fn clear(&mut self, chosen: impl Fn(&ScopeKey) -> bool) {
        self.ended.retain(|scope, _| !chosen(scope));
        self.look_at.retain(|(_, scope)| !chosen(scope));
    }
}

/// What a registration waits for that would have fired anyway.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    depth: ChainDepth,
    state: RegistrationState,
    attempts: u32,
    due: Option<Due>,
}

impl SyncScheduler {
    /// How deep in a chain an event is that this caller asks for now. `found`: what it registers again.
    ///
    /// Nobody knows which of a worker's events makes a call. Of those that run it counts for the least deep one, so that
    /// all that one event registers is beside each other, although the first of it runs already: while an event runs,
    /// its worker can call servers as it likes anyway, up to the cap. But what an event registers again of itself comes
    /// after it.
    pub(super) fn chain_depth(
        &mut self,
        now: Now,
        scope: &ScopeKey,
        caller: Caller,
        found: Option<RegKey>,
    ) -> ChainDepth {
        if caller.speaks_for_client() {
            self.chains.begin_anew(scope);
            return ChainDepth::NONE;
        }
        let mut least = None;
        let mut own = None;
        for event in self.events.values().filter(|event| event.scope == *scope) {
            if let Phase::Running { depth, .. } = event.phase {
                least = Some(least.unwrap_or(depth).min(depth));
                if Some(event.key) == found {
                    own = Some(depth);
                }
            }
        }
        let before = least.or_else(|| self.chains.deepest(now, scope)).max(own);
        before.map_or(ChainDepth::NONE, ChainDepth::next)
    }

    /// An event of a chain is over: what its worker registers in the next moments may be because of it.
    pub(super) fn remember_in_chain(&mut self, now: Now, scope: &ScopeKey, depth: ChainDepth) {
        let memory_ms = self.policy.chain_memory_ms;
        self.chains.remember(now, scope, depth, memory_ms);
    }

    /// How long an event waits for its place in a chain, in milliseconds.
    pub(super) fn chain_wait_ms(&mut self, depth: ChainDepth) -> u64 {
        let delay_ms = self.policy.chain_delay_ms(depth.get());
        self.with_jitter_ms(delay_ms)
    }

    /// What a worker that replaces this by itself must not evade: it fires no sooner than it would have, and no
    /// attempt is forgotten. `None`: it asks for an event of its own.
    pub(super) fn standing(&self, key: RegKey) -> Option<Standing> {
        let registration = self.tables.get(key)?;
        let fires_anyway = match registration.state {
            RegistrationState::Pending => true,
            // Before the first attempt, it waits because the worker wanted that.
            RegistrationState::Waiting => registration.attempts > 0,
            RegistrationState::Firing | RegistrationState::ReregisteredWhileFiring => false,
        };
        let standing = Standing {
            depth: registration.depth,
            state: registration.state,
            attempts: registration.attempts,
            due: registration.due.as_deref().copied(),
        };
        (fires_anyway && registration.kind.cycle().is_none()).then_some(standing)
    }

    /// Goes on waiting, for the first event of what it is now as well.
    pub(super) fn keep_standing(&mut self, now: Now, key: RegKey, standing: Standing) {
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        if registration.kind.cycle().is_some() {
            return self.wait_for_interval(key);
        }
        registration.depth = standing.depth;
        registration.state = standing.state;
        registration.attempts = standing.attempts;
        let first_ms = registration.kind.first_delay_ms();
        let left_ms = standing.due.map_or(0, |due| due.at.ms_since(now.mono));
        if first_ms > left_ms {
            registration.state = RegistrationState::Waiting;
            self.wait_until(now, key, first_ms);
        } else {
            self.set_due(key, standing.due);
        }
    }
}
