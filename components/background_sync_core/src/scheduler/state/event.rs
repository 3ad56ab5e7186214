//! Events that are preparing or running.

use super::event_chain::ChainDepth;
use super::registration::{OriginIndex, RegKey};
use crate::{MonoTime, ScopeKey};

#[derive(Debug)]
pub struct Event {
    pub key: RegKey,
    /// Whose slot it holds.
    pub origin: OriginIndex,
    pub scope: ScopeKey,
    pub phase: Phase,
    /// Its worker was ended because another event has passed its cap.
    pub is_bystander: bool,
}

#[derive(Debug)]
pub enum Phase {
    Preparing {
        attempt_is_durable: bool,
        permission: PermissionState,
    },
    Running {
        cap: MonoTime,
        attempt: u32,
        last_chance: bool,
        depth: ChainDepth,
    },
}

/// Whether an event may fire, as far as its origin's permission goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionState {
    /// By the answer, or by the `register()` call that is the reason for this event, just now.
    Granted,
    /// The embedder is being asked.
    Asked {
        /// How long its answer is waited for.
        until: MonoTime,
    },
}
