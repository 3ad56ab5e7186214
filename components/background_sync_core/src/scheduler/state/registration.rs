//! One registration in memory, and its keys.

use std::ops::{Deref, DerefMut};

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

/// A [`RegKey`] in the order of registration. Its id is in halves: then it takes 12 bytes instead of 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadyKey {
    id: [u32; 2],
    scope: ScopeIndex,
}

impl From<RegKey> for ReadyKey {
    fn from(RegKey { scope, id }: RegKey) -> Self {
        let id = [(id.0 >> 32) as u32, id.0 as u32];
        Self { id, scope }
    }
}

impl From<ReadyKey> for RegKey {
    fn from(ReadyKey { id, scope }: ReadyKey) -> Self {
        let [high, low] = id.map(u64::from);
        let id = RegistrationId((high << 32) | low);
        Self { scope, id }
    }
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

/// Of most of thousands, only this is known: they are stored, and wait for the network. What else there is to say of one is in
/// a box, which looks like a part of it.
#[derive(Debug)]
pub struct Registration {
    pub tag: Tag,
    pub registered_at: WallTime,
    /// None if it would be [`Progress::AT_REST`].
    progress: Option<Box<Progress>>,
}

/// What a registration is, and how far it has got.
#[derive(Debug)]
pub struct Progress {
    pub kind: Kind,
    pub state: RegistrationState,
    pub existence: Existence,
    /// Attempts that were dispatched.
    pub attempts: u32,
    pub interruptions: u32,
    /// Of its next event, or of the one that runs.
    pub depth: ChainDepth,
    pub due: Option<Due>,
    /// Its event, preparing or running.
    pub event: Option<EventId>,
    /// Boxed, because few have one at a time.
    pub gate: Option<Box<Gate>>,
    /// The store operation that a `register()` call for this registration must wait for.
    pub ticket: Option<Ticket>,
}

impl Progress {
    /// Of a one-shot registration that is stored and has not fired yet.
    const AT_REST: Self = Self {
        kind: Kind::OneShot,
        state: RegistrationState::Pending,
        existence: Existence::Durable,
        attempts: 0,
        interruptions: 0,
        depth: ChainDepth::NONE,
        due: None,
        event: None,
        gate: None,
        ticket: None,
    };

    fn is_at_rest(&self) -> bool {
        let Self {
            kind,
            state,
            existence,
            attempts,
            interruptions,
            depth,
            due,
            event,
            gate,
            ticket,
        } = self;
        matches!(kind, Kind::OneShot)
            && *state == RegistrationState::Pending
            && *existence == Existence::Durable
            && (*attempts, *interruptions, *depth) == (0, 0, ChainDepth::NONE)
            && due.is_none()
            && event.is_none()
            && gate.is_none()
            && ticket.is_none()
    }
}

static AT_REST: Progress = Progress::AT_REST;

impl Deref for Registration {
    type Target = Progress;

    fn deref(&self) -> &Progress {
        self.progress.as_deref().unwrap_or(&AT_REST)
    }
}

impl DerefMut for Registration {
    fn deref_mut(&mut self) -> &mut Progress {
        self.progress
            .get_or_insert_with(|| Box::new(Progress::AT_REST))
    }
}

impl Registration {
    /// One that was just asked for.
    pub fn new(kind: Kind, tag: Tag, registered_at: WallTime) -> Self {
        let progress = Progress {
            kind,
            existence: Existence::Inserting { stale: false },
            ..Progress::AT_REST
        };
        Self {
            tag,
            registered_at,
            progress: Some(Box::new(progress)),
        }
    }

    /// Gives the box back if it rests.
    pub fn pack(&mut self) {
        self.progress.take_if(|progress| progress.is_at_rest());
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
