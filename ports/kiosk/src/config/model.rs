//! What a configuration file comes to.

use std::path::PathBuf;

use serde::Deserialize;

use super::fleet::FleetConfig;
use super::values::{NoProxy, ProxyUrl, TimeLimit, Zoom};
use crate::arguments::WindowSize;
use crate::browser::background_sync::Policy;
use crate::color_scheme::ColorScheme;
use crate::connectivity::ConnectivityConfig;
use crate::permissions::{OriginPermissions, OriginUrl};
use crate::time_of_day::TimeOfDay;

/// What the configuration file says.
#[derive(Debug, Default)]
pub struct Config {
    /// The page to show when the command line names none.
    pub url: Option<String>,
    /// The origins of pages that may be shown beside that of the start page. Left out, all may.
    pub allowed_origins: Option<Vec<OriginUrl>>,
    /// Size of the page when the command line gives none.
    pub window_size: Option<WindowSize>,
    /// Whether the window fills the screen.
    pub full_screen: Option<bool>,
    /// Whether the pointer is hidden over the window.
    pub hide_pointer: Option<bool>,
    /// Whether the kiosk runs without a window until there is a display.
    pub wait_for_display: Option<bool>,
    /// How much larger than by default everything is.
    pub zoom: Option<Zoom>,
    /// Which colors pages are asked for.
    pub color_scheme: ColorScheme,
    /// Whether `kiosk:syncs` may be shown.
    pub syncs_page: Option<bool>,
    /// The folder that keeps site data and pending syncs.
    pub profile: Option<PathBuf>,
    /// A PEM file with the certificate authorities to trust.
    pub certificate_path: Option<PathBuf>,
    /// The proxy of all loads.
    pub proxy: Option<ProxyUrl>,
    /// What is reached without the proxy, beside this machine.
    pub no_proxy: Vec<NoProxy>,
    /// After so long without input of a person, the start page returns.
    pub idle_reset: Option<TimeLimit>,
    /// A server that has not answered after so long is asked again.
    pub answer_limit: Option<TimeLimit>,
    /// When the kiosk restarts itself.
    pub restart_at: Option<TimeOfDay>,
    /// When what pages store is on the medium.
    pub storage_durability: DurabilityName,
    /// Where notifications are shown.
    pub notification_display: NotificationDisplay,
    /// Retries and limits of background sync, if the file has a section for them.
    pub policy: Option<Policy>,
    /// How to find out whether the machine has a network.
    pub connectivity: ConnectivityConfig,
    /// What it tells to whoever looks after many kiosks.
    pub fleet: FleetConfig,
    /// What origins may do; a later entry wins over an earlier one.
    pub permissions: Vec<OriginPermissions>,
    /// Preferences of the engine.
    pub preferences: serde_json::Map<String, serde_json::Value>,
}

/// When what pages store in IndexedDB, `localStorage` and cookies is on the medium.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum DurabilityName {
    /// When a sync depends on it.
    #[default]
    Barrier,
    /// Each commit, before the page hears of it.
    Strict,
    /// Some time.
    Relaxed,
}

/// Where notifications are shown.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum NotificationDisplay {
    /// As cards in the kiosk's window.
    #[default]
    Window,
    /// By the desktop's own service; as cards, while there is none.
    Desktop,
}
