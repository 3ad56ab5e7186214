//! Calls of the embedder that are not answered yet.

use super::due::Due;
use crate::{Call, MonoTime, RegistrationState, StoreFault};

/// A registration whose next event somebody waits for.
#[derive(Debug, Default)]
pub struct DispatchRequest {
    pub calls: Vec<Call>,
    /// What it waited for: it goes back to that if its event can't be fired.
    pub before: Option<WaitBefore>,
    pub worker: WorkerWait,
}

/// Whether there was no worker.
#[derive(Clone, Copy, Debug, Default)]
pub enum WorkerWait {
    /// Nobody knows yet.
    #[default]
    NotYet,
    /// There was none. It waits for one until then.
    Until(MonoTime),
    /// It has waited, and tries again.
    Over,
}

#[derive(Clone, Copy, Debug)]
pub struct WaitBefore {
    pub state: RegistrationState,
    pub due: Due,
}

/// What a call to remove registrations waits for.
#[derive(Debug)]
pub struct Removal {
    pub outstanding: u64,
    pub removed: u64,
    pub fault: Option<StoreFault>,
}
