//! The only place that reads a clock, and what wakes the manager when something is due.

pub(crate) mod alarm;
pub(crate) mod clock;
