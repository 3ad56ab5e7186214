//! Store operations that are not answered yet.

use super::registration::RegKey;
use super::rollback::Rollback;
use crate::{Call, EventId, Origin, RegistrationId, ScopeKey, SyncApi};

/// Who waits for a store operation.
#[derive(Debug)]
pub enum Waiter {
    Register {
        call: Call,
        duplicate: bool,
    },
    GetTags {
        call: Call,
        api: SyncApi,
        scope: ScopeKey,
    },
    Unregister {
        call: Call,
    },
    Removal {
        call: Call,
    },
}

/// What a store operation is for.
#[derive(Debug)]
pub struct TicketUse {
    pub purpose: Purpose,
    pub waiters: Vec<Waiter>,
}

#[derive(Debug)]
pub enum Purpose {
    /// A registration's first or next state. `event`: it records the attempt of this event.
    /// `rollback`: what it is then, if something else was to replace it and is refused.
    Put {
        key: RegKey,
        event: Option<EventId>,
        rollback: Option<Box<Rollback>>,
    },
    Remove(RegistrationId),
    Origin(Origin),
}
