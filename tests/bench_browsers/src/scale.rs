//! How much is done.

/// Calls that are made at once.
pub const AT_ONCE: usize = 500;
/// Tags of one step of the growth.
pub const STEP: usize = 1_000;
/// Steps of the growth.
pub const STEPS: usize = 8;
