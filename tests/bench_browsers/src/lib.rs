//! Drives the kiosk and Chromium alike, for benchmarks that have both do the same.

pub mod browser;
pub mod chromium;
pub mod kiosk;
pub mod processes;
pub mod protocol;
pub mod server;
pub mod table;
