//! The sections for whoever looks after many kiosks.

use super::problem::Problem;
use super::section::Section;
use crate::fleet::loopback::LoopbackAddress;

/// What a kiosk tells to whoever looks after many.
#[derive(Clone, Debug, Default)]
pub struct FleetConfig {
    /// Where Prometheus finds metrics. `None`: nothing is served.
    pub metrics_listen: Option<LoopbackAddress>,
}

/// Reads `[metrics]`.
pub fn read(file: &mut Section<'_>, problems: &mut Vec<Problem>) -> FleetConfig {
    let mut config = FleetConfig::default();
    if let Some(mut section) = file.take_section("metrics") {
        config.metrics_listen = section.take(
            "listen",
            "an address of this machine alone and a port, \"127.0.0.1:9464\" say",
        );
        problems.extend(section.finish());
    }
    config
}
