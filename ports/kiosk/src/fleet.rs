//! For whoever looks after many kiosks: what each tells to programs that collect.

pub mod due;
pub mod endpoint;
pub mod event_key;
pub mod event_line;
pub mod event_log;
pub mod http;
pub mod loopback;
pub mod metrics;
pub mod next_start;
pub mod next_sync_file;
mod otlp;
mod process;
pub mod scrape;
mod sync_metrics;
#[cfg(feature = "wake")]
mod systemd;
pub mod trace_settings;
pub mod traces;
mod wake_command;
pub mod wake_settings;
pub mod waker;
