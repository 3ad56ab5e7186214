//! For whoever looks after many kiosks: what each tells to programs that collect.

pub mod due;
pub mod endpoint;
pub mod http;
pub mod loopback;
pub mod metrics;
mod process;
pub mod scrape;
mod sync_metrics;
