//! The manager's thread, driven from outside as an engine and its pages do. Every wait has a
//! deadline; nothing sleeps.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod barrier;
mod blocked;
mod chains;
mod embedder;
mod embedder_apis;
mod explainer;
mod hostile;
mod lifecycle;
mod messages;
#[cfg(unix)]
mod opening;
mod order;
mod periodic;
mod relaxed;
mod support;
mod time;
mod workers;
