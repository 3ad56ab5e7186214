//! The Background Sync state machine. It has no clock, does no I/O and starts no thread: events and
//! the time come in as arguments of `handle_*`, decisions go out through `poll_*`.
//!
//! Specification: <https://wicg.github.io/background-sync/spec/>.

mod types;

pub use types::*;
