//! One registration in memory, and its keys.

use super::due::Due;
use super::event_chain::ChainDepth;
use super::kind::Kind;
use crate::{Call, EventId, MonoTime, RegistrationId, RegistrationState, Tag, Ticket, WallTime};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeIndex(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OriginIndex(pub u32);

/// Finds a registration. Never reused, because the id is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegKey {
    pub scope: ScopeIndex,
    pub id: RegistrationId,
}

impl RegKey {
    /// None comes after it.
    pub const LAST: Self = Self {
        scope: ScopeIndex(u32::MAX),
        id: RegistrationId(u64::MAX),
    };
}

/// Holds an event back until the promises of these calls are resolved.
#[derive(Debug, Default)]
pub struct Gate {
    pub calls: Vec<GatedCall>,
    /// The earliest deadline of a call.
    pub deadline: Option<MonoTime>,
}

#[derive(Debug)]
pub struct GatedCall {
    pub call: Call,
    /// From its answer on: until when it is waited for.
    pub deadline: Option<MonoTime>,
}

/// Whether the store knows a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existence {
    /// It does not yet. `stale`: what it is being told is outdated.
    Inserting { stale: bool },
    /// It does.
    Durable,
}

#[derive(Debug)]
pub struct Registration {
    pub kind: Kind,
    pub tag: Tag,
    pub state: RegistrationState,
    pub existence: Existence,
    /// Attempts that were dispatched.
    pub attempts: u32,
    pub interruptions: u32,
    /// Of its next event, or of the one that runs.
    pub depth: ChainDepth,
    pub registered_at: WallTime,
    /// Boxed, because few have one at a time.
    pub due: Option<Box<Due>>,
    /// Its event, preparing or running.
    pub event: Option<EventId>,
    pub gate: Option<Box<Gate>>,
    /// The store operation that a `register()` call for this registration must wait for.
    pub ticket: Option<Ticket>,
}

impl Registration {
    /// One that was just asked for.
    pub fn new(kind: Kind, tag: Tag, registered_at: WallTime) -> Self {
        Self {
            kind,
            tag,
            state: RegistrationState::Pending,
            existence: Existence::Inserting { stale: false },
            attempts: 0,
            interruptions: 0,
            depth: ChainDepth::NONE,
            registered_at,
            due: None,
            event: None,
            gate: None,
            ticket: None,
        }
    }

    pub fn is_pending(&self) -> bool {
        self.state == RegistrationState::Pending
    }

    /// An attempt of it has failed, and it waits for the next one.
    pub fn waits_for_retry(&self) -> bool {
        self.state == RegistrationState::Waiting && self.attempts > 0
    }

    pub fn is_durable(&self) -> bool {
        self.existence == Existence::Durable
    }
}
