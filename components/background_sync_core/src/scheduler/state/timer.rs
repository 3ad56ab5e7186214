//! What is to be done at a given time.

use super::registration::RegKey;
use crate::EventId;

/// A point in time at which something is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A registration is due: a retry, or a first attempt that was spread.
    Due(RegKey),
    /// Its page has not said that the promise is resolved.
    Gate(RegKey),
    /// An event passed its execution cap.
    Cap(EventId),
    /// Nobody has said whether an event has the permission.
    Permission(EventId),
    /// There is no worker for what the embedder asked for.
    Worker(RegKey),
    /// Removals that the store failed to do are tried again.
    Removals,
    /// A wake-up for periodic events.
    WakeUp,
    /// The wall clock was wrong.
    Clock,
    /// Free slots are given to what did not get the first one.
    Slots,
    /// The timeline is to be told what got no slot.
    NoSlot,
}
