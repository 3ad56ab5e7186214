//! Which events a service worker has brought about on its own.

use std::collections::{HashMap, VecDeque};

use super::due::Due;
use crate::{MonoTime, Now, RegistrationState, ScopeKey};

/// How many events, each registered by the worker in the one before or after it, have led to this one. Not stored: a
/// restart begins new chains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChainDepth(u16);

impl ChainDepth {
    /// Of what a client registers, or the user agent fires by itself.
    pub const NONE: Self = Self(0);

    pub fn get(self) -> u32 {
        u32::from(self.0)
    }

    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The events of service worker registrations that have ended a short while ago.
#[derive(Debug, Default)]
pub struct EventChains {
    pub ended: HashMap<ScopeKey, Vec<Ended>>,
    /// Each of these once, with when to look whether it can be forgotten.
    look_at: VecDeque<(MonoTime, ScopeKey)>,
}

#[derive(Clone, Copy, Debug)]
pub struct Ended {
    depth: ChainDepth,
    /// Remembered until then.
    until: MonoTime,
}

impl EventChains {
    pub fn remember(&mut self, now: Now, scope: &ScopeKey, depth: ChainDepth, memory_ms: u64) {
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

    pub fn deepest(&self, now: Now, scope: &ScopeKey) -> Option<ChainDepth> {
        let ended = self.ended.get(scope)?.iter();
        let recent = ended.filter(|ended| ended.until > now.mono);
        recent.map(|ended| ended.depth).max()
    }

    /// A client has asked for something: what follows is because of that.
    pub fn begin_anew(&mut self, scope: &ScopeKey) {
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
pub struct EarlierWait {
    pub depth: ChainDepth,
    pub state: RegistrationState,
    pub attempts: u32,
    pub due: Option<Due>,
}
