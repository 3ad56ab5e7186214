//! The sections for whoever looks after many kiosks.

use std::path::PathBuf;

use log::LevelFilter;
use serde::Deserialize;

use super::problem::Problem;
use super::section::Section;
use crate::fleet::loopback::LoopbackAddress;
use crate::fleet::trace_settings::TraceSettings;
use crate::fleet::wake_settings::WakeSettings;

/// What a kiosk tells to whoever looks after many.
#[derive(Clone, Debug, Default)]
pub struct FleetConfig {
    /// Where Prometheus finds metrics. `None`: nothing is served.
    pub metrics_listen: Option<LoopbackAddress>,
    /// What is worth a line on standard error, if it is not left to the kiosk.
    pub log_level: Option<LevelFilter>,
    /// Where traces go. `None`: nowhere.
    pub traces: Option<TraceSettings>,
    /// Whether the system is to start the kiosk for what is due.
    pub wake: WakeSettings,
    /// Where the time for that is left instead of with systemd. It is the command line's: who reads it has started the kiosk.
    pub next_sync_file: Option<PathBuf>,
}

/// The level of a log by its name.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum LevelName {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

impl LevelName {
    fn filter(&self) -> LevelFilter {
        match self {
            Self::Off => LevelFilter::Off,
            Self::Error => LevelFilter::Error,
            Self::Warn => LevelFilter::Warn,
            Self::Info => LevelFilter::Info,
            Self::Debug => LevelFilter::Debug,
        }
    }
}

/// Reads `[metrics]`, `[log]`, `[traces]` and `[wake]`.
pub fn read(file: &mut Section<'_>, problems: &mut Vec<Problem>) -> FleetConfig {
    let mut config = FleetConfig::default();
    if let Some(mut section) = file.take_section("metrics") {
        config.metrics_listen = section.take(
            "listen",
            "an address of this machine alone and a port, \"127.0.0.1:9464\" say",
        );
        problems.extend(section.finish());
    }
    if let Some(mut section) = file.take_section("log") {
        let levels = "\"off\", \"error\", \"warn\", \"info\" or \"debug\"";
        let level = section.take::<LevelName>("level", levels);
        config.log_level = level.map(|level| level.filter());
        problems.extend(section.finish());
    }
    if let Some(mut section) = file.take_section("traces") {
        let allowed = "the http: address of a collector, \"http://127.0.0.1:4318/v1/traces\" say";
        let endpoint = section.require("endpoint", allowed);
        let instance = section.take("instance", "a name for this kiosk");
        config.traces = endpoint.map(|endpoint| TraceSettings { endpoint, instance });
        problems.extend(section.finish());
    }
    if let Some(mut section) = file.take_section("wake") {
        let timer = section.take("timer", "true or false").unwrap_or_default();
        let with_timer = "true or false; true only with `timer = true`";
        config.wake = WakeSettings {
            timer,
            wake_system: section
                .take_checked("wake_system", with_timer, |wakes: bool| match wakes {
                    true if !timer => Err("without a timer nothing wakes the device".to_owned()),
                    _ => Ok(wakes),
                })
                .unwrap_or_default(),
            manager: section.take("manager", "\"system\" or \"user\""),
        };
        problems.extend(section.finish());
    }
    config
}
