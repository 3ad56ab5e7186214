//! Deadlines of registrations.

use crate::{MonoTime, WallTime};

/// When a registration that may not fire yet may.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    pub at: MonoTime,
    /// The same for the store.
    pub at_wall: WallTime,
    /// When it began to wait.
    pub since: MonoTime,
}
