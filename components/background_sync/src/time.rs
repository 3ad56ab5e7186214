//! The only place that reads a clock, and the alarm that wakes the manager when something is due.

pub(crate) mod alarm;
pub(crate) mod clock;
