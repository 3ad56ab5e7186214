//! The manager's thread, driven from outside as an engine and its pages do. Every wait has a
//! deadline; nothing sleeps.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod barrier;
mod blocked;
mod embedder;
mod embedder_apis;
mod explainer;
mod flooded;
mod follow_ups;
mod hostile;
mod lifecycle;
mod messages;
mod order;
mod periodic;
mod relaxed;
#[cfg(unix)]
mod reopen;
mod store_thread;
mod support;
mod time;
mod workers;
