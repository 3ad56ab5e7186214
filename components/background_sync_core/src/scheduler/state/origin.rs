//! What is stored about origins because it must outlive their registrations.

use super::moment::Moment;
use crate::{ExtraInterval, Now};

/// What must outlive an origin's registrations.
#[derive(Clone, Copy, Debug, Default)]
pub struct OriginLimits {
    /// Its last event of something that repeats.
    pub fired: Option<Moment>,
    /// The last one that was part of a wake-up: only that is stored here.
    pub woke: Option<Moment>,
    pub extra: ExtraInterval,
}

impl OriginLimits {
    /// After a jump of the wall clock. Returns whether it is to be stored anew.
    pub fn rebase(&mut self, now: Now) -> bool {
        self.fired.iter_mut().for_each(|fired| {
            fired.rebase(now);
        });
        self.woke.as_mut().is_some_and(|woke| woke.rebase(now))
    }
}
