//! What the end-to-end tests share: a kiosk under control, and a web server that does as it is told.
//!
//! Every wait ends with an event or with a deadline; nothing sleeps but a power cut, which keeps to no event.

pub mod day;
pub mod debian;
pub mod desktop;
pub mod display;
pub mod guide;
mod kiosk;
pub mod listening;
pub mod metrics;
mod namespace;
pub mod notifications;
mod npm;
pub mod operator;
pub mod power_cut;
mod server;
pub mod session_bus;
mod site;
pub mod syncs_page;
pub mod systemd;

use std::time::Duration;

/// The guide for engine integrators: its code is run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/integrating.md")]
struct Integrating;

pub use kiosk::{FAST_RETRIES, Kiosk, KioskBuilder, kiosk_command, kiosk_program, run};
pub use namespace::{again_in_namespace, in_namespace, ip, leave_out, mount_small_disk};
pub use npm::{Packages, serve_from_npm};
pub use server::{Answer, Asked, Received, TestServer};
pub use site::{INDEXED_DB, PAGE, Site};

/// How long a test waits for one thing before it fails.
pub const PATIENCE: Duration = Duration::from_secs(30);
