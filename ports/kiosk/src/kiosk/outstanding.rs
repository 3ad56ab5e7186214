//! How many sync registrations there are.

use crate::browser::background_sync::{NextStep, SyncNotice};

/// Sync registrations that still have something to do.
#[derive(Default)]
pub struct Outstanding(u64);

impl Outstanding {
    /// Counts what the engine tells.
    pub fn note(&mut self, notice: &SyncNotice) {
        self.0 = match notice {
            SyncNotice::Restored { count } => self.0 + count,
            SyncNotice::Registered {
                duplicate: false, ..
            } => self.0 + 1,
            SyncNotice::Finished {
                next: NextStep::Removed,
                ..
            }
            | SyncNotice::Removed { .. } => self.0.saturating_sub(1),
            _ => self.0,
        };
    }

    /// So many.
    pub fn count(&self) -> u64 {
        self.0
    }
}
