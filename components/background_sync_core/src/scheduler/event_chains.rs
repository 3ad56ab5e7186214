//! Chains of events that a service worker brings about on its own, by registering in its events or after them.
//!
//! The specification lets a handler register its own tag again, and fires it at once. Without a limit, a worker could run
//! forever without a page, and call a server as fast as it can. So the events of a chain are counted: the first few fire
//! at once, and the others back off as failures do. What a client asks for begins a new chain.

use super::SyncScheduler;
use super::state::{ChainDepth, EarlierWait, Phase, RegKey};
use crate::{Caller, Now, RegistrationState, ScopeKey};

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
            self.event_chains.begin_anew(scope);
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
        let before = least
            .or_else(|| self.event_chains.deepest(now, scope))
            .max(own);
        before.map_or(ChainDepth::NONE, ChainDepth::next)
    }

    /// An event of a chain is over: what its worker registers in the next moments may be because of it.
    pub(super) fn remember_in_chain(&mut self, now: Now, scope: &ScopeKey, depth: ChainDepth) {
        let memory_ms = self.policy.chain_memory_ms;
        self.event_chains.remember(now, scope, depth, memory_ms);
    }

    /// How long an event waits for its place in a chain, in milliseconds.
    pub(super) fn chain_wait_ms(&mut self, depth: ChainDepth) -> u64 {
        let delay_ms = self.policy.chain_delay_ms(depth.get());
        self.with_jitter_ms(delay_ms)
    }

    /// What a worker that replaces this by itself must not evade: it fires no sooner than it would have, and no
    /// attempt is forgotten. `None`: it asks for an event of its own.
    pub(super) fn earlier_wait(&self, key: RegKey) -> Option<EarlierWait> {
        let registration = self.tables.get(key)?;
        let fires_anyway = match registration.state {
            RegistrationState::Pending => true,
            // Before the first attempt, it waits because the worker wanted that.
            RegistrationState::Waiting => registration.attempts > 0,
            RegistrationState::Firing | RegistrationState::ReregisteredWhileFiring => false,
        };
        let earlier_wait = EarlierWait {
            depth: registration.depth,
            state: registration.state,
            attempts: registration.attempts,
            due: registration.due,
        };
        (fires_anyway && registration.kind.cycle().is_none()).then_some(earlier_wait)
    }

    /// Goes on waiting, for the first event of what it is now as well.
    pub(super) fn keep_earlier_wait(&mut self, now: Now, key: RegKey, earlier_wait: EarlierWait) {
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        if registration.kind.cycle().is_some() {
            return self.wait_for_interval(key);
        }
        registration.depth = earlier_wait.depth;
        registration.state = earlier_wait.state;
        registration.attempts = earlier_wait.attempts;
        let first_ms = registration.kind.first_delay_ms();
        let left_ms = earlier_wait.due.map_or(0, |due| due.at.ms_since(now.mono));
        if first_ms > left_ms {
            registration.state = RegistrationState::Waiting;
            self.wait_until(now, key, first_ms);
        } else {
            self.set_due(key, earlier_wait.due);
        }
    }
}
